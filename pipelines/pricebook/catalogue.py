"""Reads genai-prices into dated prices, asking its own `ModelInfo.get_prices` and re-implementing none of its rules.

A model's prices change only at the start dates and times of day that the catalogue itself names. The catalogue is asked
once in every interval between them, and equal neighbours are merged again.

Three readings worth knowing:
- Tiers: the catalogue compares `input_tokens > start`, so a step begins at `start + 1`. xAI's `>=` needs no rule of its
  own: the catalogue writes its 200,000 as a start of 199,999.
- OpenAI's variant `{"service_tier": "default"}` overrides nothing (checked by a test), so `standard` passes no context.
- Where a provider sells another's models at the other's list price (Azure: OpenAI; Vertex: Anthropic), the catalogue
  applies no batch or tier prices. They become models of the selling provider, named 'openai/gpt-4o', standard only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeVar

from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from pipelines.economics.pricing import CONTEXTS, EVERY_DAY, TIER_END
from pipelines.pricebook.published import PER_OF_PRICE_KEY, SOURCE, installed_catalogue

FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date.max
DAY_S: Final = 86_400

CATALOGUE_CONTEXT: Final[Mapping[str, Mapping[str, str]]] = {
    "standard": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}

COMPONENT_OF_PRICE_KEY: Final[Mapping[str, str]] = {
    "input_mtok": "input",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write_5m",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "input_audio",
    "output_audio_mtok": "output_audio",
    "input_image_mtok": "input_image",
    "output_image_mtok": "output_image",
    "input_audio_hours": "audio_time",
    "audio_hours": "audio_time",
    "web_searches_kcount": "web_search",
    "rerank_searches_kcount": "rerank_search",
    "requests_kcount": "request",
}
"""Price keys of the wide slice. Others (pages, characters, pixels, …) keep the catalogue's key as their name."""

MIN_AUDIO_MS: Final[Mapping[tuple[str, str], int]] = {
    ("groq", "whisper-large-v3"): 10_000,
    ("groq", "whisper-large-v3-turbo"): 10_000,
}
"""Shortest audio that is billed (https://console.groq.com/docs/speech-to-text); no field of the catalogue says so, its
calculator knows these two."""

Value = TypeVar("Value")
Price = tuple[str, Decimal | Fraction, int]
"""Component, price in the currency of its cell (mostly USD), and the number of units that this price buys."""
Step = tuple[int, int, tuple[Price, ...]]
"""Tier step `[lo, hi)` of input tokens, and the prices in it, sorted by component."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What a cell's components cost under the company's contracts: exact pico-units of the currency per unit."""

    currency: str
    prices: tuple[tuple[str, Fraction], ...]


@dataclass(frozen=True, slots=True)
class PriceCell:
    """All prices of one model in one context, validity, weekdays, time of day and tier step; half-open bounds, UTC.

    Bit 0 of `dow_mask` is Monday. `prices` are in `currency`; `contract` is `None` where the list price is paid.
    """

    provider: str
    model: str
    context: str
    valid_from: date
    valid_to: date
    tod_from_s: int
    tod_to_s: int
    tier_lo: int
    tier_hi: int
    has_context_price: bool
    prices: tuple[Price, ...]
    evidence_url: str | None
    dow_mask: int = EVERY_DAY
    currency: str = "USD"
    price_source: str = SOURCE
    contract: Contract | None = None
    gpu_pool_id: str | None = None
    min_audio_ms: int = 0

    @property
    def is_free(self) -> bool:
        """Whether every price is an explicit zero; having no price at all is not being free."""
        return bool(self.prices) and all(price_usd == 0 for _, price_usd, _ in self.prices)


def price_cells(providers: Iterable[Provider] | None = None) -> Iterator[PriceCell]:
    """Every model's cells in every context, those of models sold at another provider's list price included."""
    known = list(installed_catalogue().providers if providers is None else providers)
    by_id = {provider.id: provider for provider in known}
    for provider in known:
        url = provider.pricing_urls[0] if provider.pricing_urls else None
        for model in provider.models:
            yield from _model_cells(provider.id, model.id, model, url, model.price_variants or ())
        for seller in provider.fallback_model_providers or ():
            for model in by_id[seller].models:
                yield from _model_cells(provider.id, resold_model(seller, model.id), model, url, ())


def resold_model(list_price_provider: str, model_id: str) -> str:
    """Name a model that a provider sells at another provider's list price."""
    return f"{list_price_provider}/{model_id}"


def _model_cells(
    provider: str, name: str, model: ModelInfo, url: str | None, variants: Sequence[PriceVariant]
) -> Iterator[PriceCell]:
    standard = _calendar(model, "standard", ())
    for context in CONTEXTS:
        wanted = CATALOGUE_CONTEXT[context]
        matching = [variant for variant in variants if _overrides(variant, wanted)]
        calendar = _calendar(model, context, matching) if matching else standard
        for valid_from, valid_to, day in calendar:
            for tod_from_s, tod_to_s, (has_own_price, steps) in day:
                for tier_lo, tier_hi, prices in steps:
                    yield PriceCell(
                        provider,
                        name,
                        context,
                        valid_from,
                        valid_to,
                        tod_from_s,
                        tod_to_s,
                        tier_lo,
                        tier_hi,
                        has_own_price or context == "standard",
                        prices,
                        url,
                        min_audio_ms=MIN_AUDIO_MS.get((provider, model.id), 0),
                    )


def _overrides(variant: PriceVariant, wanted: Mapping[str, str]) -> bool:
    """Whether a variant gives this context at least one price of its own."""
    return all(wanted.get(key) == value for key, value in variant.when.items()) and any(
        price is not None for price in vars(variant.prices).values()
    )


def _calendar(
    model: ModelInfo, context: str, variants: Sequence[PriceVariant]
) -> list[tuple[date, date, list[tuple[int, int, tuple[bool, list[Step]]]]]]:
    """Validity slices, each a list of time-of-day slices, each with (has a price of its own, tier steps)."""
    conditions = [*(model.prices if isinstance(model.prices, list) else ()), *(model.price_variants or ())]
    first_days = _start_days(conditions)
    first_seconds = _start_seconds(conditions)

    def at(day: date, second: int) -> tuple[bool, list[Step]]:
        instant = datetime.combine(day, time(), UTC) + timedelta(seconds=second)
        has_own_price = any(v.constraint is None or v.constraint.active(instant) for v in variants)
        prices = model.get_prices(instant, CATALOGUE_CONTEXT[context] if has_own_price else None)
        return has_own_price, _steps(prices)

    days = [collapse(first_seconds, [at(day, second) for second in first_seconds], DAY_S) for day in first_days]
    return collapse(first_days, days, LAST_DAY)


def _start_days(conditions: Iterable[ConditionalPrice | PriceVariant]) -> list[date]:
    starts = {c.constraint.start_date for c in conditions if isinstance(c.constraint, StartDateConstraint)}
    return sorted({FIRST_DAY} | {day for day in starts if day > FIRST_DAY})


def _start_seconds(conditions: Iterable[ConditionalPrice | PriceVariant]) -> list[int]:
    windows = [c.constraint for c in conditions if isinstance(c.constraint, TimeOfDateConstraint)]
    return sorted({0} | {_utc_second(edge) for window in windows for edge in (window.start_time, window.end_time)})


def _utc_second(edge: time) -> int:
    """Second of the UTC day; a naive time is UTC, as in the catalogue. Raises ValueError for a fraction of a second."""
    if edge.microsecond:
        raise ValueError(
            f"The catalogue has a price window that starts or ends at {edge}; windows are in whole seconds"
        )
    instant = datetime.combine(date(2000, 1, 2), edge if edge.tzinfo else edge.replace(tzinfo=UTC)).astimezone(UTC)
    return instant.hour * 3600 + instant.minute * 60 + instant.second


def _steps(prices: ModelPrice) -> list[Step]:
    """Merge the tier thresholds of all components into common steps, because crossing one re-prices them all."""
    by_key: dict[str, Decimal | TieredPrices] = {k: v for k, v in vars(prices).items() if v is not None}
    if "input_audio_hours" in by_key:  # audio in any direction is the same audio for what only listens
        by_key.pop("audio_hours", None)
    tiers = [tier for value in by_key.values() if isinstance(value, TieredPrices) for tier in value.tiers]
    starts = sorted({0} | {tier.start + 1 for tier in tiers})

    def at(input_tokens: int) -> tuple[Price, ...]:
        return tuple(
            sorted(
                (COMPONENT_OF_PRICE_KEY.get(key, key), _price_at(value, input_tokens), _units(key))
                for key, value in by_key.items()
            )
        )

    return collapse(starts, [at(start) for start in starts], TIER_END)


def _units(key: str) -> int:
    """How many units a price buys; audio counts in milliseconds here."""
    per = PER_OF_PRICE_KEY[key]
    return per * 1_000 if COMPONENT_OF_PRICE_KEY.get(key) == "audio_time" else per


def _price_at(price: Decimal | TieredPrices, input_tokens: int) -> Decimal:
    if not isinstance(price, TieredPrices):
        return price
    reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return reached[-1] if reached else price.base


Bound = TypeVar("Bound", int, date)


def collapse(starts: Sequence[Bound], values: Sequence[Value], end: Bound) -> list[tuple[Bound, Bound, Value]]:
    """Turn ascending starts and their values into half-open runs up to `end`, equal neighbours merged."""
    runs: list[tuple[Bound, Value]] = []
    for start, value in zip(starts, values, strict=True):
        if not runs or runs[-1][1] != value:
            runs.append((start, value))
    ends = [*(start for start, _ in runs[1:]), end]
    return [(start, stop, value) for (start, value), stop in zip(runs, ends, strict=True)]
