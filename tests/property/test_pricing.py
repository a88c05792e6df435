"""Prices against genai-prices' own calculator on random requests, and of layered books against plain arithmetic.

A run of the first test compares at least 10,000 requests: hypothesis draws a usage, an instant and a context, and every
36th model of the catalogue (another set each time) prices it both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.economics.pricing import CONTEXTS, EVERY_DAY, TIER_END, ContractPrice, PriceSlice, price_request
from pipelines.pricebook.book import EVERYWHERE, build_price_book
from pipelines.pricebook.catalogue import DAY_S, PriceCell
from pipelines.pricebook.layers import Box, cut
from pipelines.pricebook.slices import price_slices
from tests.unit.test_pricebook import (
    CATALOGUE_CONTEXT,
    as_the_catalogue_counts,
    difference,
    every_model,
)
from tests.unit.test_pricing import usage_of

EXAMPLES, STRIDE = 300, 36
TOKENS = st.one_of(
    st.just(0),
    st.integers(0, 3_000_000),
    st.sampled_from([step + shift for step in (32_000, 128_000, 200_000, 272_000) for shift in (-1, 0, 1)]),
)
PARTS = st.fixed_dictionaries(
    {
        **dict.fromkeys(("input", "cache_read", "cache_write_5m", "cache_write_1h"), TOKENS),
        **dict.fromkeys(("output", "reasoning"), st.just(0) | st.integers(0, 200_000)),
        **dict.fromkeys(
            ("input_audio", "output_audio", "input_image", "output_image"), st.just(0) | st.integers(0, 9_999)
        ),
        "audio_time": st.just(0) | st.integers(0, 86_400_000) | st.sampled_from((1, 9_999, 10_000, 10_001)),
        **dict.fromkeys(("web_search", "rerank_search"), st.just(0) | st.integers(0, 99)),
    }
)
INSTANTS = st.one_of(
    st.integers(0, 5 * 365 * 86_400).map(lambda second: datetime(2023, 1, 1, tzinfo=UTC) + timedelta(seconds=second)),
    st.builds(
        lambda day, second: datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second),
        st.sampled_from(
            [date(2026, 3, 13), date(2026, 8, 17), date(2026, 10, 12), date(2026, 10, 14), date(2026, 11, 21)]
        ),
        st.sampled_from([-1, 0, 1_799, 1_800, 3_600, 14_399, 14_400, 21_600, 36_000, 59_399, 59_400, 86_399]),
    ),
)


@cache
def slices() -> Mapping[tuple[str, str], tuple[PriceSlice, ...]]:
    return price_slices(build_price_book().slices)


@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(PARTS, INSTANTS, st.sampled_from(CONTEXTS), st.integers(0, STRIDE - 1))
def test_a_request_costs_what_the_catalogue_calculates(
    parts: dict[str, int], instant: datetime, context: str, first: int
) -> None:
    usage = usage_of(parts)
    theirs = as_the_catalogue_counts(usage)
    models = list(every_model())[first::STRIDE]
    assert len(models) * EXAMPLES > 10_000
    for provider, model, name in models:
        ours = slices()[provider.id, name]
        request = price_request(usage, ours, started_at=instant, is_batch=context == "batch", service_tier=context)
        calculated = model.calc_price(
            theirs, provider, genai_request_timestamp=instant, price_context=CATALOGUE_CONTEXT[context]
        )
        assert request.list_cost_pico_usd == request.cost_pico_usd
        if request.reason == "usage_missing":
            continue
        block = max(piece.price_block for piece in ours)
        kind = difference(request, calculated.total_price, block)
        assert kind in (None, "no_price", "rounded"), (provider.id, name, request, calculated)


DAYS = st.integers(0, 6).map(lambda n: date(2026, 11, 1) + timedelta(days=n))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    first, end = sorted(draw(st.lists(DAYS, min_size=2, max_size=2, unique=True)))
    (second, until), (low, high) = (
        sorted(draw(st.lists(st.integers(0, 5), min_size=2, max_size=2, unique=True))) for _ in range(2)
    )
    return Box(first, end, second, until, low, high, draw(st.integers(1, EVERY_DAY)))


def cell(box: Box) -> PriceCell:
    spans = (box.valid_from, box.valid_to, box.tod_from_s, box.tod_to_s, box.tier_lo, box.tier_hi)
    return PriceCell("p", "m", "standard", *spans, True, (), None, dow_mask=box.dow_mask)


def holds(box: Box | PriceCell, day: int, second: int, tokens: int, weekday: int) -> bool:
    return (
        box.valid_from.toordinal() <= day < box.valid_to.toordinal()
        and box.tod_from_s <= second < box.tod_to_s
        and box.tier_lo <= tokens < box.tier_hi
        and bool(box.dow_mask >> weekday & 1)
    )


@settings(max_examples=100, deadline=None, database=None)
@given(boxes(), boxes())
def test_cutting_a_price_loses_no_instant_and_counts_none_twice(one: Box, other: Box) -> None:
    inside, outside = cut(cell(one), other)
    first = date(2026, 11, 1).toordinal()
    for point in [(first + d, s, t, w) for d in range(7) for s in range(6) for t in range(6) for w in range(7)]:
        assert (inside is not None and holds(inside, *point)) == (holds(one, *point) and holds(other, *point))
        pieces = [piece for piece in [inside, *outside] if piece is not None and holds(piece, *point)]
        assert len(pieces) == int(holds(one, *point))


def test_a_box_is_everything_until_it_says_otherwise() -> None:
    everything = Box()
    inside, outside = cut(cell(everything), everything)
    assert (inside, outside) == (cell(everything), [])
    assert (
        everything.dow_mask,
        (everything.valid_from.toordinal(), everything.valid_to.toordinal()),
        (0, DAY_S),
        (0, TIER_END),
    ) == EVERYWHERE


@settings(max_examples=300, deadline=None, database=None)
@given(PARTS, st.integers(0, 10**9), st.integers(1, 10**6))
def test_a_contract_of_one_factor_costs_that_share_but_for_rounding(
    parts: dict[str, int], numerator: int, denominator: int
) -> None:
    nums = dict.fromkeys(parts, 3_000_000)
    factor = Fraction(numerator, denominator)
    contracted = {component: num * factor.numerator for component, num in nums.items()}
    contract = ContractPrice(price_block=factor.denominator, nums=contracted)
    request = price_request(
        usage_of(parts), (PriceSlice(nums=nums, contract=contract),), started_at=datetime(2026, 11, 9, tzinfo=UTC)
    )
    if request.cost_pico_usd is None or request.list_cost_pico_usd is None:
        assert (request.reason, request.list_cost_pico_usd) == ("usage_missing", request.cost_pico_usd)
    else:
        assert request.list_cost_pico_usd == 3_000_000 * sum(parts.values())
        assert abs(request.cost_pico_usd - request.list_cost_pico_usd * factor) <= Fraction(len(parts), 2)
