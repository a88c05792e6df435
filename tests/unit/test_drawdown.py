"""Commitments, allowances and volume tiers worked out by hand; 1 USD is 10^12 pico-USD."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.economics.drawdown import SEGMENT_END, Drawn, Segment, cost_of_first, effective_costs, window_start
from pipelines.pricebook.drawdowns import segments
from tests.price_books import company

USD = 10**12
COMMITMENT = (Segment(0, 100 * USD, 9, 10), Segment(100 * USD, SEGMENT_END, 1, 1))
"""90 USD buy 100 USD of usage; beyond it the contracted price."""
ALLOWANCE = (Segment(0, 1_000, 0, 1), Segment(1_000, SEGMENT_END, 1, 1))
VOLUME = (Segment(0, 1_000, 1, 1), Segment(1_000, 5_000, 4, 5), Segment(5_000, SEGMENT_END, 1, 2))


def test_a_commitment_is_used_up_to_its_last_dollar() -> None:
    rows = [Drawn(60 * USD), Drawn(40 * USD), Drawn(1 * USD)]
    # 60 x 0.9 and 40 x 0.9, together the fee of 90; the 101st dollar is overage.
    assert effective_costs(rows, COMMITMENT, "usd") == [54 * USD, 36 * USD, 1 * USD]


def test_a_request_may_cross_the_end_of_a_commitment() -> None:
    # 99 x 0.9 = 89.10; then 1 x 0.9 + 4 x 1 = 4.90.
    assert effective_costs([Drawn(99 * USD), Drawn(5 * USD)], COMMITMENT, "usd") == [
        89_100_000_000_000, 4_900_000_000_000,
    ]  # fmt: skip


def test_an_allowance_gives_its_last_unit_and_no_more() -> None:
    rows = [Drawn(7 * USD, tokens=999), Drawn(2 * USD, tokens=1), Drawn(3 * USD, tokens=1)]
    assert effective_costs(rows, ALLOWANCE, "tokens") == [0, 0, 3 * USD]
    # One request of 1,500 tokens: a third of it is beyond the allowance.
    assert effective_costs([Drawn(3 * USD, tokens=1_500)], ALLOWANCE, "tokens") == [1 * USD]


def test_an_allowance_of_requests_counts_requests_whatever_they_cost() -> None:
    free = (Segment(0, 2, 0, 1), Segment(2, SEGMENT_END, 1, 1))
    rows = [Drawn(5 * USD, tokens=9), Drawn(0), Drawn(4 * USD)]
    assert effective_costs(rows, free, "requests") == [0, 0, 4 * USD]


def test_prices_by_volume_are_marginal() -> None:
    # 1,000 at 1, 4,000 at 0.8, 1,000 at 0.5 of 6,000 tokens: (1,000 + 3,200 + 500) / 6,000 of 6 USD = 4.70 USD.
    assert effective_costs([Drawn(6 * USD, tokens=6_000)], VOLUME, "tokens") == [4_700_000_000_000]


def test_a_request_without_tokens_costs_its_contracted_price() -> None:
    assert effective_costs([Drawn(1 * USD, tokens=0)], ALLOWANCE, "tokens") == [1 * USD]


def test_ties_go_to_the_even_pico_dollar() -> None:
    half = (Segment(0, SEGMENT_END, 1, 2),)
    # F(1) = 0.5 -> 0, F(2) = 1, F(3) = 1.5 -> 2, F(4) = 2: each row is charged what the total rises by.
    assert effective_costs([Drawn(1)] * 4, half, "usd") == [0, 1, 1, 0]
    # 3 x 0.5 = 1.5 -> 2 of one request's own contracted cost.
    assert effective_costs([Drawn(3, tokens=1)], half, "tokens") == [2]


def test_a_rate_keeps_six_decimals_where_units_are_not_money() -> None:
    third = (Segment(0, SEGMENT_END, 1, 3),)
    # F(1) = 0.333333 of a token; 1 USD x 0.333333.
    assert effective_costs([Drawn(USD, tokens=1)], third, "tokens") == [333_333_000_000]


@pytest.mark.parametrize(
    ("day", "window", "first"),
    [
        (date(2026, 10, 31), "month", date(2026, 10, 1)),
        (date(2026, 11, 1), "month", date(2026, 11, 1)),
        (date(2026, 9, 30), "month", date(2026, 9, 15)),  # the drawdown began in the middle of its first month
        (date(2026, 10, 31), "term", date(2026, 9, 15)),
    ],
)
def test_a_monthly_window_begins_anew_on_the_first(day: date, window: str, first: date) -> None:
    assert window_start(day, window, date(2026, 9, 15)) == first  # pyright: ignore[reportArgumentType]


def test_the_companys_file_makes_the_segments(tmp_path: Path) -> None:
    text = """
    [[drawdown]]
    id = "c"
    kind = "commitment"
    window = "term"
    fee_usd = "90"
    commit_usd = 100
    overage_multiplier = "1.2"
    from = 2026-01-01
    to = 2027-01-01

    [[drawdown]]
    id = "a"
    kind = "allowance"
    measure = "requests"
    free = 1500
    from = 2026-01-01

    [[drawdown]]
    id = "v"
    kind = "volume_tiers"
    measure = "tokens"
    from = 2026-01-01
    tier = [{ above = 1000, multiplier = "0.8" }, { above = 5000, multiplier = "0.5" }]
    """
    commitment, allowance, volume = company(text, tmp_path).drawdowns
    assert segments(commitment) == [Segment(0, 100 * USD, 9, 10), Segment(100 * USD, SEGMENT_END, 6, 5)]
    assert segments(allowance) == [Segment(0, 1_500, 0, 1), Segment(1_500, SEGMENT_END, 1, 1)]
    assert segments(volume) == list(VOLUME)


STARTS = st.lists(st.integers(1, 10**15), max_size=3, unique=True).map(sorted)
RATES = st.tuples(st.integers(0, 10**6), st.integers(1, 10**6))


@st.composite
def windows(draw: st.DrawFn) -> list[Segment]:
    starts = [0, *draw(STARTS)]
    rates = draw(st.lists(RATES, min_size=len(starts), max_size=len(starts)))
    ends = [*starts[1:], SEGMENT_END]
    return [Segment(lo, hi, num, den) for lo, hi, (num, den) in zip(starts, ends, rates, strict=True)]


ROWS = st.lists(st.builds(Drawn, st.integers(0, 10**14), st.integers(0, 10**7)), max_size=30)


@settings(max_examples=300, deadline=None, database=None)
@given(ROWS, windows())
def test_what_a_window_is_charged_is_the_cost_of_its_total(rows: list[Drawn], window: list[Segment]) -> None:
    total = sum(row.contracted_pico for row in rows)
    assert sum(effective_costs(rows, window, "usd")) == cost_of_first(total, window)


@settings(max_examples=300, deadline=None, database=None)
@given(ROWS, windows())
def test_the_order_of_requests_does_not_change_what_the_window_is_charged(
    rows: list[Drawn], window: list[Segment]
) -> None:
    assert sum(effective_costs(rows[::-1], window, "usd")) == sum(effective_costs(rows, window, "usd"))


@settings(max_examples=300, deadline=None, database=None)
@given(ROWS, windows(), st.sampled_from(["usd", "tokens", "requests"]), st.integers(0, 30))
def test_earlier_requests_are_charged_the_same_whatever_follows(
    rows: list[Drawn], window: list[Segment], measure: str, n: int
) -> None:
    whole = effective_costs(rows, window, measure)  # pyright: ignore[reportArgumentType]
    assert effective_costs(rows[:n], window, measure) == whole[:n]  # pyright: ignore[reportArgumentType]


@settings(max_examples=300, deadline=None, database=None)
@given(windows(), st.integers(0, 10**16), st.integers(0, 10**16))
def test_more_usage_never_costs_less(window: list[Segment], one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert 0 <= cost_of_first(less, window) <= cost_of_first(more, window)


@pytest.mark.parametrize("measure", ["usd", "tokens", "requests"])
def test_a_rate_of_one_leaves_every_cost_as_it_was(measure: str) -> None:
    rows = [Drawn(7, tokens=3), Drawn(0, tokens=5), Drawn(10**15 + 1, tokens=0)]
    plain = (Segment(0, SEGMENT_END, 1, 1),)
    assert effective_costs(rows, plain, measure) == [7, 0, 10**15 + 1]  # pyright: ignore[reportArgumentType]
