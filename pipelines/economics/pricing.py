"""What one request cost, at list and at contracted price, in exact integers: the reference that the SQL is tested against.

Money is integer pico-USD (1 USD = 10^12). Every token falls into exactly one bucket; each bucket's cost is rounded
half-even to the pico-dollar, and the total is the sum of the rounded parts. A price in another currency is rounded to
that currency's pico-unit first and converted afterwards, each component by itself. What cannot be priced has no cost at
all (`None`), with the reason; it is never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

PricingStatus = Literal["priced", "partial", "free", "unpriced", "reported_none"]

COMPONENTS: Final = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "input_audio",
    "output_audio",
    "input_image",
    "output_image",
    "audio_time",
    "web_search",
    "rerank_search",
    "request",
)
"""What a price slice can price, in the order in which reasons name them."""

CACHED: Final = ("cache_read", "cache_write_5m", "cache_write_1h")
"""What the provider's prompt cache reads and writes."""

CONTEXTS: Final = ("standard", "batch", "flex", "priority", "fast")
STANDARD_TIERS: Final = frozenset({"", "default", "standard", "on_demand", "auto"})
"""Service tiers that are only names for the standard price."""

GATEWAY_LOOKUP: Final = "gateway_lookup"
TIER_END: Final = 2**63 - 1
"""Upper end of a price's last tier step: no count of tokens reaches it."""
EVERY_DAY: Final = 0b111_1111
"""Weekdays as bits, bit 0 is Monday."""
RATE_SCALE: Final = 10**9
"""Exchange rates count with nine decimals, as for revenue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one request consumed, as the canonical record has it; a count the record leaves null is 0.

    `input_tokens` includes cache reads, cache writes, audio and image; `output_tokens` includes reasoning, audio and
    image; `cache_creation_input_tokens` includes `cache_creation_1h_input_tokens`.
    """

    input_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_creation_1h_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_output_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_image_tokens: int = 0
    audio_ms: int = 0
    web_search_requests: int = 0
    rerank_searches: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractPrice:
    """What the company pays instead of a slice's list price; components as there."""

    currency: str = "USD"
    price_block: int = 1
    nums: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSlice:
    """One model's prices in one context, tier step, validity, weekdays and time of day; bounds are half-open `[lo, hi)`.

    A component costs `quantity * nums[component] / price_block` pico-units of `currency`. A component absent from
    `nums` has no known price. Tier bounds count input tokens including cache; dates, weekdays and seconds of the day
    are UTC. Without a `contract` the list price is what is paid.
    """

    price_context: str = "standard"
    tier_lo: int = 0
    tier_hi: int = TIER_END
    valid_from: date = date(1970, 1, 1)
    valid_to: date = date.max
    tod_from_s: int = 0
    tod_to_s: int = 86_400
    dow_mask: int = EVERY_DAY
    price_source: str = "genai-prices"
    has_context_price: bool = True
    is_free: bool = False
    currency: str = "USD"
    price_block: int = 1
    nums: Mapping[str, int]
    fallbacks: str = ""
    contract: ContractPrice | None = None
    gpu_pool_id: str | None = None
    min_audio_ms: int = 0
    """Audio is billed as at least this long, where there is any."""

    def covers(self, context: str, input_tokens: int, day: date, second_of_day: int) -> bool:
        return (
            self.price_context == context
            and self.tier_lo <= input_tokens < self.tier_hi
            and self.valid_from <= day < self.valid_to
            and self.tod_from_s <= second_of_day < self.tod_to_s
            and self.dow_mask >> day.weekday() & 1 == 1
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedRequest:
    """The verdict on one request.

    `cost_pico_usd` is the sum of `components_pico_usd`, at contracted prices, or `None` where the request is unpriced;
    commitments and allowances come later, over many requests. `list_cost_pico_usd` is the same at list price, `None`
    where that has no dollars. `fallbacks` names the price substitutions that this request really used, as
    'cache_write_1h<-cache_write_5m'. `avoided_cost_pico_usd` is what a hit of the gateway's cache would have cost, had
    it been served; `prompt_cache_saving_pico_usd` what the provider's prompt cache saved against plain input (negative
    where writes cost more than reads saved), both at contracted prices and `None` where they cannot be known.
    """

    status: PricingStatus
    reason: str | None = None
    price_context: str
    cost_pico_usd: int | None
    list_cost_pico_usd: int | None
    components_pico_usd: Mapping[str, int] = field(default_factory=dict[str, int])
    fallbacks: tuple[str, ...] = ()
    price_source: str | None = None
    gpu_pool_id: str | None = None
    avoided_cost_pico_usd: int | None = None
    prompt_cache_saving_pico_usd: int | None = None


def buckets(usage: Usage) -> dict[str, int]:
    """Split a usage into disjoint quantities, one per component; the per-request fee is no quantity and has no bucket.

    A negative quantity means that the usage contradicts itself.
    """
    parts_of_input = (
        usage.cache_read_input_tokens
        + usage.cache_creation_input_tokens
        + usage.input_audio_tokens
        + usage.input_image_tokens
    )
    parts_of_output = usage.reasoning_output_tokens + usage.output_audio_tokens + usage.output_image_tokens
    return {
        "input": usage.input_tokens - parts_of_input,
        "cache_read": usage.cache_read_input_tokens,
        "cache_write_5m": usage.cache_creation_input_tokens - usage.cache_creation_1h_input_tokens,
        "cache_write_1h": usage.cache_creation_1h_input_tokens,
        "output": usage.output_tokens - parts_of_output,
        "reasoning": usage.reasoning_output_tokens,
        "input_audio": usage.input_audio_tokens,
        "output_audio": usage.output_audio_tokens,
        "input_image": usage.input_image_tokens,
        "output_image": usage.output_image_tokens,
        "audio_time": usage.audio_ms,
        "web_search": usage.web_search_requests,
        "rerank_search": usage.rerank_searches,
    }


def context_of(*, is_batch: bool, service_tier: str | None, speed: str | None) -> tuple[str, bool]:
    """Name the price context of a request, and say whether its service tier is one we know."""
    tier = (service_tier or "").lower()
    if is_batch:
        return "batch", True
    if (speed or "").lower() == "fast":
        return "fast", True
    if tier in CONTEXTS:
        return tier, True
    return "standard", tier in STANDARD_TIERS


def round_half_even(numerator: int, denominator: int) -> int:
    """Divide two integers, `denominator` > 0, and round to the nearest; a tie goes to the even neighbour."""
    quotient, remainder = divmod(numerator, denominator)
    is_up = 2 * remainder > denominator or (2 * remainder == denominator and quotient % 2 == 1)
    return quotient + int(is_up)


def to_usd(pico: int, rate: Decimal) -> int:
    """Convert pico-units of a currency to pico-USD; `rate` is USD for one unit, half-up at nine decimals."""
    return round_half_even(pico * int((rate * RATE_SCALE).to_integral_value(ROUND_HALF_UP)), RATE_SCALE)


def price_request(
    usage: Usage,
    slices: Sequence[PriceSlice] | None,
    *,
    started_at: datetime,
    status: str = "ok",
    is_gateway_cache_hit: bool = False,
    is_batch: bool = False,
    service_tier: str | None = None,
    speed: str | None = None,
    lookup_cost_pico_usd: int = 0,
    usd_rates: Mapping[str, Decimal] | None = None,
) -> PricedRequest:
    """Price one request by the first rule that applies, in the order written here.

    `slices` are those of the model that served, `None` where no price book knows it. `started_at` picks validity,
    weekday and time of day; it must carry a zone. Raises ValueError if it does not. `usd_rates` are the USD for one unit
    of each currency on the UTC day of the start.
    """
    if started_at.tzinfo is None:
        raise ValueError(f"started_at={started_at!r} has no time zone; prices hold in UTC, so pass an aware instant")
    context, is_known_tier = context_of(is_batch=is_batch, service_tier=service_tier, speed=speed)
    if is_gateway_cache_hit:
        served = price_request(
            usage,
            slices,
            started_at=started_at,
            is_batch=is_batch,
            service_tier=service_tier,
            speed=speed,
            usd_rates=usd_rates,
        )
        return PricedRequest(
            avoided_cost_pico_usd=served.cost_pico_usd,
            status="priced",
            reason="gateway_cache_hit",
            price_context=context,
            cost_pico_usd=lookup_cost_pico_usd,
            list_cost_pico_usd=lookup_cost_pico_usd,
            components_pico_usd={GATEWAY_LOOKUP: lookup_cost_pico_usd},
        )
    has_usage = usage != Usage()
    if not has_usage and status in ("error", "blocked_budget"):
        return PricedRequest(status="reported_none", price_context=context, cost_pico_usd=0, list_cost_pico_usd=0)

    price = _slice_at(slices or (), context, usage.input_tokens, started_at.astimezone(UTC))
    quantities = buckets(usage)
    if not has_usage:
        reason = "usage_missing"
    elif slices is None:
        reason = "unknown_model"
    elif price is None:
        reason = "no_price_for_date"
    elif min(quantities.values()) < 0:
        reason = "inconsistent_usage"
    else:
        return _priced(quantities, price, context, is_known_tier, {"USD": Decimal(1)} | dict(usd_rates or {}))
    return _unpriced(reason, context)


def _unpriced(reason: str, context: str, price: PriceSlice | None = None) -> PricedRequest:
    return PricedRequest(
        status="unpriced",
        reason=reason,
        price_context=context,
        cost_pico_usd=None,
        list_cost_pico_usd=None,
        price_source=price.price_source if price else None,
        gpu_pool_id=price.gpu_pool_id if price else None,
    )


def _slice_at(slices: Sequence[PriceSlice], context: str, input_tokens: int, started_at: datetime) -> PriceSlice | None:
    second_of_day = started_at.hour * 3600 + started_at.minute * 60 + started_at.second
    return next((s for s in slices if s.covers(context, input_tokens, started_at.date(), second_of_day)), None)


def _costs(used: Mapping[str, int], nums: Mapping[str, int], block: int, rate: Decimal) -> dict[str, int]:
    """Cost in pico-USD of every used component that has a price."""
    costs = {c: round_half_even(quantity * nums[c], block) for c, quantity in used.items() if c in nums}
    return costs if rate == 1 else {component: to_usd(cost, rate) for component, cost in costs.items()}


def _priced(
    quantities: Mapping[str, int],
    price: PriceSlice,
    context: str,
    is_known_tier: bool,
    usd_rates: Mapping[str, Decimal],
) -> PricedRequest:
    """Apply rules 6 to 8 to a consistent usage and the slice that covers it."""
    used = {component: quantity for component, quantity in quantities.items() if quantity > 0}
    if "audio_time" in used:
        used["audio_time"] = max(used["audio_time"], price.min_audio_ms)
    if "request" in price.nums:  # no fee per request is the normal case, not an unknown price
        used["request"] = 1
    missing = ",".join(component for component in COMPONENTS if component in used and component not in price.nums)
    if missing and not used.keys() & price.nums.keys():
        return _unpriced(f"no_price:{missing}", context, price)
    paid = price.contract or ContractPrice(currency=price.currency, price_block=price.price_block, nums=price.nums)
    if paid.currency not in usd_rates:
        return _unpriced(f"no_fx_rate:{paid.currency}", context, price)
    costs = _costs(used, paid.nums, paid.price_block, usd_rates[paid.currency])
    list_rate = usd_rates.get(price.currency)
    listed = None if list_rate is None else _costs(used, price.nums, price.price_block, list_rate)

    status: PricingStatus = "free" if price.is_free else "priced"
    reason = None
    if missing:
        status, reason = "partial", f"no_price:{missing}"
    elif not price.has_context_price:
        status, reason = "partial", f"no_price_for_context:{context}"
    elif not is_known_tier:
        status, reason = "partial", "unknown_service_tier"
    return PricedRequest(
        status=status,
        reason=reason,
        price_context=context,
        cost_pico_usd=sum(costs.values()),
        list_cost_pico_usd=None if listed is None else sum(listed.values()),
        components_pico_usd=costs,
        fallbacks=tuple(f for f in price.fallbacks.split(",") if f.partition("<-")[0] in used),
        price_source=price.price_source,
        gpu_pool_id=price.gpu_pool_id,
        prompt_cache_saving_pico_usd=_prompt_cache_saving(used, costs, paid, usd_rates[paid.currency]),
    )


def _prompt_cache_saving(
    used: Mapping[str, int], costs: Mapping[str, int], paid: ContractPrice, rate: Decimal
) -> int | None:
    """What the tokens read from and written to the prompt cache would have cost as plain input, less what they cost."""
    cached = [component for component in CACHED if component in used]
    if not cached:
        return 0
    if "input" not in paid.nums or any(component not in costs for component in cached):
        return None
    plain = _costs({"input": sum(used[component] for component in cached)}, paid.nums, paid.price_block, rate)
    return plain["input"] - sum(costs[component] for component in cached)
