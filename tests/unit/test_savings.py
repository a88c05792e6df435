"""What a change has saved, by hand: at the volume of the week since, with weeks that differ anyway, and by experiments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from pipelines.bridge import CellSaving, View, savings_by_cell
from pipelines.economics.intervals import arms_interval
from pipelines.economics.savings import Realised, Spread, realised, spread, verdict
from pipelines.economics.wilson import newcombe
from warehouse.bridge_rows import BridgeCalls, BridgeCell, BridgeCoverage, BridgePart, Two

USD = 10**12


def cell(calls: Two, served: Two | None = None, *, tenant: str = "acme", lookup_pico: Two = (0, 0)) -> BridgeCell:
    return BridgeCell(tenant, "triage", calls, served or calls, lookup_pico)


def part(model: str, attempts: Two, output_tokens: Two, cost_cents: Two, other_cents: Two | None = None) -> BridgePart:
    """Calls that are charged by their output alone."""
    none, own = (0, 0), (cost_cents[0] * USD // 100, cost_cents[1] * USD // 100)
    others = other_cents or cost_cents
    other = (others[0] * USD // 100, others[1] * USD // 100)
    return BridgePart(
        "acme", "triage", "p", model, attempts, (none, none, none, output_tokens),
        (none, none, none, own, none), (none, none, none, other, none), none,
    )  # fmt: skip


def weeks(
    cells: list[BridgeCell], parts: list[BridgePart], coverage: list[BridgeCoverage] | None = None
) -> BridgeCalls:
    return BridgeCalls(cells, parts, coverage or [])


def saved(found: CellSaving) -> dict[str, Decimal]:
    return {name: Decimal(pico) / USD for name, pico in found.saved_pico.items() if pico}


def test_a_cheaper_model_saves_at_the_volume_of_the_week_since_and_growth_does_not_count() -> None:
    """10 calls at 10 cents before, 30 at 4 since: 30 × 6 cents, not the mean of both volumes, and not 100 − 120 cents."""
    both, alone = savings_by_cell(
        weeks([cell((10, 30))], [part("L", (10, 0), (1000, 0), (100, 0)), part("S", (0, 30), (0, 3000), (0, 120))]),
        View(),
    )
    found = both["acme", "triage"]
    assert saved(found) == {"tier_mix": Decimal("1.80")}
    assert (found.cost_pico, alone) == (120 * USD // 100, {})


def test_shorter_answers_at_a_third_of_the_volume() -> None:
    """3 calls of 100 tokens for 1 cent each; then 1 call of 40 tokens: 0.6 cents saved."""
    both, _ = savings_by_cell(weeks([cell((3, 1))], [part("L", (3, 1), (300, 40), (3000, 400), (3000, 400))]), View())
    assert saved(both["acme", "triage"]) == {"output_length": Decimal(6)}


def test_a_price_change_is_no_saving_of_a_change_of_models() -> None:
    """The same 10 calls cost 1 dollar then and 80 cents now; at the other week's prices 80 cents and 1 dollar."""
    both, _ = savings_by_cell(weeks([cell((10, 10))], [part("L", (10, 10), (100, 100), (100, 80), (80, 100))]), View())
    assert saved(both["acme", "triage"]) == {"list_price": Decimal("0.20")}


def test_hits_of_the_cache_save_what_their_calls_would_have_cost_less_lookups() -> None:
    """10 calls at 10 cents all served; then 20 of which 5 are hits, with 1 cent for the lookups of all: 5 × 10 − 1 cents."""
    both, _ = savings_by_cell(
        weeks(
            [cell((10, 20), (10, 15), lookup_pico=(0, USD // 100))],
            [part("L", (10, 15), (100, 150), (100, 150))],
        ),
        View(),
    )
    assert saved(both["acme", "triage"]) == {"response_cache": Decimal("0.49")}


def test_what_the_week_before_does_not_have_is_not_compared_and_other_places_are_left_alone() -> None:
    coverage = [
        BridgeCoverage("acme", "triage", "p", "X", (0, 3 * USD)),
        BridgeCoverage("beta", "other", "p", "X", (0, USD)),
    ]
    parts = [part("L", (0, 10), (0, 100), (0, 100))]
    both, alone = savings_by_cell(weeks([cell((0, 10))], parts, coverage), View(feature="triage"))
    assert (both, alone) == ({}, {("acme", "triage"): 4 * USD})
    assert savings_by_cell(weeks([cell((0, 10))], parts), View(tenant_id="beta")) == ({}, {})


def test_the_spread_of_weeks_without_a_change() -> None:
    assert spread([Decimal("0.01")] * 3) is None
    four = spread([Decimal("0.02"), Decimal("-0.01"), Decimal("0.01"), Decimal(0)])
    assert four == Spread(Decimal("-0.01"), Decimal("0.02"), Decimal("0.60"), 4)  # 3 of 5
    above = spread([Decimal("0.01")] * 9)
    assert above == Spread(Decimal(0), Decimal("0.01"), Decimal("0.80"), 9), "nothing is inside too"


def test_what_such_weeks_may_have_made_of_a_saving() -> None:
    """1,000 of a week that would have cost 10,000; such weeks differ by −1% to +2%: 800 to 1,100 are left."""
    found = realised(Decimal(1000), Decimal(10000), Spread(Decimal("-0.01"), Decimal("0.02"), Decimal("0.60"), 4))
    assert found == Realised(Decimal(1000), Decimal(800), Decimal(1100), Decimal("0.60"))
    assert realised(Decimal(1000), Decimal(10000), None) == Realised(Decimal(1000), None, None, None)


@pytest.mark.parametrize(
    ("claimed", "low", "high", "words"),
    [
        ("1200", "900", "1100", "claimed $1,200.00, realised $900.00 to $1,100.00 a week: less than claimed"),
        ("1000", "900", "1100", "claimed $1,000.00, realised $900.00 to $1,100.00 a week: as claimed"),
        ("800", "900", "1100", "claimed $800.00, realised $900.00 to $1,100.00 a week: more than claimed"),
        ("800", "-5", "1100", "claimed $800.00, realised -$5.00 to $1,100.00 a week: not told apart from nothing"),
        ("800", "-9", "-5", "claimed $800.00, realised -$9.00 to -$5.00 a week: it has cost more"),
    ],
)
def test_the_verdict(claimed: str, low: str, high: str, words: str) -> None:
    assert verdict(Decimal(claimed), Realised(Decimal(0), Decimal(low), Decimal(high), Decimal("0.9"))) == words


def test_the_verdict_without_an_interval_and_without_anything() -> None:
    assert verdict(Decimal(5), Realised(Decimal(3), None, None, None)) == (
        "claimed $5.00, realised $3.00 a week, without an interval"
    )
    assert verdict(Decimal(5), None) == "claimed $5.00, nothing to hold against it yet"


@pytest.mark.parametrize(
    ("before", "after", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((0, 10), (0, 20), -0.2775, 0.1611),
        ((0, 10), (10, 10), 0.6075, 1.0),
    ],
)
def test_newcombe_s_own_examples(before: tuple[int, int], after: tuple[int, int], low: float, high: float) -> None:
    assert newcombe(before, after) == pytest.approx((low, high), abs=5e-5)


def test_without_a_trial_there_is_no_interval() -> None:
    assert newcombe((0, 0), (1, 2)) is None
    assert newcombe((1, 2), (0, 0)) is None


def parts_of(costs: Any, counts: Any) -> list[tuple[Decimal, int]]:
    return [(Decimal(repr(float(cost))), int(count)) for cost, count in zip(costs, counts, strict=True)]


def test_arms_without_noise_have_their_difference_exactly() -> None:
    control = [(Decimal(n), n) for n in range(1, 11)]  # 1 per task
    treatment = [(Decimal(n) / 4, n) for n in range(1, 11)]
    for is_paired in (True, False):
        found = arms_interval(control, treatment, is_paired=is_paired)
        assert found is not None and (found.low, found.high) == (Decimal("0.75"), Decimal("0.75"))


def test_few_clusters_and_draws_without_an_arm_have_no_interval() -> None:
    assert arms_interval([(Decimal(1), 1)] * 4, [(Decimal(1), 1)] * 9, is_paired=False) is None
    one_has_it = [(Decimal(1), 1), *([(Decimal(0), 0)] * 9)]
    assert arms_interval([(Decimal(1), 1)] * 10, one_has_it, is_paired=True) is None


@pytest.mark.parametrize("is_paired", [True, False])
def test_a_90_percent_interval_holds_the_true_difference_in_82_to_97_percent_of_companies(is_paired: bool) -> None:
    """200 companies of 40 tenants with their own cost level, 5 to 40 tasks an arm; a task costs 1 less in treatment.

    82 to 97: a bootstrap over tenants covers a little less than it says (84 to 88 of 90), and 200 companies are ±4 points.
    """
    generator = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        level = generator.lognormal(1.5, 0.5, 40)
        arms: list[list[tuple[Decimal, int]]] = []
        for effect in (0.0, -1.0):
            counts = generator.integers(5, 40, 40)
            own = level if is_paired else generator.lognormal(1.5, 0.5, 40)
            noise = generator.normal(0, 1, 40) / np.sqrt(counts)
            arms.append(parts_of((own + effect + noise) * counts, counts))
        found = arms_interval(arms[0], arms[1], is_paired=is_paired, draws=400)
        assert found is not None and found.high is not None
        held += found.low <= 1 <= found.high
    assert 164 <= held <= 194, held
