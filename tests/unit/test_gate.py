"""The gate's arithmetic against figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import pytest

from pipelines.economics.gate import Allowed, Comparison, Line, MetricId, Trial, case_of, compare, paired
from pipelines.economics.intervals import change_interval, ratio

LIMITS: dict[MetricId, Decimal] = {"success_rate": Decimal("0.02"), "cost_per_success": Decimal("0.05")}


def trial(case: str, cost: str, outcome: bool | None = True, **values: Any) -> Trial:
    return Trial(case, Decimal(cost), outcome, **values)


def gated(
    before: list[Trial], after: list[Trial], limits: dict[MetricId, Decimal] = LIMITS, **rules: Any
) -> Comparison:
    return compare(paired(before, after), limits, **rules)


def line(found: Comparison, metric: MetricId) -> Line:
    return next(item for item in found.lines if item.metric_id == metric)


def test_figures_by_hand() -> None:
    """Baseline: 0.10 + 0.20 + 0.30 over two successes. Candidate: 0.12 + 0.20 + 0.40 over three."""
    before = [trial("a", "0.10", tokens=100), trial("b", "0.20", tokens=200), trial("c", "0.30", False, tokens=300)]
    after = [trial("a", "0.12", tokens=150), trial("b", "0.20", tokens=200), trial("c", "0.40", tokens=550)]
    found = gated(before, after)
    rate = line(found, "success_rate")
    assert (rate.baseline, rate.candidate, rate.change) == (
        Decimal("0.666666666667"), Decimal(1), Decimal("0.333333333333"),
    )  # fmt: skip
    cost = line(found, "cost_per_success")
    assert (cost.baseline, cost.candidate, cost.change) == (Decimal("0.3"), Decimal("0.24"), Decimal("-0.2"))
    each = line(found, "cost_per_task")
    assert (each.baseline, each.candidate, each.change) == (Decimal("0.2"), Decimal("0.24"), Decimal("0.2"))
    tokens = line(found, "tokens_per_success")
    assert (tokens.baseline, tokens.candidate, tokens.change) == (Decimal(300), Decimal(300), Decimal(0))
    assert [item.verdict for item in found.lines] == ["passed", "passed", None, None, None]
    assert found.is_passed
    assert found.remarks == ("3 cases in both runs: too few for an interval, which needs 5",)
    assert cost.interval is None


def test_a_case_weighs_the_same_however_often_it_was_tried() -> None:
    """The dear case once and then three times: its mean is the same, and so is everything."""
    before = [trial("dear", "0.90"), trial("cheap", "0.10")]
    after = [trial("dear", "0.60"), trial("dear", "0.90", False), trial("dear", "1.20"), trial("cheap", "0.10")]
    found = gated(before, after)
    assert line(found, "cost_per_task").change == 0
    assert line(found, "success_rate").candidate == Decimal("0.833333333333")
    # (0.9 + 0.1) ÷ (2/3 + 1)
    assert line(found, "cost_per_success").candidate == Decimal("0.6")


@pytest.mark.parametrize(
    ("task", "separator", "case"),
    [("c7#2", "#", "c7"), ("c7#x", "#", "c7#x"), ("c7", "#", "c7"), ("c7#2", "", "c7#2"), ("a#1#2", "#", "a#1"),
     ("#2", "#", "#2"), ("c.7.12", ".", "c.7")],
)  # fmt: skip
def test_the_case_of_a_task(task: str, separator: str, case: str) -> None:
    assert case_of(task, separator) == case


def test_a_limit_is_the_largest_worsening_that_passes() -> None:
    before = [trial("a", "1.00"), trial("b", "1.00")]
    at_limit = [trial("a", "1.05"), trial("b", "1.05")]
    beyond = [trial("a", "1.05"), trial("b", "1.050000000002")]
    assert line(gated(before, at_limit), "cost_per_success").verdict == "passed"
    over = gated(before, beyond)
    assert line(over, "cost_per_success").verdict == "over" and not over.is_passed


def test_success_falls_in_points() -> None:
    before = [trial(f"c{n}", "1") for n in range(50)]
    one_less = [trial(f"c{n}", "1", n > 0) for n in range(50)]
    two_less = [trial(f"c{n}", "1", n > 1) for n in range(50)]
    wide: dict[MetricId, Decimal] = {"success_rate": Decimal("0.02")}
    assert line(gated(before, one_less, wide), "success_rate").verdict == "passed"
    assert line(gated(before, two_less, wide), "success_rate").change == Decimal("-0.04")
    assert line(gated(before, two_less, wide), "success_rate").verdict == "over"


def test_the_same_run_twice_has_no_change_and_no_doubt() -> None:
    run = [trial(f"c{n}", f"0.{n + 1:02}", n % 3 > 0, tokens=n + 1, duration_ms=100 * n) for n in range(24)]
    every: dict[MetricId, Decimal] = {
        "success_rate": Decimal(0), "cost_per_success": Decimal(0), "cost_per_task": Decimal(0),
        "tokens_per_success": Decimal(0), "p95_task_time": Decimal(0),
    }  # fmt: skip
    found = gated(run, list(reversed(run)), every)
    assert found.is_passed and not found.remarks
    for item in found.lines:
        assert (item.change, item.verdict, item.is_sure) == (0, "passed", True)
        assert item.interval is not None
        assert (item.interval.low, item.interval.high, item.interval.clusters) == (0, 0, 24)
    assert line(found, "p95_task_time").baseline == 2200  # the 23rd of 24: 22.8 rounded up


def test_p95_weighs_repeats_and_needs_twenty_tasks() -> None:
    slow = [trial("slow", "1", duration_ms=9000)] * 2
    run = [*(trial(f"c{n}", "1", duration_ms=n) for n in range(1, 19)), *slow]
    found = gated(run, run)
    # 19 cases: the 18 quick ones reach 18, and 0.95 × 19 = 18.05 is within the slow one.
    assert line(found, "p95_task_time").baseline == 9000
    few = line(gated(run[:19], run, LIMITS | {"p95_task_time": Decimal(1)}), "p95_task_time")
    assert (few.baseline, few.verdict, few.why) == (None, "unknown", "needs 20 tasks in each run")
    open_end = [replace(run[0], duration_ms=None), *run[1:]]
    assert line(gated(run, open_end), "p95_task_time").why == "1 task of the candidate without an end"
    assert gated(run, open_end).is_passed, "it has no limit"


def test_unpaired_cases_are_in_no_figure_and_missing_ones_do_not_pass() -> None:
    before, after = [trial("a", "1"), trial("gone", "9")], [trial("a", "1"), trial("new", "9")]
    found = gated(before, after)
    assert (found.pairing.only_baseline, found.pairing.only_candidate) == (("gone",), ("new",))
    assert line(found, "cost_per_task").candidate == 1
    assert found.problems == ("1 case of the baseline not in the candidate",)
    assert gated(before, after, allowed=Allowed(missing_cases=True)).is_passed
    assert gated([trial("a", "1")], after).is_passed, "a new case is no harm"
    with pytest.raises(ValueError, match="no case"):
        gated([trial("a", "1")], [trial("b", "1")])


@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_what_has_no_price_never_passes_silently(side: str) -> None:
    whole, part = [trial("a", "1"), trial("b", "1")], [trial("a", "1"), trial("b", "0.5", is_cost_complete=False)]
    runs = (part, whole) if side == "baseline" else (whole, part)
    # Otherwise nothing is over: the candidate seems cheaper, or the baseline is nearly as dear.
    loose: dict[MetricId, Decimal] = {"cost_per_success": Decimal(10)}
    found = gated(*runs, loose)
    cost = line(found, "cost_per_success")
    assert (cost.verdict, cost.why) == ("unknown", f"1 task of the {side} without a full price")
    assert getattr(cost, f"{side}_bound") == "at_least" and not found.is_passed
    allowed = gated(*runs, loose, allowed=Allowed(unpriced=True))
    assert allowed.is_passed and line(allowed, "cost_per_success").candidate_bound == cost.candidate_bound
    assert f"{side}: of 2 tasks 1 without a full price" in allowed.remarks


def test_a_candidate_without_success_does_not_pass_and_has_no_cost_per_success() -> None:
    good, bad = [trial("a", "1"), trial("b", "1")], [trial("a", "0.1", False), trial("b", "0.1", False)]
    anything: dict[MetricId, Decimal] = {"success_rate": Decimal(1), "cost_per_success": Decimal(99)}
    found = gated(good, bad, anything)
    cost = line(found, "cost_per_success")
    assert (cost.candidate, cost.change, cost.verdict) == (None, None, "over")
    assert found.problems == ("spend without success: no task of the candidate succeeded",)
    turned = gated(bad, good, anything)
    assert turned.is_passed and line(turned, "cost_per_success").baseline is None
    assert "spend without success: no task of the baseline succeeded" in turned.remarks


def test_outcomes_that_nobody_told_do_not_pass_silently() -> None:
    judged, unjudged = [trial("a", "1"), trial("b", "1")], [trial("a", "1"), trial("b", "1", None)]
    found = gated(judged, unjudged)
    assert line(found, "success_rate").verdict == "unknown" and not found.is_passed
    loose: dict[MetricId, Decimal] = {"success_rate": Decimal("0.02"), "cost_per_success": Decimal(1)}
    allowed = gated(judged, unjudged, loose, allowed=Allowed(unjudged=True))
    assert line(allowed, "success_rate").candidate == 1, "of the judged ones"
    cost = line(allowed, "cost_per_success")
    assert (cost.candidate, cost.candidate_bound, cost.verdict) == (2, "at_most", "passed")
    none = [trial("a", "1", None), trial("b", "1", None)]
    waved = gated(none, none, allowed=Allowed(unjudged=True))
    assert waved.is_passed and line(waved, "success_rate").why == "no task has an outcome"
    assert not gated(none, none).is_passed


def test_from_no_cost_to_some_is_over_and_has_no_percentage() -> None:
    free, paid = [trial("a", "0")], [trial("a", "0.000000000001")]
    found = line(gated(free, paid), "cost_per_success")
    assert (found.change, found.verdict, found.why) == (None, "over", "the baseline has none of it")
    assert line(gated(free, free), "cost_per_success").change == 0


def test_by_interval_what_chance_could_have_made_passes() -> None:
    """One case of six is ten times dearer: on average 150% more, yet a third of all draws leave it out."""
    before = [trial(f"c{n}", "1") for n in range(6)]
    after = [*before[:5], trial("c5", "10")]
    found = line(gated(before, after), "cost_per_success")
    assert (found.change, found.verdict, found.is_sure) == (Decimal("1.5"), "over", False)
    assert found.interval is not None and found.interval.low == 0
    assert gated(before, after, decide_by="interval").is_passed
    # All of them twice as dear leaves no doubt.
    twice = [trial(f"c{n}", "2") for n in range(6)]
    sure = line(gated(before, twice, decide_by="interval"), "cost_per_success")
    assert (sure.verdict, sure.is_sure) == ("over", True)
    # Without an interval the figure itself decides.
    assert line(gated(before[:2], twice[:2], decide_by="interval"), "cost_per_success").verdict == "over"


def test_the_paired_bootstrap_approaches_the_distribution_of_all_resamples() -> None:
    """Five cases: all 3,125 resamples, each with both sides of a case."""
    first, second = np.array([1.0, 2, 3, 4, 5]), np.array([2.0, 2, 5, 3, 9])
    every = sorted(
        sum(second[n] for n in drawn) / sum(first[n] for n in drawn) - 1 for drawn in product(range(5), repeat=5)
    )
    ones = np.ones(5)
    found = change_interval(
        5, lambda d: ratio(d, first, ones), lambda d: ratio(d, second, ones), is_relative=True, draws=40_000
    )
    assert found is not None and found.high is not None
    place = len(every) / 100
    assert every[round(4.5 * place)] <= float(found.low) + 1e-9 and float(found.low) - 1e-9 <= every[round(5.5 * place)]
    assert every[round(94.5 * place)] <= float(found.high) + 1e-9
    assert float(found.high) - 1e-9 <= every[round(95.5 * place)]


def test_pairing_takes_out_what_the_cases_differ_by() -> None:
    """Cases cost from 1 to 30, each 10% more in the candidate: unpaired that is noise, paired it is certain."""
    before = [trial(f"c{n}", str(n + 1)) for n in range(30)]
    after = [replace(t, cost_usd=t.cost_usd * Decimal("1.1")) for t in before]
    found = line(gated(before, after), "cost_per_success")
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (Decimal("0.1"), Decimal("0.1"))
    assert (found.verdict, found.is_sure) == ("over", True)
