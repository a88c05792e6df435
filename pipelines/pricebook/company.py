"""Reads the company's own prices: overrides, discounts, commitments, GPU pools and names, from one TOML file.

Every table is checked by itself and then against the others; all problems come at once, each with the line of its table.
Whether a name is that of a priced model is found out where the book is built.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from fnmatch import fnmatchcase
from itertools import combinations, pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from pipelines.economics.pricing import COMPONENTS, TIER_END
from pipelines.pricebook.catalogue import DAY_S, FIRST_DAY, LAST_DAY
from pipelines.pricebook.errors import PriceBookError

Context = Literal["standard", "batch", "flex", "priority", "fast"]
Component = Literal[
    "input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning", "input_audio", "output_audio",
    "input_image", "output_image", "web_search", "rerank_search", "request",
]  # fmt: skip
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=300)]
Patterns = Annotated[tuple[Name, ...], Field(min_length=1)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$")]
Amount = Annotated[Decimal, Field(ge=0, max_digits=26, decimal_places=12)]
Ratio = Annotated[Decimal, Field(ge=0, decimal_places=12)]

PER: Final[Mapping[str, int]] = {
    component: 1_000 if component in ("web_search", "rerank_search", "request") else 1_000_000
    for component in COMPONENTS
}
"""How many units a price of the file buys: a million tokens, or a thousand searches or requests."""
DEAREST: Final = 4_000
"""USD for that many: landing's largest quantities at such a price, all components together, still fit 64 bits of pico-dollars."""
CHEAPEST: Final = Decimal("0.001")


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Dated(Table):
    """Holds from the day `from` up to, not including, the day `to`; UTC."""

    valid_from: date = Field(default=FIRST_DAY, alias="from")
    valid_to: date = Field(default=LAST_DAY, alias="to")

    @model_validator(mode="after")
    def _is_in_order(self) -> Dated:
        if self.valid_from >= self.valid_to:
            raise ValueError(f"from {self.valid_from} is not before to {self.valid_to}; `to` is the first day after")
        return self


class Priced(Dated):
    """Prices in whole currency units: per million tokens, per thousand searches and requests."""

    input: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    output: Decimal | None = None
    reasoning: Decimal | None = None
    input_audio: Decimal | None = None
    output_audio: Decimal | None = None
    input_image: Decimal | None = None
    output_image: Decimal | None = None
    web_search: Decimal | None = None
    rerank_search: Decimal | None = None
    request: Decimal | None = None
    currency: Currency = "USD"

    @property
    def prices(self) -> dict[str, Decimal]:
        stated = {component: getattr(self, component) for component in COMPONENTS}
        return {component: price for component, price in stated.items() if price is not None}

    @model_validator(mode="after")
    def _are_prices(self) -> Priced:
        problems = [f"{name} = {price}: {why}" for name, price in self.prices.items() if (why := _absurd(name, price))]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _absurd(component: str, price: Decimal) -> str | None:
    unit = "million tokens" if PER[component] == 1_000_000 else "thousand"
    if price < 0:
        return "a price is not negative"
    if price > DEAREST:
        return f"more than {DEAREST:,} per {unit} is no price of a model"
    if 0 < price < CHEAPEST:
        one = "token" if PER[component] == 1_000_000 else "search or request"
        return f"looks like a price per {one}; write it per {unit}"
    return None


class Override(Priced):
    """Replaces the components it names of one model; a model that nobody knows yet begins to exist."""

    provider: Name
    model: Name
    context: tuple[Context, ...] = ("standard",)
    above_input_tokens: int = Field(default=-1, ge=0, lt=TIER_END)
    weekdays: tuple[Weekday, ...] = WEEKDAYS
    from_time: time = time()
    to_time: time = time()
    is_free: bool = False

    @model_validator(mode="before")
    @classmethod
    def _one_context_is_a_list(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and isinstance(cast(Mapping[str, Any], values).get("context"), str):
            return {**cast(Mapping[str, Any], values), "context": [values["context"]]}
        return cast(Any, values)

    @model_validator(mode="after")
    def _says_something(self) -> Override:
        if not self.prices:
            raise ValueError("names no price")
        if self.is_free and any(self.prices.values()):
            raise ValueError("is_free = true, but not every price is 0")
        if not self.context or not self.weekdays:
            raise ValueError("an empty list of contexts or weekdays holds never")
        if self.from_time.tzinfo or self.to_time.tzinfo or self.from_time.microsecond or self.to_time.microsecond:
            raise ValueError("from_time and to_time are whole seconds in UTC, without a zone")
        return self

    @property
    def dow_mask(self) -> int:
        return sum(1 << WEEKDAYS.index(day) for day in set(self.weekdays))

    @property
    def tier_lo(self) -> int:
        return self.above_input_tokens + 1

    @property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """Seconds of the UTC day; a window past midnight is two. The weekday is always that of the request's start."""
        start, end = _second(self.from_time), _second(self.to_time) or DAY_S
        return ((start, end),) if start < end else tuple(w for w in ((0, end), (start, DAY_S)) if w[0] < w[1])


def _second(of_day: time) -> int:
    return of_day.hour * 3600 + of_day.minute * 60 + of_day.second


class Discount(Priced):
    """A negotiated price, beside the list price. Discounts on one component follow each other in ascending `order`."""

    provider: Name
    model: Name
    context: tuple[Context, ...] = ()
    component: tuple[Component, ...] = ()
    multiplier: Annotated[Decimal, Field(ge=0, le=1, decimal_places=12)] | None = None
    uplift: Annotated[Decimal, Field(ge=1, le=100, decimal_places=12)] | None = None
    order: int = 0

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        stated = cast(Mapping[str, Any], values)
        return {**stated, **{k: [v] for k in ("context", "component") if isinstance(v := stated.get(k), str)}}

    @model_validator(mode="after")
    def _is_one_kind(self) -> Discount:
        kinds = [name for name in ("multiplier", "uplift") if getattr(self, name) is not None]
        kinds += ["a price"] if self.prices else []
        if len(kinds) != 1:
            raise ValueError(
                f"takes exactly one of multiplier (0 to 1), uplift (1 or more) and prices, not {len(kinds)}"
            )
        if self.prices and self.component:
            raise ValueError("prices name their components themselves; leave `component` out")
        return self

    @property
    def components(self) -> tuple[str, ...]:
        return tuple(self.prices) or self.component or COMPONENTS


class Tier(Table):
    above: Amount
    multiplier: Ratio


class Drawdown(Dated):
    """What a term's or month's total usage costs: a commitment, a free allowance, or prices by volume."""

    id: Identifier
    kind: Literal["commitment", "allowance", "volume_tiers"]
    providers: Patterns = ("*",)
    models: Patterns = ("*",)
    measure: Literal["usd", "tokens", "requests"] = "usd"
    window: Literal["month", "term"] = "month"
    fee_usd: Amount | None = None
    commit_usd: Amount | None = None
    overage_multiplier: Ratio = Decimal(1)
    free: Amount | None = None
    tier: tuple[Tier, ...] = ()

    @model_validator(mode="after")
    def _is_complete(self) -> Drawdown:
        problems = [*self._missing(), *self._of_another_kind()]
        if self.kind == "commitment" and (self.measure, self.window) != ("usd", "term"):
            problems.append('a commitment has measure = "usd" and window = "term": one table per term')
        if self.kind == "commitment" and self.commit_usd == 0:
            problems.append("commit_usd = 0 buys nothing")
        if self.window == "term" and LAST_DAY in (self.valid_from, self.valid_to):
            problems.append("a term needs both from and to")
        whole = [self.free, *(tier.above for tier in self.tier)] if self.measure != "usd" else []
        if any(amount is not None and amount != amount.to_integral_value() for amount in whole):
            problems.append(f"amounts of {self.measure} are whole numbers")
        above = [tier.above for tier in self.tier]
        if above != sorted(set(above)):
            problems.append(f"tiers begin above {', '.join(map(str, above))}: not in ascending order")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _missing(self) -> list[str]:
        needed = {"commitment": ("fee_usd", "commit_usd"), "allowance": ("free",), "volume_tiers": ("tier",)}[self.kind]
        missing = [name for name in needed if getattr(self, name) in (None, ())]
        missing += ["from"] if self.valid_from == FIRST_DAY else []
        return [f"kind {self.kind!r} needs {', '.join(missing)}"] if missing else []

    def _of_another_kind(self) -> list[str]:
        own = {
            "commitment": ("fee_usd", "commit_usd", "overage_multiplier"),
            "allowance": ("free",),
            "volume_tiers": ("tier",),
        }
        names = [name for kind, fields in own.items() if kind != self.kind for name in fields]
        strange = [name for name in names if name in self.model_fields_set]
        return [f"kind {self.kind!r} has no {', '.join(strange)}"] if strange else []


class GpuPool(Dated):
    """Servers of one's own: what their hours cost, and how many tokens a second they do when busy."""

    id: Identifier
    models: Patterns
    gpu_hourly_usd: Annotated[Decimal, Field(gt=0, max_digits=20, decimal_places=12)]
    gpus: int = Field(gt=0)
    prefill_tokens_per_s: Annotated[Decimal, Field(gt=0, decimal_places=6)]
    decode_tokens_per_s: Annotated[Decimal, Field(gt=0, decimal_places=6)]
    utilisation: Annotated[Decimal, Field(gt=0, le=1, decimal_places=6)]
    cache_read_share: Annotated[Decimal, Field(ge=0, le=1, decimal_places=6)] = Decimal(0)


class CompanyAlias(Dated):
    """A name as it is logged, and the priced model 'provider/model' that it means."""

    provider: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True)]
    model: Name
    means: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[^/]+/.+$")]


SECTIONS: Final[Mapping[str, type[Table]]] = {
    "override": Override,
    "discount": Discount,
    "drawdown": Drawdown,
    "gpu_pool": GpuPool,
    "alias": CompanyAlias,
}
AZURE: Final = "azure_deployments"
Row = TypeVar("Row", bound=Table)


@dataclass(frozen=True, eq=False)
class CompanyPrices:
    """The company's file: its tables, its hash, and what is odd but not wrong."""

    overrides: tuple[Override, ...] = ()
    discounts: tuple[Discount, ...] = ()
    drawdowns: tuple[Drawdown, ...] = ()
    gpu_pools: tuple[GpuPool, ...] = ()
    aliases: tuple[CompanyAlias, ...] = ()
    azure_deployments: Mapping[str, str] = field(default_factory=dict[str, str])
    sha: str = ""
    warnings: tuple[str, ...] = ()


def read_company_prices(path: Path) -> CompanyPrices:
    """Read the company's prices. Raises PriceBookError listing every problem with its place."""
    try:
        content = path.read_bytes()
        raw = tomllib.loads(content.decode(), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PriceBookError([f"{path}: cannot be read as TOML: {error}"]) from None
    places = _Places(path, content.decode())
    problems = [
        f"{path}: unknown section {name!r}. Known: {', '.join(SECTIONS)}, {AZURE}"
        for name in raw.keys() - {*SECTIONS, AZURE}
    ]
    rows: dict[str, list[tuple[str, Any]]] = {}
    for section, kind in SECTIONS.items():
        rows[section] = _rows(section, kind, raw.get(section, []), places, problems)
    deployments = _deployments(raw.get(AZURE, {}), path, problems)
    problems += [*_overlaps(rows), *_twice(rows)]
    if problems:
        raise PriceBookError(sorted(set(problems), key=problems.index))

    def only(section: str) -> tuple[Any, ...]:
        return tuple(row for _, row in rows[section])

    return CompanyPrices(
        only("override"), only("discount"), only("drawdown"), only("gpu_pool"), only("alias"),
        deployments, hashlib.sha256(content).hexdigest(), tuple(_gaps(rows)),
    )  # fmt: skip


@dataclass(frozen=True)
class _Places:
    path: Path
    text: str

    def of(self, section: str, n: int) -> str:
        headers = [m.start() for m in re.finditer(rf"(?m)^[ \t]*\[\[\s*{section}\s*\]\]", self.text)]
        line = f":{self.text.count(chr(10), 0, headers[n]) + 1}" if n < len(headers) else ""
        return f"{self.path}{line}: {section} {n + 1}"


def _rows(section: str, kind: type[Row], raw: Any, places: _Places, problems: list[str]) -> list[tuple[str, Row]]:
    if not isinstance(raw, list):
        problems.append(f"{places.path}: {section} is a list of tables: write [[{section}]]")
        return []
    rows: list[tuple[str, Row]] = []
    for n, values in enumerate(cast(list[Any], raw)):
        place = places.of(section, n)
        try:
            rows.append((place, kind.model_validate(values)))
        except ValidationError as error:
            problems += [f"{place}: {_problem(cast(Mapping[str, Any], item), kind)}" for item in error.errors()]
    return rows


def _problem(item: Mapping[str, Any], kind: type[Table]) -> str:
    name = ".".join(map(str, item["loc"]))
    if item["type"] == "extra_forbidden":
        known = ", ".join(field.alias or key for key, field in kind.model_fields.items())
        return f"{name} is unknown. Known: {known}"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{name} = {str(item['input'])[:60]}: {message}" if name else message


def _deployments(raw: Any, path: Path, problems: list[str]) -> dict[str, str]:
    if not isinstance(raw, Mapping) or not all(isinstance(v, str) for v in cast(Mapping[str, Any], raw).values()):
        problems.append(f"{path}: {AZURE} maps the name of a deployment to the name of a model")
        return {}
    stated = {name.strip().lower(): model.strip().lower() for name, model in cast(Mapping[str, str], raw).items()}
    if len(stated) < len(cast(Mapping[str, str], raw)):
        problems.append(f"{path}: {AZURE} names a deployment twice; upper and lower case are the same")
    return stated


def are_at_once(one: Dated, other: Dated) -> bool:
    """Whether two tables hold on one day."""
    return one.valid_from < other.valid_to and other.valid_from < one.valid_to


def matches(pattern: str, name: str) -> bool:
    """Whether a shell pattern means a model: its whole name, or what follows a '/', as in 'openai/gpt-4o'."""
    return any(fnmatchcase(name.lower(), spelling) for spelling in spellings(pattern))


def spellings(pattern: str) -> tuple[str, str]:
    """The plain shell patterns that make a pattern over models."""
    return pattern, f"*/{pattern}"


def patterns_meet(one: str, other: str) -> bool:
    """Whether some name can match both shell patterns; a `[set]` counts as any one character."""
    one, other = (re.sub(r"\[!?\]?[^\]]*\]", "?", re.sub(r"\*+", "*", pattern)) for pattern in (one, other))
    reached = {(0, 0)}
    waiting = [(0, 0)]
    while waiting:
        i, j = waiting.pop()
        a, b = one[i : i + 1], other[j : j + 1]
        steps = [(i + 1, j)] if a == "*" else []
        steps += [(i, j + 1)] if b == "*" else []
        if a and b and (a in "*?" or b in "*?" or a == b):
            steps.append((i + (a != "*"), j + (b != "*")))
        fresh = [step for step in steps if step not in reached]
        reached.update(fresh)
        waiting += fresh
    return (len(one), len(other)) in reached


def _overlaps(rows: Mapping[str, Sequence[tuple[str, Any]]]) -> Iterable[str]:
    for section, what in (
        ("override", _same_price),
        ("discount", _same_order),
        ("gpu_pool", _same_gpus),
        ("alias", _same_name),
    ):
        for (place, one), (other_place, other) in combinations(rows[section], 2):
            if are_at_once(one, other) and (subject := what(one, other)):
                yield f"{other_place}: overlaps {other_place.rpartition(': ')[2].split()[0]} {place.split()[-1]} on {subject}"


def _same_price(one: Override, other: Override) -> str | None:
    same = set(one.prices) & set(other.prices)
    is_one_model = (one.provider, one.model) == (other.provider, other.model) and set(one.context) & set(other.context)
    # A step above N ends where a higher one of the same model begins: only equal steps overlap.
    is_one_time = one.tier_lo == other.tier_lo and one.dow_mask & other.dow_mask
    meets = any(a[0] < b[1] and b[0] < a[1] for a in one.windows for b in other.windows)
    return (
        f"{', '.join(sorted(same))} of {one.provider} {one.model}"
        if same and is_one_model and is_one_time and meets
        else None
    )


def _same_order(one: Discount, other: Discount) -> str | None:
    contexts = set(one.context) & set(other.context) or not one.context or not other.context
    is_one_scope = patterns_meet(one.provider, other.provider) and patterns_meet(one.model, other.model) and contexts
    same = [component for component in one.components if component in other.components]
    if one.order != other.order or not is_one_scope or not same:
        return None
    return f"{one.model} at the same order {one.order}; give each its own order"


def _same_gpus(one: GpuPool, other: GpuPool) -> str | None:
    if one.id == other.id:
        return f"the pool {one.id}"
    meeting = [(a, b) for a in one.models for b in other.models if patterns_meet(a, b)]
    return f"models: {meeting[0][0]} and {meeting[0][1]} can be one name" if meeting else None


def _same_name(one: CompanyAlias, other: CompanyAlias) -> str | None:
    return f"{one.provider} {one.model}" if (one.provider, one.model) == (other.provider, other.model) else None


def _twice(rows: Mapping[str, Sequence[tuple[str, Any]]]) -> Iterable[str]:
    for (place, one), (other_place, other) in combinations(rows["drawdown"], 2):
        if one.id == other.id:
            yield f"{other_place}: the id {one.id!r} is that of drawdown {place.split()[-1]}"


def _gaps(rows: Mapping[str, Sequence[tuple[str, Any]]]) -> Iterable[str]:
    """Days between two tables of one series on which neither holds."""
    series: dict[tuple[object, ...], list[tuple[Dated, str]]] = {}
    for section in ("override", "gpu_pool", "alias"):
        for place, row in rows[section]:
            subject = {
                "override": lambda r: (
                    r.provider,
                    r.model,
                    r.context,
                    r.tier_lo,
                    r.dow_mask,
                    r.windows,
                    tuple(r.prices),
                ),
                "gpu_pool": lambda r: (r.id,),
                "alias": lambda r: (r.provider, r.model),
            }[section](row)
            series.setdefault((section, *subject), []).append((row, place))
    for dated in series.values():
        ordered = sorted(dated, key=lambda item: item[0].valid_from)
        for (earlier, _), (later, place) in pairwise(ordered):
            if earlier.valid_to < later.valid_from:
                yield f"{place}: nothing holds from {earlier.valid_to} to {later.valid_from}, between two of one series"
