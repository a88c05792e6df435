"""Prices by hand: $3/M is 3,000,000 pico-USD a token, and $10 per thousand searches 10,000,000,000 a search."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.economics.pricing import (
    COMPONENTS,
    PricedRequest,
    PriceSlice,
    Usage,
    buckets,
    price_request,
    round_half_even,
)

NOON = datetime(2026, 11, 9, 12, tzinfo=UTC)
SONNET = PriceSlice(
    nums={
        "input": 3_000_000,
        "cache_read": 300_000,
        "cache_write_5m": 3_750_000,
        "cache_write_1h": 6_000_000,
        "output": 15_000_000,
        "reasoning": 15_000_000,
        "web_search": 10_000_000_000,
    },
    fallbacks="reasoning<-output",
)
SONNET_LONG = replace(SONNET, tier_lo=200_001, nums=dict(SONNET.nums) | {"input": 6_000_000, "output": 22_500_000})
STEPPED = (replace(SONNET, tier_hi=200_001), SONNET_LONG)
BATCH = replace(SONNET, price_context="batch", nums={"input": 1_500_000, "cache_read": 150_000, "output": 7_500_000})
CALL = Usage(input_tokens=4_521, output_tokens=387)


def priced(usage: Usage, *slices: PriceSlice, **facts: object) -> PricedRequest:
    return price_request(usage, slices, **{"started_at": NOON, **facts})  # pyright: ignore[reportArgumentType]


def in_every_context(standard: PriceSlice, **own: PriceSlice) -> list[PriceSlice]:
    """The slices of a model whose standard price stands in wherever it has no price of its own."""
    contexts = ("batch", "flex", "priority", "fast")
    borrowed = [replace(standard, price_context=c, has_context_price=False) for c in contexts if c not in own]
    return [standard, *borrowed, *(replace(price, price_context=c) for c, price in own.items())]


def test_the_example_record_costs_0_019368_usd() -> None:
    request = priced(CALL, SONNET)
    assert request.components_pico_usd == {"input": 13_563_000_000, "output": 5_805_000_000}
    assert request.cost_pico_usd == 19_368_000_000
    assert (request.status, request.reason) == ("priced", None)


@pytest.mark.parametrize(
    ("model", "input_tokens", "output_tokens", "cost_pico_usd"),
    [
        ("S", 1_000, 200, 1_600_000_000),
        ("L", 2_000, 100, 7_500_000_000),
        ("L", 2_000, 300, 10_500_000_000),
        ("S", 2_000, 400, 3_200_000_000),
        ("L", 4_000, 500, 19_500_000_000),
        ("S", 3_000, 500, 4_400_000_000),
        ("L", 2_000, 0, 6_000_000_000),
    ],
)
def test_the_calls_of_the_worked_example_cost_what_was_worked_out(
    model: str, input_tokens: int, output_tokens: int, cost_pico_usd: int
) -> None:
    small = PriceSlice(nums={"input": 800_000, "output": 4_000_000})
    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    assert priced(usage, SONNET if model == "L" else small).cost_pico_usd == cost_pico_usd


@pytest.mark.parametrize(("input_tokens", "cost_pico_usd"), [(200_000, 615_000_000_000), (200_001, 1_222_506_000_000)])
def test_crossing_a_tier_re_prices_the_whole_request_output_too(input_tokens: int, cost_pico_usd: int) -> None:
    assert priced(Usage(input_tokens=input_tokens, output_tokens=1_000), *STEPPED).cost_pico_usd == cost_pico_usd


def test_the_tier_is_chosen_by_input_including_cache() -> None:
    usage = Usage(input_tokens=200_001, cache_read_input_tokens=150_001, cache_creation_input_tokens=50_000)
    # 150,001 read at 0.30 and 50,000 written at 3.75, both priced in the upper step; nothing is left uncached.
    assert priced(usage, *STEPPED).components_pico_usd == {
        "cache_read": 45_000_300_000,
        "cache_write_5m": 187_500_000_000,
    }


def test_one_hour_and_five_minute_cache_writes_have_prices_of_their_own() -> None:
    usage = Usage(input_tokens=1_000, cache_creation_input_tokens=1_000, cache_creation_1h_input_tokens=400)
    request = priced(usage, SONNET)
    assert request.components_pico_usd == {"cache_write_5m": 2_250_000_000, "cache_write_1h": 2_400_000_000}
    assert request.cost_pico_usd == 4_650_000_000


def test_a_cached_token_is_not_counted_twice() -> None:
    usage = Usage(input_tokens=1_000, cache_read_input_tokens=900)
    assert priced(usage, SONNET).components_pico_usd == {"input": 300_000_000, "cache_read": 270_000_000}


def test_reasoning_is_part_of_output_and_its_fallback_is_named_where_used() -> None:
    request = priced(Usage(output_tokens=500, reasoning_output_tokens=300), SONNET)
    assert request.components_pico_usd == {"output": 3_000_000_000, "reasoning": 4_500_000_000}
    assert request.fallbacks == ("reasoning<-output",)
    assert priced(CALL, SONNET).fallbacks == ()


def test_batch_has_its_own_prices_and_wins_over_the_tier() -> None:
    request = priced(CALL, *in_every_context(SONNET, batch=BATCH), is_batch=True, service_tier="priority", speed="fast")
    assert (request.price_context, request.status, request.cost_pico_usd) == ("batch", "priced", 9_684_000_000)


def test_batch_without_a_batch_price_is_partial_at_the_standard_price() -> None:
    request = priced(CALL, *in_every_context(SONNET), is_batch=True)
    assert (request.status, request.reason) == ("partial", "no_price_for_context:batch")
    assert request.cost_pico_usd == 19_368_000_000


@pytest.mark.parametrize(
    ("facts", "context", "cost_pico_usd"),
    [
        ({"service_tier": "flex"}, "flex", 9_684_000_000),
        ({"service_tier": "Priority"}, "priority", 38_736_000_000),
        ({"service_tier": "fast"}, "fast", 116_208_000_000),
        ({"speed": "fast", "service_tier": "priority"}, "fast", 116_208_000_000),
        ({"service_tier": "batch"}, "batch", 9_684_000_000),
        ({"service_tier": "default"}, "standard", 19_368_000_000),
        ({"service_tier": "on_demand"}, "standard", 19_368_000_000),
        ({"service_tier": ""}, "standard", 19_368_000_000),
        ({"speed": "standard"}, "standard", 19_368_000_000),
    ],
)
def test_the_tier_that_was_served_sets_the_price(facts: dict[str, str], context: str, cost_pico_usd: int) -> None:
    def times(numerator: int, denominator: int) -> PriceSlice:
        return replace(SONNET, nums={c: num * numerator // denominator for c, num in SONNET.nums.items()})

    slices = in_every_context(SONNET, batch=BATCH, flex=times(1, 2), priority=times(2, 1), fast=times(6, 1))
    request = priced(CALL, *slices, **facts)
    assert (request.price_context, request.status, request.cost_pico_usd) == (context, "priced", cost_pico_usd)


def test_an_unknown_service_tier_is_partial_at_the_standard_price() -> None:
    request = priced(CALL, *in_every_context(SONNET), service_tier="scale")
    assert (request.status, request.reason) == ("partial", "unknown_service_tier")
    assert (request.price_context, request.cost_pico_usd) == ("standard", 19_368_000_000)


def test_an_unknown_model_has_no_cost_rather_than_a_cost_of_zero() -> None:
    request = price_request(CALL, None, started_at=NOON)
    assert (request.status, request.reason, request.cost_pico_usd) == ("unpriced", "unknown_model", None)
    assert request.components_pico_usd == {}


@pytest.mark.parametrize("status", ["error", "blocked_budget"])
def test_a_failed_call_that_reports_nothing_costs_nothing(status: str) -> None:
    request = price_request(Usage(), None, started_at=NOON, status=status)
    assert (request.status, request.reason, request.cost_pico_usd) == ("reported_none", None, 0)


def test_a_failed_call_that_reports_usage_is_priced() -> None:
    assert priced(CALL, SONNET, status="error").cost_pico_usd == 19_368_000_000


@pytest.mark.parametrize("status", ["ok", "cancelled"])
def test_a_call_that_succeeded_without_usage_is_unpriced_not_zero(status: str) -> None:
    request = priced(Usage(), SONNET, status=status)
    assert (request.status, request.reason, request.cost_pico_usd) == ("unpriced", "usage_missing", None)


def test_a_gateway_hit_costs_its_lookup_whatever_tokens_the_log_shows() -> None:
    request = priced(CALL, SONNET, is_gateway_cache_hit=True, lookup_cost_pico_usd=10_000_000)
    assert (request.status, request.reason, request.cost_pico_usd) == ("priced", "gateway_cache_hit", 10_000_000)
    assert priced(CALL, SONNET, is_gateway_cache_hit=True).cost_pico_usd == 0


def test_a_model_is_free_only_where_its_price_says_so() -> None:
    free = PriceSlice(is_free=True, nums={"input": 0, "output": 0})
    nameless = PriceSlice(nums={})
    assert (priced(CALL, free).status, priced(CALL, free).cost_pico_usd) == ("free", 0)
    assert (priced(CALL, nameless).status, priced(CALL, nameless).reason) == ("unpriced", "no_price:input,output")


def test_web_searches_are_priced_per_search() -> None:
    request = priced(replace(CALL, web_search_requests=3), SONNET)
    assert request.components_pico_usd["web_search"] == 30_000_000_000
    assert request.cost_pico_usd == 49_368_000_000


def test_a_quantity_without_a_price_makes_the_rest_partial_and_names_itself() -> None:
    request = priced(replace(CALL, rerank_searches=2, input_audio_tokens=21), SONNET)
    assert (request.status, request.reason) == ("partial", "no_price:input_audio,rerank_search")
    assert request.cost_pico_usd == 4_500 * 3_000_000 + 387 * 15_000_000


def test_a_rerank_without_tokens_has_usage() -> None:
    request = priced(Usage(rerank_searches=1), PriceSlice(nums={"rerank_search": 2_000_000_000}))
    assert (request.status, request.cost_pico_usd) == ("priced", 2_000_000_000)


def test_audio_tokens_are_taken_out_of_text() -> None:
    nums = {"input": 2_500_000, "output": 10_000_000, "input_audio": 40_000_000, "output_audio": 80_000_000}
    usage = Usage(input_tokens=1_000, input_audio_tokens=600, output_tokens=500, output_audio_tokens=450)
    assert priced(usage, PriceSlice(nums=nums)).components_pico_usd == {
        "input": 1_000_000_000,
        "output": 500_000_000,
        "input_audio": 24_000_000_000,
        "output_audio": 36_000_000_000,
    }


def test_a_fee_per_request_is_added_once_and_its_absence_is_no_gap() -> None:
    with_fee = PriceSlice(nums={"input": 1_000_000, "output": 1_000_000, "request": 12_000_000_000})
    assert priced(CALL, with_fee).cost_pico_usd == 12_000_000_000 + 4_908_000_000
    assert priced(CALL, SONNET).status == "priced"


@pytest.mark.parametrize(
    "usage",
    [
        Usage(input_tokens=100, cache_read_input_tokens=101),
        Usage(input_tokens=100, cache_read_input_tokens=60, cache_creation_input_tokens=60),
        Usage(input_tokens=100, cache_creation_input_tokens=10, cache_creation_1h_input_tokens=11),
        Usage(output_tokens=10, reasoning_output_tokens=11),
    ],
)
def test_a_usage_that_contradicts_itself_is_refused_never_clamped(usage: Usage) -> None:
    request = priced(usage, SONNET)
    assert (request.status, request.reason, request.cost_pico_usd) == ("unpriced", "inconsistent_usage", None)


def test_a_missing_price_is_reported_before_a_borrowed_context() -> None:
    request = priced(replace(CALL, rerank_searches=1), *in_every_context(SONNET), is_batch=True)
    assert request.reason == "no_price:rerank_search"


def test_prices_hold_on_utc_days_and_at_utc_times_of_day() -> None:
    old = replace(SONNET, valid_to=date(2026, 11, 9))
    day = replace(SONNET, valid_from=date(2026, 11, 9), tod_from_s=1_800, tod_to_s=59_400, nums={"input": 2})
    night = [replace(day, tod_from_s=a, tod_to_s=b, nums={"input": 1}) for a, b in ((0, 1_800), (59_400, 86_400))]
    midnight = datetime(2026, 11, 9, tzinfo=UTC)

    def at(instant: datetime) -> int | None:
        return priced(Usage(input_tokens=1), old, day, *night, started_at=instant).cost_pico_usd

    assert at(midnight - timedelta(microseconds=1)) == 3_000_000
    assert at(midnight) == 1
    assert at(midnight + timedelta(minutes=30) - timedelta(microseconds=1)) == 1
    assert at(midnight + timedelta(minutes=30)) == 2
    assert at(midnight + timedelta(hours=16, minutes=30)) == 1
    assert at(datetime(2026, 11, 9, 1, 59, tzinfo=timezone(timedelta(hours=2)))) == 3_000_000  # 23:59 the day before


def test_a_day_without_a_price_is_named() -> None:
    request = priced(CALL, replace(SONNET, valid_from=date(2026, 11, 10)))
    assert (request.status, request.reason) == ("unpriced", "no_price_for_date")


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        price_request(CALL, (SONNET,), started_at=NOON.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(5, 10, 0), (15, 10, 2), (25, 10, 2), (35, 10, 4), (24, 10, 2), (26, 10, 3), (0, 10, 0), (1, 3, 0), (2, 3, 1)],
)
def test_a_tie_goes_to_the_even_pico_dollar(numerator: int, denominator: int, rounded: int) -> None:
    assert round_half_even(numerator, denominator) == rounded


def test_each_component_is_rounded_and_the_total_is_their_sum() -> None:
    halves = PriceSlice(price_block=2, nums={"input": 1, "output": 1})
    request = priced(Usage(input_tokens=3, output_tokens=5), halves)
    assert request.components_pico_usd == {"input": 2, "output": 2}  # 1.5 and 2.5; rounding the sum would also give 4
    assert (
        priced(Usage(input_tokens=1, output_tokens=1), halves).cost_pico_usd == 0
    )  # 0.5 and 0.5, though they sum to 1


def test_costs_beyond_64_bits_stay_exact() -> None:
    dear = PriceSlice(price_block=3, nums={"input": 2**63 - 1})
    # (2^63 - 1)(2^62 + 1) = 2^125 + 2^62 - 1; divided by 3 it leaves 2, so it rounds up.
    assert priced(Usage(input_tokens=2**62 + 1), dear).cost_pico_usd == (2**125 + 2**62) // 3
    assert priced(Usage(input_tokens=10**13), SONNET_LONG).cost_pico_usd == 60_000_000_000_000_000_000


QUANTITIES = st.fixed_dictionaries(dict.fromkeys(COMPONENTS[:-1], st.just(0) | st.integers(0, 3_000_000)))
NUMS = st.dictionaries(st.sampled_from(COMPONENTS), st.integers(0, 2**63 - 1))


def usage_of(parts: dict[str, int]) -> Usage:
    """The inclusive counts that a log would show for these disjoint quantities."""
    writes = parts["cache_write_5m"] + parts["cache_write_1h"]
    return Usage(
        input_tokens=parts["input"] + parts["cache_read"] + writes + parts["input_audio"] + parts["input_image"],
        cache_read_input_tokens=parts["cache_read"],
        cache_creation_input_tokens=writes,
        cache_creation_1h_input_tokens=parts["cache_write_1h"],
        output_tokens=parts["output"] + parts["reasoning"] + parts["output_audio"] + parts["output_image"],
        reasoning_output_tokens=parts["reasoning"],
        input_audio_tokens=parts["input_audio"],
        output_audio_tokens=parts["output_audio"],
        input_image_tokens=parts["input_image"],
        output_image_tokens=parts["output_image"],
        audio_ms=parts["audio_time"],
        web_search_requests=parts["web_search"],
        rerank_searches=parts["rerank_search"],
    )


@settings(max_examples=200, deadline=None, database=None)
@given(QUANTITIES)
def test_a_token_is_priced_in_exactly_one_bucket(parts: dict[str, int]) -> None:
    assert buckets(usage_of(parts)) == parts


@settings(max_examples=200, deadline=None, database=None)
@given(QUANTITIES, NUMS, st.integers(1, 10**12))
def test_a_total_is_the_sum_of_its_components(parts: dict[str, int], nums: dict[str, int], price_block: int) -> None:
    request = priced(usage_of(parts), PriceSlice(nums=nums, price_block=price_block))
    if request.cost_pico_usd is None:
        assert (request.status, request.components_pico_usd) == ("unpriced", {})
    else:
        assert request.cost_pico_usd == sum(request.components_pico_usd.values())
        assert set(request.components_pico_usd) == {c for c in nums if c == "request" or parts[c] > 0}
