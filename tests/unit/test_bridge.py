"""Two weeks of five cells, worked in exact rationals, and a second implementation that tries every order of the factors."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.economics import bridge
from pipelines.economics.bridge import BARS, FACTORS, Cells, Effects, Parts, cost_effects, margin_points, revenue_points
from tests.benchmarks.plain_bridge import cell_effects, random_weeks

# Dollars per million tokens in micro-dollars: uncached, read, written, output; per step, and for S per book.
L_LOW, L_HIGH = (3_000_000, 300_000, 3_750_000, 15_000_000), (6_000_000, 600_000, 7_500_000, 22_500_000)
S_0, S_1 = (800_000, 80_000, 1_000_000, 4_000_000), (800_000, 80_000, 1_000_000, 5_000_000)
PRICES = {"lo": (L_LOW, L_LOW), "hi": (L_HIGH, L_HIGH), "S": (S_0, S_1)}
CELLS = ("A", "B", "C", "D", "E")
CALLS = [[1000, 200, 0, 500, 10], [1200, 0, 300, 500, 10]]
SERVED = [[900, 200, 0, 500, 10], [960, 0, 300, 500, 10]]
LOOKUP_PICO = 10_000_000
# Cell, then per week: attempts, input including cache, of it read, of it written, output, prices.
PARTS = [
    ("A", (594, 1_188_000, 297_000, 0, 178_200, "lo"), (480, 1_200_000, 600_000, 120_000, 134_400, "lo")),
    ("A", (396, 396_000, 0, 0, 79_200, "S"), (720, 792_000, 158_400, 0, 180_000, "S")),
    ("B", (200, 300_000, 0, 0, 80_000, "lo"), None),
    ("C", None, (300, 360_000, 0, 0, 60_000, "S")),
    ("D", (500, 1_000_000, 0, 0, 50_000, "lo"), (200, 400_000, 0, 0, 20_000, "lo")),
    ("D", None, (300, 600_000, 0, 0, 30_000, "S")),
    ("E", (10, 1_900_000, 0, 0, 10_000, "lo"), (10, 2_100_000, 0, 0, 10_000, "hi")),
]
COMPANY = {
    "volume": "-1.068542359333",
    "response_cache": "0.687323932000",
    "retries": "-0.747470009000",
    "tier_mix": "3.190103796667",
    "prompt_length": "-1.494683677667",
    "output_length": "0.037961166667",
    "prompt_cache": "0.817054984000",
    "price_step": "-6.075000000000",
    "list_price": "-0.140599833333",
    "volume_new": "-0.591000000000",
    "volume_lost": "2.102000000000",
}
OF_CELLS = {
    "A": "-1.068542359 0.687323932 -0.747470009 1.555103797 -0.594683678 0.037961167 0.817054984 0 -0.125599833",
    "D": "0 0 0 1.635 0 0 0 0 -0.015",
    "E": "0 0 0 0 -0.9 0 0 -6.075 0",
}
OF_MODELS = {
    0: "-0.887676250 0.569466500 -0.621607125 1.947056750 -0.554871875 0.163561000 0.733171000 0 0",
    1: "-0.178866109 0.117857432 -0.125862884 -0.391952953 -0.039811803 -0.125599833 0.083883984 0 -0.125599833",
}


def example() -> tuple[Cells, Parts]:
    count = len(PARTS)
    attempts, outputs = np.zeros((2, count), int), np.zeros((2, count), int)
    inputs, costs = np.zeros((2, count, 3), int), np.zeros((2, 2, count, 5), int)
    for number, (_, *weeks) in enumerate(PARTS):
        for week, said in enumerate(weeks):
            if said is None:
                continue
            tried, total, read, written, output, prices = said
            attempts[week, number], outputs[week, number] = tried, output
            inputs[week, number] = (total - read - written, read, written)
            for book in (0, 1):
                units = (*inputs[week, number], output)
                costs[book, week, number, :4] = [n * p for n, p in zip(units, PRICES[prices][book], strict=True)]
    cell = np.array([CELLS.index(name) for name, *_ in PARTS])
    calls = np.array(CALLS)
    return Cells(calls, np.array(SERVED), calls * LOOKUP_PICO), Parts(cell, attempts, inputs, outputs, costs)


@pytest.fixture(scope="module")
def found() -> Effects:
    return cost_effects(*example())


def dollars(row: np.ndarray, places: int = 12) -> list[Decimal]:
    return [round(Decimal(int(value)).scaleb(-12), places) for value in row]


def test_the_company_has_the_bars_of_the_worked_example(found: Effects) -> None:
    of_company = dollars(found.parts.sum(axis=0) + found.lookups.sum(axis=0))
    # Each stored amount is rounded: their sum may be away by half a pico-dollar for each.
    for bar, effect in zip(BARS, of_company, strict=True):
        assert abs(effect - Decimal(COMPANY[bar])) <= Decimal("3e-12"), bar
    # All cost less tools, human review and what is allocated.
    cost = Decimal("24.785800") - 1 - 2 - 4, Decimal("27.968652") - Decimal("1.40") - Decimal("1.50") - 4
    assert sum(of_company) == cost[0] - cost[1]


def test_unrounded_the_bars_are_right_to_twelve_places() -> None:
    unrounded = bridge._unrounded(*example())
    of_company = unrounded.parts.sum(axis=0) + unrounded.lookups.sum(axis=0)
    for bar, value in zip(BARS, of_company, strict=True):
        assert f"{value / np.longdouble(10) ** 12:.12f}".replace("-0.000000000000", "0.000000000000") == COMPANY[bar], (
            bar
        )
    rounded = bridge._rounded(of_company[None, :], np.array([-3_282_852_000_000], dtype=object))
    assert rounded[0, BARS.index("price_step")] == -6_075_000_000_001  # the rest of the rounding


@pytest.mark.parametrize("cell", OF_CELLS)
def test_every_cell_has_its_bars(found: Effects, cell: str) -> None:
    number = CELLS.index(cell)
    of_cell = found.parts[[name == cell for name, *_ in PARTS]].sum(axis=0) + found.lookups[number]
    assert dollars(of_cell, 9)[: len(FACTORS)] == [Decimal(value) for value in OF_CELLS[cell].split()]


@pytest.mark.parametrize("part", OF_MODELS)
def test_every_model_has_its_bars(found: Effects, part: int) -> None:
    assert dollars(found.parts[part], 9)[: len(FACTORS)] == [Decimal(value) for value in OF_MODELS[part].split()]


def test_lookups_follow_the_volume(found: Effects) -> None:
    assert dollars(found.lookups[0]) == [Decimal("-0.002"), *[Decimal(0)] * (len(BARS) - 1)]


def test_points_add_up_to_the_change_of_the_margin() -> None:
    revenue, cost = (Decimal("49.00"), Decimal("49.50")), (Decimal("24.785800"), Decimal("27.968652"))
    shown = {"volume": "-2.1697", "tier_mix": "6.4775", "price_step": "-12.3353", "volume_lost": "4.2681"}
    for bar, points in shown.items():
        found = margin_points(Decimal(COMPANY[bar]), revenue)
        assert found is not None
        assert round(found * 100, 4) == Decimal(points)
    of_revenue, of_cost = revenue_points(cost, revenue), margin_points(cost[0] - cost[1], revenue)
    assert of_revenue is not None
    assert of_cost is not None
    assert round(of_revenue * 100, 4) == Decimal("0.5437")
    change = (1 - cost[1] / revenue[1]) - (1 - cost[0] / revenue[0])
    assert abs(of_revenue + of_cost - change) < Decimal("1e-25")
    assert margin_points(Decimal(1), (Decimal(0), Decimal(1))) is None
    assert revenue_points(cost, (Decimal(1), Decimal(-1))) is None


def test_a_week_answered_by_the_cache_alone_has_the_other_weeks_mix() -> None:
    """10 calls at 3 pico each; then all are answered by the cache at 1 each: 30 saved, 10 paid for lookups."""
    cells = Cells(np.array([[10], [10]]), np.array([[10], [0]]), np.array([[0], [10]]))
    zeros = np.zeros((2, 2, 1, 3), int)
    zeros[:, 0, 0, 0] = 30
    parts = Parts(np.array([0]), np.array([[10], [0]]), np.array([[[5]], [[0]]]), np.array([[0], [0]]), zeros)
    found = cost_effects(cells, parts)
    wanted = dict.fromkeys(BARS, 0)
    assert dict(zip(BARS, found.parts[0], strict=True)) == wanted | {"response_cache": 30}
    assert dict(zip(BARS, found.lookups[0], strict=True)) == wanted | {"response_cache": -10}


def test_what_is_charged_by_the_attempt_moves_with_attempts_and_its_price() -> None:
    """100 calls at 10 cents, then 120 at 12: by hand, 2.20 of volume and 2.20 of price."""
    costs = np.zeros((2, 2, 1, 3), int)
    costs[0, :, 0, 2], costs[1, :, 0, 2] = (1000, 1200), (1200, 1440)
    calls, none = np.array([[100], [120]]), np.zeros((2, 1), int)
    parts = Parts(np.array([0]), calls, np.zeros((2, 1, 1), int), none, costs)
    found = dict(zip(BARS, cost_effects(Cells(calls, calls, none), parts).parts[0], strict=True))
    assert found == dict.fromkeys(BARS, 0) | {"volume": -220, "list_price": -220}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"served": np.array([[2], [1]])}, "more calls that were served"),
        ({"served": np.array([[0], [1]])}, "attempts in a week without a served call"),
        ({"lookup_pico": np.zeros((2, 2), int)}, "arrays of 2 weeks"),
        ({"cell": np.array([1])}, "names a cell that is none of the 1"),
        ({"attempts": np.array([[1], [0]]), "served": np.array([[1], [0]])}, "tokens in a week without an attempt"),
    ],
)
def test_counts_that_no_log_has_are_refused(broken: dict[str, np.ndarray], said: str) -> None:
    one = np.ones((2, 1), int)
    of_cells = {"calls": one, "served": one, "lookup_pico": one}
    of_parts = {
        "cell": np.array([0]),
        "attempts": one,
        "input_tokens": np.ones((2, 1, 1), int),
        "output_tokens": one,
        "cost_pico": np.ones((2, 2, 1, 3), int),
    }
    cells = Cells(**{name: broken.get(name, value) for name, value in of_cells.items()})
    parts = Parts(**{name: broken.get(name, value) for name, value in of_parts.items()})
    with pytest.raises(ValueError, match=said):
        cost_effects(cells, parts)


def over_all_orders(before: list[Fraction], after: list[Fraction], tested: str) -> Fraction:
    """The mean over the 6 orders of three factors whose product is the cost, one after the other."""
    position, found = FACTORS[:3].index(tested), Fraction(0)
    for order in permutations(range(3)):
        values = list(before)
        for factor in order:
            cost = values[0] * values[1] * values[2]
            values[factor] = after[factor]
            if factor == position:
                found += values[0] * values[1] * values[2] - cost
    return found / 6


COUNT = st.integers(1, 10**6)


@settings(max_examples=200, deadline=None)
@given(st.tuples(COUNT, COUNT, COUNT, st.integers(1, 10**6)), st.tuples(COUNT, COUNT, COUNT))
def test_three_factors_agree_with_all_their_orders(week_0: tuple[int, ...], week_1: tuple[int, ...]) -> None:
    """One model, one price: only calls, the share served and attempts per served call change."""
    *counts_0, price = week_0
    weeks = [(max(a, b), min(a, b), c) for a, b, c in (counts_0, week_1)]
    calls, served, attempts = (np.array([[week[n]] for week in weeks]) for n in range(3))
    costs = np.zeros((2, 2, 1, 3), dtype=object)
    for week in (0, 1):
        costs[:, week, 0, 2] = int(attempts[week, 0]) * price
    none = np.zeros((2, 1), int)
    parts = Parts(np.array([0]), attempts, np.zeros((2, 1, 1), int), none, costs)
    found = cost_effects(Cells(calls, served, none), parts).parts[0]
    of = [[Fraction(t) * price, Fraction(m, t), Fraction(a, m)] for t, m, a in weeks]
    for bar in FACTORS[:3]:
        assert abs(int(found[BARS.index(bar)]) + over_all_orders(of[0], of[1], bar)) <= 2
    assert sum(found) == price * (weeks[0][2] - weeks[1][2])


def test_cells_with_gaps_of_every_kind_agree_with_a_plain_loop() -> None:
    """Rows are rounded each, and the rest of a row's rounding is on its largest bar."""
    cells, parts = random_weeks(40, seed=5)
    effects = cost_effects(cells, parts)
    unrounded = bridge._unrounded(cells, parts)
    assert {int(week) for week in ((parts.attempts == 0).sum(axis=0) > 0)} == {0, 1}
    compared = 0
    for cell in np.flatnonzero(cells.in_both)[:12]:
        wanted = cell_effects(cells, parts, int(cell))
        exact = unrounded.parts[parts.cell == cell].sum(axis=0) + unrounded.lookups[cell]
        stored = effects.parts[parts.cell == cell].sum(axis=0) + effects.lookups[cell]
        for number in range(len(FACTORS)):
            assert abs(Fraction(str(exact[number])) - wanted[number]) <= max(
                abs(wanted[number]) / 10**15, Fraction(1, 100)
            )
        assert sum(stored) == sum(wanted)
        compared += 1
    assert compared == 12
