"""What a company can say about its prices: overrides, discounts, commitments, GPU pools and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from pipelines.economics.pricing import COMPONENTS, TIER_END
from pipelines.pricebook.catalogue import DAY_S, FIRST_DAY, LAST_DAY

Context = Literal["standard", "batch", "flex", "priority", "fast"]
Component = Literal[
    "input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning", "input_audio", "output_audio",
    "input_image", "output_image", "audio_time", "web_search", "rerank_search", "request",
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
    **dict.fromkeys(COMPONENTS, 1_000_000),
    **dict.fromkeys(("web_search", "rerank_search", "request"), 1_000),
    "audio_time": 3_600_000,
}
"""How many units a price of the file buys: a million tokens, an hour of audio, a thousand searches or requests."""
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
    """Prices in whole currency units: per million tokens, per hour of audio, per thousand searches and requests."""

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
    audio_time: Decimal | None = None
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


_UNITS: Final = {
    1_000_000: ("million tokens", "token"),
    3_600_000: ("hour", "second"),
    1_000: ("thousand", "search or request"),
}


def _absurd(component: str, price: Decimal) -> str | None:
    unit, one = _UNITS[PER[component]]
    if price < 0:
        return "a price is not negative"
    if price > DEAREST:
        return f"more than {DEAREST:,} per {unit} is no price of a model"
    if 0 < price < CHEAPEST:
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
    min_audio_seconds: int | None = Field(default=None, ge=0, le=3_600)
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
        if self.min_audio_seconds is not None and self.audio_time is None:
            raise ValueError("min_audio_seconds belongs to a price of audio_time")
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
