"""The interval of a ratio against every resample there is, and against what simulated companies really are."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import numpy as np

from pipelines.economics.intervals import FEWEST, Interval, ratio_interval

FIVE = [(Decimal(10), 2), (Decimal(3), 3), (Decimal(8), 1), (Decimal(5), 5), (Decimal(30), 4)]


def every_resample(parts: list[tuple[Decimal, int]]) -> list[Decimal]:
    """The ratios of all n^n equally likely resamples, in order."""
    return sorted(
        sum(numerator for numerator, _ in drawn) / sum(denominator for _, denominator in drawn)
        for drawn in product(parts, repeat=len(parts))
    )


def test_the_bootstrap_approaches_the_distribution_of_all_resamples() -> None:
    ratios = every_resample(FIVE)
    found = ratio_interval(FIVE, draws=40_000)
    assert found is not None and found.high is not None
    place = len(ratios) / 100
    assert ratios[round(4.5 * place)] <= found.low <= ratios[round(5.5 * place)]
    assert ratios[round(94.5 * place)] <= found.high <= ratios[round(95.5 * place)]
    assert (found.level, found.clusters) == (Decimal("0.90"), 5)


def test_the_same_tenants_have_the_same_interval() -> None:
    assert ratio_interval(FIVE) == ratio_interval(list(FIVE))


def test_tenants_that_are_all_alike_leave_no_doubt() -> None:
    assert ratio_interval([(Decimal("0.3"), 3)] * 8) == Interval(Decimal("0.90"), Decimal("0.1"), Decimal("0.1"), 8)


def test_few_tenants_have_no_interval() -> None:
    assert ratio_interval(FIVE[: FEWEST - 1]) is None


def test_an_interval_without_success_in_some_draws_has_no_upper_end() -> None:
    rare = [(Decimal(1), 0)] * 9 + [(Decimal(1), 5)]
    found = ratio_interval(rare)
    assert found is not None and found.high is None
    assert ratio_interval([(Decimal(1), 0)] * 9) is None


def test_it_covers_the_truth_of_clustered_companies_about_as_often_as_it_says() -> None:
    """Tenants of unequal size with a cost level and a success rate of their own; the truth is that of a million tenants."""
    generator = np.random.default_rng(20261121)

    def company(tenants: int) -> tuple[np.ndarray, np.ndarray]:
        tasks = 1 + generator.lognormal(2.0, 1.0, tenants).astype(int)
        cost = tasks * generator.lognormal(0.0, 0.5, tenants)
        return cost, generator.binomial(tasks, generator.beta(8, 2, tenants))

    costs, successes = company(1_000_000)
    truth = costs.sum() / successes.sum()
    covered = 0
    for _ in range(100):
        costs, successes = company(150)
        found = ratio_interval([(Decimal(repr(float(c))), int(s)) for c, s in zip(costs, successes, strict=True)], 400)
        assert found is not None and found.high is not None
        covered += int(float(found.low) <= truth <= float(found.high))
    assert 78 <= covered <= 97
