"""Revenue worked out by hand, and what holds for every amount and history; credits and units are whole numbers here."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.economics.revenue import (
    Estimate,
    Pack,
    PackDay,
    Use,
    by_weight,
    earned,
    overage,
    recognise,
    spread,
)  # fmt: skip

START = date(2026, 1, 1)
LAPSE = date(2026, 4, 1)
PACK = Pack("pack", "acme", START, LAPSE, 12_500)
"""10,000 credits and 2,500 for nothing, for $1,000.00; three months of burns leave 1,500 to lapse."""
BURNS = [
    Use("acme", date(2026, 1, 20), 5_000),
    Use("acme", date(2026, 2, 20), 4_000),
    Use("acme", date(2026, 3, 20), 2_000),
]


def cents(days: list[PackDay], amount: int = 100_000) -> list[int]:
    return [earned(amount, day.after) - earned(amount, day.before) for day in days]


def test_a_year_paid_in_advance_has_365_days() -> None:
    year = spread(1_200_000, 365)
    assert year[:7] == [3288, 3287, 3288, 3288, 3287, 3288, 3288]
    assert (year.count(3288), year.count(3287), sum(year)) == (245, 120, 1_200_000)
    assert sum(year[:17]) == 55_890


def test_a_refund_is_spread_with_its_own_sign() -> None:
    assert spread(-10, 3) == [-3, -4, -3]
    assert spread(0, 2) == [0, 0]


def test_breakage_is_earned_when_credits_lapse() -> None:
    days, uncovered = recognise([PACK], BURNS)
    assert cents(days) == [40_000, 32_000, 16_000, 12_000]
    assert [day.basis for day in days] == ["burned", "burned", "burned", "breakage"]
    assert [day.day for day in days] == [burn.day for burn in BURNS] + [LAPSE]
    assert uncovered == []


def test_expected_breakage_is_earned_in_proportion() -> None:
    days, _ = recognise([PACK], BURNS, [Estimate(START, Decimal("0.10"))])
    assert cents(days) == [44_444, 35_556, 17_778, 2_222]


def test_a_changed_estimate_is_made_up_for_and_restates_nothing() -> None:
    raised = [Estimate(START, Decimal("0.10")), Estimate(date(2026, 2, 1), Decimal("0.12"))]
    days, _ = recognise([PACK], BURNS, raised)
    month = {1: 0, 2: 0, 3: 0, 4: 0}
    for day, amount in zip(days, cents(days), strict=True):
        month[day.day.month] += amount
    assert month == {1: 44_444, 2: 37_374, 3: 18_182, 4: 0}
    # 5,000 / 11,000 of $1,000.00 is 454.55: 10.11 more than was earned, on the first day of the new estimate.
    assert (days[1].day, days[1].basis, cents(days)[1]) == (date(2026, 2, 1), "breakage", 1_011)


def test_the_pack_that_lapses_first_is_burned_first() -> None:
    p1 = Pack("p1", "acme", date(2026, 3, 1), date(2026, 6, 30), 1_000)
    p2 = Pack("p2", "acme", date(2026, 2, 1), date(2026, 12, 31), 1_000)
    days, _ = recognise([p2, p1], [Use("acme", date(2026, 6, 10), 1_200)])
    burned = {day.line_id: (day.before, day.after) for day in days if day.day == date(2026, 6, 10)}
    assert burned == {"p1": (0, 1), "p2": (0, Fraction(1, 5))}
    assert earned(10_000, burned["p1"][1]) + earned(8_000, burned["p2"][1]) == 11_600


def test_of_two_packs_that_lapse_together_the_older_is_burned_first() -> None:
    old, new = (Pack(name, "acme", START + timedelta(days=n), LAPSE, 10) for n, name in enumerate(["z-old", "a-new"]))
    days, _ = recognise([new, old], [Use("acme", START + timedelta(days=2), 4)])
    assert [(day.line_id, day.after) for day in days][:1] == [("z-old", Fraction(2, 5))]


@pytest.mark.parametrize(("day", "covered"), [(START - timedelta(days=1), 0), (START, 7), (LAPSE, 0)])
def test_a_pack_serves_from_its_first_day_to_the_day_before_it_lapses(day: date, covered: int) -> None:
    _, uncovered = recognise([PACK], [Use("acme", day, 7)])
    assert sum(use.credits for use in uncovered) == 7 - covered


def test_burns_beyond_every_pack_are_told_and_earn_nothing() -> None:
    days, uncovered = recognise([PACK], [Use("acme", START, 13_000), Use("beta", START, 1)])
    assert cents(days) == [100_000]
    assert uncovered == [Use("acme", START, 500), Use("beta", START, 1)]


def test_credits_given_back_leave_with_their_share_of_the_price() -> None:
    days, _ = recognise([PACK], [BURNS[0], Use("acme", date(2026, 2, 1), 2_500, "pack")])
    assert [(day.basis, part) for day, part in zip(days, cents(days), strict=True)] == [
        ("burned", 40_000), ("refunded", 20_000), ("breakage", 40_000),
    ]  # fmt: skip


def test_overage_begins_with_the_first_unit_beyond_the_allowance() -> None:
    assert overage([4_200, 500, 600, 1_000, 1_000], 5_000) == [0, 0, 300, 1_000, 1_000]
    assert overage([1_000, 1], 1_000) == [0, 1]


def test_pooled_seats_share_what_single_seats_do_not() -> None:
    assert sum(overage([1_500, 500], 2_000)) == 0
    assert sum(overage([1_500], 1_000)) + sum(overage([500], 1_000)) == 500


def test_an_invoice_falls_on_the_days_that_were_metered() -> None:
    # 45.00 by 300, 1,000 and 1,000 units: 5.8696, 25.4348, 45.00 after each.
    assert by_weight(4_500, [0, 300, 1_000, 1_000]) == [0, 587, 1_956, 1_957]
    assert by_weight(10, [0, 0, 0]) == [3, 4, 3]


AMOUNTS = st.integers(-(10**15), 10**15)


@given(AMOUNTS, st.lists(st.integers(0, 10**9), min_size=1, max_size=60))
def test_days_add_up_and_every_prefix_is_right_to_half_a_unit(amount: int, weights: list[int]) -> None:
    days = by_weight(amount, weights)
    assert sum(days) == amount
    exact = weights if sum(weights) else [1] * len(weights)
    for k in range(len(days)):
        assert abs(sum(days[:k]) - Fraction(amount * sum(exact[:k]), sum(exact))) <= Fraction(1, 2)


PACKS = st.lists(
    st.builds(
        lambda n, start, length, size: (n, START + timedelta(days=start), start + length if length else None, size),
        st.integers(0, 99), st.integers(0, 30), st.integers(0, 30), st.integers(1, 50),
    ),
    max_size=5, unique_by=lambda item: item[0],
)  # fmt: skip
USES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), max_size=20)


@given(PACKS, USES, st.sampled_from([(), (Estimate(START, Decimal("0.2")), Estimate(LAPSE, Decimal("0.5")))]))
def test_no_credit_is_lost_or_earned_twice(
    drawn: list[tuple[int, date, int | None, int]], used: list[tuple[int, int]], estimates: tuple[Estimate, ...]
) -> None:
    packs = [
        Pack(str(n), "acme", start, None if end is None else START + timedelta(days=end), size)
        for n, start, end, size in drawn
    ]
    uses = [Use("acme", START + timedelta(days=day), credits) for day, credits in used]
    days, uncovered = recognise(packs, uses, estimates)
    assert sum(use.credits for use in uncovered) <= sum(use.credits for use in uses)
    for pack in packs:
        parts = [(day.before, day.after) for day in days if day.line_id == pack.line_id]
        assert all(before < after <= 1 for before, after in parts) or estimates
        assert [after for _, after in parts[:-1]] == [before for before, _ in parts[1:]]
        if parts:
            assert parts[0][0] == 0
        if pack.expires_on:
            assert parts[-1][1] == 1
    if not estimates:
        burned = sum(
            (d.after - d.before) * p.credits
            for d in days
            for p in packs
            if p.line_id == d.line_id and d.basis == "burned"
        )
        assert burned == sum(use.credits for use in uses) - sum(use.credits for use in uncovered)


@given(PACKS, USES)
def test_no_other_order_of_burning_serves_more(
    drawn: list[tuple[int, date, int | None, int]], used: list[tuple[int, int]]
) -> None:
    """Burning what lapses first wastes least: the other way round at least as much is left uncovered."""
    packs = [Pack(str(n), "acme", start, START + timedelta(days=end or 70), size) for n, start, end, size in drawn]
    _, uncovered = recognise(packs, [Use("acme", START + timedelta(days=day), credits) for day, credits in used])
    left = {pack.line_id: pack.credits for pack in packs}
    worse = 0
    for day, wanted in sorted(used):
        missing = wanted
        for pack in sorted(packs, key=lambda p: p.expires_on or date.max, reverse=True):
            if pack.available_on <= START + timedelta(days=day) < (pack.expires_on or date.max):
                taken = min(missing, left[pack.line_id])
                left[pack.line_id] -= taken
                missing -= taken
        worse += missing
    assert sum(use.credits for use in uncovered) <= worse
