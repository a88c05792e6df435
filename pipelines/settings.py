"""Settings: `margincall.toml` plus environment, as one frozen typed object. The only reader of the environment."""

from __future__ import annotations

import difflib
import os
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, ValidationInfo, field_validator

ENV_PREFIX = "MARGINCALL_"
CONFIG_VERSION = 1
DEFAULT_CONFIG = Path("margincall.toml")

FieldPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-\.]+$|^tag:[A-Za-z0-9_\-\.]+$")]
Paths = tuple[FieldPath, ...]
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]+$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class SettingsError(Exception):
    """The configuration cannot be used; the message names every problem, where it stands and what is known."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mapping(Section):
    """Where a source keeps what companies log in different places: each an ordered list, the first filled path wins.

    A path is dotted (`metadata.spend_logs_metadata.tenant_id`); `tag:env` reads the value of an `env:…` request tag.
    An empty list leaves the source's own default in place.
    """

    tenant_id: Paths = ()
    task_id: Paths = ()
    workflow_key: Paths = ()
    conversation_id: Paths = ()
    end_user_id: Paths = ()
    feature: Paths = ()
    environment: Paths = ()
    prompt_version: Paths = ()
    experiment: Paths = ()


class ScoredMapping(Mapping):
    """Of a source that carries scores: which of them judge a task, and how they become its outcome.

    A boolean is success or failure by itself, a text by the words below (also `escalated` and `abandoned`), a number only
    by `outcome_threshold`. A score that says none of that is counted and passed over. Words and names: case is no matter.
    """

    outcome_names: tuple[str, ...] = ()
    """Names of the scores that judge a task; empty: all of them."""
    outcome_threshold: Decimal | None = Field(default=None, max_digits=20, decimal_places=12)
    """A number of at least this is success."""
    outcome_success: tuple[str, ...] = (
        "success", "successful", "succeeded", "pass", "passed", "true", "yes", "correct", "resolved", "solved", "accepted",
        "completed", "good", "positive", "thumbs_up",
    )  # fmt: skip
    outcome_failure: tuple[str, ...] = (
        "failure", "failed", "fail", "false", "no", "incorrect", "unresolved", "unsolved", "rejected", "bad", "negative",
        "thumbs_down",
    )  # fmt: skip
    outcome_inverted: tuple[str, ...] = ("hallucination", "toxicity", "toxic", "harmful", "bias", "refusal")
    """Names of scores of which true, or a number above the threshold, is bad."""


class Reporting(Section):
    zone: str = "UTC"
    first_day_of_week: Literal["monday", "sunday"] = "monday"

    @field_validator("zone")
    @classmethod
    def zone_exists(cls, value: str) -> str:
        if value not in available_timezones():
            near = difflib.get_close_matches(value, available_timezones(), n=3)
            raise ValueError(f"unknown time zone; nearest known: {', '.join(near) or 'none'}")
        ZoneInfo(value)
        return value


class Tasks(Section):
    max_span_days: int = Field(default=30, ge=1, le=366)


class Environments(Section):
    """Which values of `environment` are cost of goods; everything else is R&D. A request that names none is production."""

    production: tuple[str, ...] = ("production", "prod", "live")


class Users(Section):
    service_accounts: tuple[str, ...] = ()
    """Patterns with `*` and `?` of end-user ids that are no persons; compared with the id as stored, hashed or not."""


class FreeTier(Section):
    """Whose cost may count as acquisition instead of cost of goods: never as both."""

    plans: tuple[str, ...] = ("free",)
    cost: Literal["cogs", "sales_marketing"] = "cogs"


class Pricing(Section):
    gateway_lookup_usd: Decimal = Field(default=Decimal(0), ge=0, max_digits=20, decimal_places=12)
    company_prices: Path | None = None
    """The company's own prices (TOML): overrides, discounts, commitments, GPU pools, names."""
    litellm_prices: Path | None = None
    """LiteLLM's `model_prices_and_context_window.json`, for models that genai-prices does not know."""


class ExpectedBreakage(Section):
    """From that day on: the share of bought credits that is expected never to be burned."""

    since: date
    share: Decimal = Field(ge=0, lt=1, decimal_places=6)


UsageUnit = Literal["none", "requests", "input_tokens", "output_tokens", "tokens", "tasks", "successful_tasks"]


class Revenue(Section):
    """How revenue is recognised where invoices alone do not say."""

    usage_unit: UsageUnit = "none"
    """What contracts count: their `allowance` and `overage_rate` are by this unit. None: nothing accrues before its invoice."""
    accrue_outcomes: bool = False
    """Whether the `value_usd` of an outcome is revenue until an outcome line covers its day."""
    expected_breakage: tuple[ExpectedBreakage, ...] = ()
    """Empty: what is left of a credit pack is earned when it lapses."""

    @field_validator("expected_breakage")
    @classmethod
    def days_are_unique(cls, value: tuple[ExpectedBreakage, ...]) -> tuple[ExpectedBreakage, ...]:
        days = [item.since for item in value]
        if twice := sorted({str(day) for day in days if days.count(day) > 1}):
            raise ValueError(f"{', '.join(twice)} is there twice; one estimate holds at a time")
        return value


class ModelTiers(Section):
    """Shell patterns over model names, tried small, then large, then mid; a model that none matches is `unknown`."""

    small: tuple[str, ...] = (
        "*-mini*", "ministral*", "*nano*", "*haiku*", "*flash*", "*lite*", "*small*", "*-8b*", "*-7b*", "*-3b*", "*micro*",
        "*embedding*",
    )  # fmt: skip
    mid: tuple[str, ...] = ("*sonnet*", "gpt-4o*", "gpt-4.1*", "*medium*", "*-70b*", "deepseek-chat*", "grok-3*")
    large: tuple[str, ...] = (
        "*opus*",
        "*-pro*",
        "gpt-5*",
        "gpt-4-*",
        "gpt-4",
        "o1*",
        "o3*",
        "*large*",
        "*-405b*",
        "grok-4*",
    )


class Targets(Section):
    """Targets of the weekly view; shares as fractions of one. An unset target shows the row without a verdict."""

    cost_share_of_revenue_max: Decimal | None = Decimal("0.15")
    gross_margin_min: Decimal | None = Decimal("0.68")
    cost_per_active_user_max_usd: Decimal | None = None
    cost_per_successful_task_max_usd: Decimal | None = None
    success_rate_min: Decimal | None = None
    gateway_cache_hit_rate_min: Decimal | None = Decimal("0.30")
    small_or_mid_share_min: Decimal | None = Decimal("0.60")
    top20_cost_share_of_mrr_max: Decimal | None = Decimal("0.40")
    ltv_cac_min: Decimal | None = Decimal(3)
    month_cost_plan_usd: Decimal | None = None


class Gate(Section):
    """Limits of the cost gate: the largest worsening that passes, as fractions. Unset: shown without a verdict."""

    max_success_drop: Decimal = Field(default=Decimal("0.02"), ge=0, le=1)
    """In points: 0.02 lets 82% fall to 80%."""
    max_cost_per_success_increase: Decimal = Field(default=Decimal("0.05"), ge=0)
    max_cost_per_task_increase: Decimal | None = Field(default=None, ge=0)
    max_tokens_increase: Decimal | None = Field(default=None, ge=0)
    max_p95_increase: Decimal | None = Field(default=None, ge=0)
    decide_by: Literal["estimate", "interval"] = "estimate"
    """`interval`: what is beyond its limit passes while its interval reaches back over it."""
    repeat_separator: str = "#"
    """`case-7#2` is the second try of `case-7`. Empty: every task id is a case of its own."""


class Findings(Section):
    """From where on a finding is told. Shares are fractions of one."""

    least_share_of_spend: Decimal = Field(default=Decimal("0.0001"), ge=0, le=1)
    """Of what model calls cost in the days of the finding."""
    least_usd: Decimal = Field(default=Decimal(0), ge=0)
    least_cases: int = Field(default=10, ge=1)
    """Calls, tries or prompts behind it."""
    storm_retries_per_call: Decimal = Field(default=Decimal("0.5"), gt=0)
    """Charged failures for each call of a day, from which on it is a storm."""
    surge_factor: Decimal = Field(default=Decimal(3), gt=1)
    """How many times its former tasks a tenant does a weekday."""
    prompt_growth: Decimal = Field(default=Decimal("0.05"), gt=0)
    cache_drop: Decimal = Field(default=Decimal("0.05"), gt=0, lt=1)
    """In points: 0.05 is from 34% to 29%."""
    simple_work_share: Decimal = Field(default=Decimal("0.02"), ge=0, le=1)
    """Of a tenant's calls of a feature of task tier 3, done by one large model."""
    anomaly_factor: Decimal = Field(default=Decimal(2), gt=1)
    anomaly_share_of_spend: Decimal = Field(default=Decimal("0.10"), gt=0)
    """Of the company's median day: what a day must cost beyond the usual."""
    provider_share: Decimal = Field(default=Decimal("0.80"), gt=0, le=1)
    repeated_context_share: Decimal = Field(default=Decimal("0.67"), gt=0, le=1)
    """Of what a feature's tasks cost."""


AlertRule = Literal["limits", "metrics", "tenants", "findings"]


class Alerts(Section):
    """What is told without being asked for, and where to. Without a place `margincall alerts list` still has it."""

    rules: tuple[AlertRule, ...] = ("limits", "metrics", "tenants", "findings")
    limit_thresholds_percent: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = (50, 75, 90, 100)
    tenant_window: Literal["week", "month"] = "week"
    """Over which stretch a tenant's margin is judged: the latest complete week, or the last whole month."""
    finding_min_usd: Decimal = Field(default=Decimal(10), ge=0)
    """A finding that is known to cost less stays on its list."""
    cool_down_hours: int = Field(default=168, ge=1, le=100_000)
    """After so long a finding that goes on and was not acknowledged is told again."""
    file: Path | None = None
    """JSON lines, appended to."""
    webhook_url_env: Variable | None = None
    """The environment variable that holds the URL of a Slack-compatible webhook. Who knows the URL may post to it."""
    prometheus_file: Path | None = None
    """For the node exporter's textfile collector: `….prom`."""

    @field_validator("webhook_url_env")
    @classmethod
    def is_none_of_ours(cls, value: str | None) -> str | None:
        return None if value is None else _not_ours(value)


class Experiment(Section):
    """Labels of `experiment` in the logs: who went on as before, and who got the change."""

    control: Annotated[str, StringConstraints(min_length=1)]
    treatment: Annotated[str, StringConstraints(min_length=1)]


class Change(Section):
    """Something that was done to save, with what it was said to save. Held against what came of it by `margincall savings`."""

    id: Label
    what: Literal["route", "cache", "prompt", "model", "price"]
    since: date
    """The first day on which everything went the new way, in the reporting zone."""
    until: date | None = None
    """The first day on which it no longer did; unset: it goes on."""
    tenant: str | None = None
    feature: str | None = None
    claimed_weekly_usd: Decimal = Field(max_digits=20, decimal_places=12)
    experiment: Experiment | None = None
    """Unset: the weeks since are compared with those before."""

    @field_validator("until")
    @classmethod
    def ends_after_it_began(cls, value: date | None, info: ValidationInfo) -> date | None:
        since = info.data.get("since")
        if value is not None and since is not None and value <= since:
            raise ValueError(f"must be after since, {since}")
        return value

    @field_validator("experiment")
    @classmethod
    def arms_differ(cls, value: Experiment | None) -> Experiment | None:
        if value is not None and value.control == value.treatment:
            raise ValueError("control and treatment are the same label")
        return value


class Landing(Section):
    max_line_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    """A longer line goes to quarantine unread."""
    keep_quarantined_bytes: bool = False
    """Keep the raw bytes of rows that could not be read. Off: the structure with every text replaced."""
    lease_s: int = Field(default=600, ge=1)
    """After this long without a sign of life an unfinished landing may be taken over."""


class Fetching(Section):
    """What all databases that records or feeds are fetched from have in common."""

    url_env: Variable
    """The environment variable that holds the database's URL. The URL itself stands nowhere: it holds a password."""
    statement_timeout_s: int = Field(default=60, ge=1, le=86_400)

    @field_validator("url_env")
    @classmethod
    def is_none_of_ours(cls, value: str) -> str:
        return _not_ours(value)


class LiteLLMDatabase(Fetching):
    """The PostgreSQL database of a LiteLLM proxy, whose table of spend logs is read."""

    name: Label
    instance: str | None = None
    """Tells this proxy's request ids from those of others; unset: the `instance` of the settings."""
    since: date | None = None
    """Older rows are left alone; unset: all are read."""
    look_back_hours: int = Field(default=24, ge=1, le=1_000_000)
    """How long after its start a row may still be written and be found."""
    page_rows: int = Field(default=10_000, ge=1, le=100_000)


class SqlFeed(Fetching):
    """A business feed that is the result of a query."""

    feed: str
    query: str
    name: Label | None = None
    """Unset: that of the feed."""

    @property
    def label(self) -> str:
        return self.name or self.feed


class Control(Section):
    url: str | None = None
    """SQLAlchemy URL of the control database; unset: SQLite under `data_dir`."""


class Privacy(Section):
    hash_end_user_ids: bool = False
    """Store a keyed hash in place of every end-user id."""
    hash_key_env: Variable | None = None
    """The environment variable that holds the keys, the newest last; unset: a file of the data folder."""


class Retention(Section):
    """What `margincall retention apply` removes; an unset one removes nothing."""

    request_days: int | None = Field(default=None, ge=1)
    """Requests that started longer ago."""
    quarantine_days: int | None = Field(default=None, ge=0)
    """What is kept of unreadable rows that landed longer ago; file, line and reason stay."""


DEFAULT_PRECEDENCE = (
    "litellm", "litellm_spend_logs", "portkey", "helicone", "canonical", "openai_response", "anthropic_message",
    "langfuse", "otlp",
)  # fmt: skip
"""Gateways first: they know tenant, retries, their own cache and the tier that served. Of LiteLLM's two logs the payloads
have every attempt. Then what a company logs on purpose, then bare answers, then telemetry, which is sampled and cut.
"""


class Sources(Section):
    precedence: tuple[str, ...] = ()
    """Which source counts where several log the same call, the first before the others; see `DEFAULT_PRECEDENCE`."""
    litellm: Mapping = Mapping()
    litellm_spend_logs: Mapping = Mapping()
    helicone: Mapping = Mapping()
    portkey: Mapping = Mapping()
    openai_response: Mapping = Mapping()
    anthropic_message: Mapping = Mapping()
    otlp: ScoredMapping = ScoredMapping()
    langfuse: ScoredMapping = ScoredMapping()
    canonical: Mapping = Mapping()

    @field_validator("precedence")
    @classmethod
    def sources_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = [name for name in cls.model_fields if name != "precedence"]
        if unknown := [name for name in value if name not in known]:
            raise ValueError(f"unknown source {', '.join(unknown)}; known: {', '.join(known)}")
        if twice := sorted({name for name in value if value.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is there twice")
        return value

    @property
    def ranked(self) -> tuple[str, ...]:
        """Every source, in the order of precedence: those that the settings name, then the others."""
        return (*self.precedence, *(name for name in DEFAULT_PRECEDENCE if name not in self.precedence))


class Settings(Section):
    """Everything a run may vary. Built by `load_settings` only."""

    config_version: int = CONFIG_VERSION
    data_dir: Path = Path("var")
    instance: str = "default"
    """Names this deployment of a source, so that two gateways with equal request ids stay apart."""
    logs: tuple[str, ...] = ()
    """Log files, folders and globs that `margincall run` ingests."""
    feeds: tuple[str, ...] = ()
    """Business feed files, folders and globs that `margincall run` ingests."""
    litellm_databases: tuple[LiteLLMDatabase, ...] = ()
    sql_feeds: tuple[SqlFeed, ...] = ()
    reporting: Reporting = Reporting()
    tasks: Tasks = Tasks()
    users: Users = Users()
    free_tier: FreeTier = FreeTier()
    environments: Environments = Environments()
    pricing: Pricing = Pricing()
    revenue: Revenue = Revenue()
    model_tiers: ModelTiers = ModelTiers()
    targets: Targets = Targets()
    gate: Gate = Gate()
    findings: Findings = Findings()
    alerts: Alerts = Alerts()
    changes: tuple[Change, ...] = ()
    landing: Landing = Landing()
    control: Control = Control()
    privacy: Privacy = Privacy()
    retention: Retention = Retention()
    sources: Sources = Sources()

    @field_validator("config_version")
    @classmethod
    def version_is_known(cls, value: int) -> int:
        if value != CONFIG_VERSION:
            raise ValueError(f"this release reads config_version {CONFIG_VERSION}")
        return value

    @field_validator("litellm_databases", "sql_feeds", "changes")
    @classmethod
    def names_are_unique(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        names = [
            item.label if isinstance(item, SqlFeed) else item.id if isinstance(item, Change) else item.name
            for item in value
        ]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is there twice; give each a name of its own")
        return value

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of everything that a run ingests."""
        databases = (f"litellm://{database.name}" for database in self.litellm_databases)
        queries = (f"sql://{feed.label}" for feed in self.sql_feeds)
        return (*self.logs, *self.feeds, *databases, *queries)

    @property
    def control_url(self) -> str:
        return self.control.url or f"sqlite:///{self.data_dir.resolve() / 'control.sqlite'}"

    def at(self, data_dir: Path) -> Settings:
        """These settings with their state under another folder."""
        return self.model_copy(update={"data_dir": data_dir})


def load_settings(config: Path | None = None, environ: dict[str, str] | None = None) -> Settings:
    """Read the configuration file (if any) and overlay `MARGINCALL_<KEY>` variables, `__` for nesting.

    Relative paths in the file are relative to the file. Raises SettingsError naming every problem at once.
    """
    path = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    values = _read_toml(path) if path else {}
    if path:
        _anchor(values, path.resolve().parent)
    env = {k: v for k, v in (os.environ if environ is None else environ).items() if k.startswith(ENV_PREFIX)}
    for name, text in sorted(env.items()):
        keys = name[len(ENV_PREFIX) :].lower().split("__")
        if keys[0] in Settings.model_fields:
            _put(values, keys, text)
        elif keys[0] not in _NOT_SETTINGS:
            raise SettingsError(f"{name}: unknown setting. {_nearest(keys[0], Settings)}")
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        where = str(path) if path else "the environment"
        problems = "\n".join(f"  - {_problem(item)}" for item in error.errors())
        raise SettingsError(f"{where} cannot be used:\n{problems}") from None


def environment_variable(name: str, wanted_by: str, setting: str = "its url_env") -> str:
    """What an environment variable holds that the settings name. Raises SettingsError."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise SettingsError(f"{wanted_by}: the environment variable {name} ({setting}) is not set.")
    return value


_FILES = {"pricing": ("company_prices", "litellm_prices"), "alerts": ("file", "prometheus_file")}
"""Settings that name a file, by section: relative to the configuration file."""

# Variables with the prefix that belong to the tests and to builds, not to the configuration.
_NOT_SETTINGS = frozenset({"real_data", "build_inputs", "warehouse", "dbt_target", "config"})


def _not_ours(variable: str) -> str:
    if variable.upper().startswith(ENV_PREFIX):
        raise ValueError(f"variables that begin with {ENV_PREFIX} are settings; choose another name")
    return variable


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such configuration file. `margincall init` writes one.") from None
    except IsADirectoryError:
        raise SettingsError(f"{path}: is a folder, not a configuration file.") from None
    except PermissionError:
        raise SettingsError(f"{path}: no permission to read it.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None


def _anchor(values: dict[str, Any], folder: Path) -> None:
    if isinstance(values.get("data_dir"), str):
        values["data_dir"] = folder / values["data_dir"]
    else:
        values.setdefault("data_dir", folder / "var")
    for key in ("logs", "feeds"):
        if isinstance(values.get(key), list):
            values[key] = [
                str(folder / item) if isinstance(item, str) and "://" not in item else item for item in values[key]
            ]
    for section, keys in _FILES.items():
        found = values.get(section)
        if isinstance(found, dict):
            files = {key: found[key] for key in keys if isinstance(found.get(key), str)}
            values[section] = {**found, **{key: folder / name for key, name in files.items()}}


def _put(values: dict[str, Any], keys: list[str], text: str) -> None:
    for key in keys[:-1]:
        nested = values.setdefault(key, {})
        if not isinstance(nested, dict):
            raise SettingsError(f"{ENV_PREFIX}{'__'.join(keys).upper()}: {key} is a value, not a section")
        values = nested
    values[keys[-1]] = [part.strip() for part in text.split(",")] if _is_list(keys) else text


def _is_list(keys: list[str]) -> bool:
    model: Any = Settings
    for key in keys[:-1]:
        field = model.model_fields.get(key) if isinstance(model, type) and issubclass(model, BaseModel) else None
        if field is None:
            return False
        model = field.annotation
    field = model.model_fields.get(keys[-1]) if isinstance(model, type) and issubclass(model, BaseModel) else None
    return field is not None and str(field.annotation).startswith("tuple[")


def _problem(item: Any) -> str:
    keys = [str(part) for part in item["loc"]]
    name = ".".join(keys)
    if item["type"] == "extra_forbidden":
        model: Any = Settings
        for key in keys[:-1]:
            model = get_args(model)[0] if key.isdigit() else model.model_fields[key].annotation
        return f"{name}: unknown setting. {_nearest(keys[-1], model)}"
    # A URL that was put in the place of a variable's name holds a password.
    text = str(item["input"])
    is_shown = "{" not in text and "://" not in text
    got = f" (got {text[:60]!r})" if is_shown else ""
    return f"{name}: {item['msg'].removeprefix('Value error, ')}{got}"


def _nearest(key: str, model: type[BaseModel]) -> str:
    known = list(model.model_fields)
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}Known here: {', '.join(known)}."
