"""Detectors on drawn companies: the order of rows says nothing, and more days of the same give no new finding and move no id."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.economics.finding import Finding
from pipelines.findings.detectors.anomalies import cost_anomalies
from pipelines.findings.detectors.bills import missing_logs
from pipelines.findings.detectors.caches import cache_regressions
from pipelines.findings.detectors.company import Company, Limits
from pipelines.findings.detectors.keys import tests_on_production_keys as on_production_keys
from pipelines.findings.detectors.retries import retry_storms
from pipelines.findings.detectors.volumes import tenants_at_multiples
from warehouse.finding_rows import BilledUse, CacheDay, CostDay, KeyDay, RetryDay, SpendDay, TaskDay

MONDAY = date(2026, 3, 2)
WEEKS = 8
LATER_WEEKS = 2
STEP = 7 * 6
"""The day from which on a troubled company is in trouble."""
Detect = Callable[[Sequence[Any], Company], list[Finding]]


def _tasks(rng: random.Random, number: int, is_troubled: bool) -> list[Any]:
    day = MONDAY + timedelta(days=number)
    usual = 12 if day.weekday() < 5 else 4
    times = 8 if is_troubled else 1
    return [
        TaskDay(tenant, day, tasks, tasks * 10**10)
        for tenant, factor in (("calm", 1), ("busy", times))
        if (tasks := factor * (usual + rng.randint(-3, 3)))
    ]


def _lookups(rng: random.Random, number: int, is_troubled: bool) -> list[Any]:
    lookups, share = rng.randint(80, 120), 0.10 if is_troubled else 0.35
    hits = sum(rng.random() < share for _ in range(lookups))
    return [CacheDay("search", "inference", MONDAY + timedelta(days=number), lookups, hits, (lookups - hits) * 10**11)]


def _retries(rng: random.Random, number: int, is_troubled: bool) -> list[Any]:
    calls = rng.randint(30, 50)
    failed = calls if is_troubled else rng.randint(0, 2)
    cost = failed * 10**11 if is_troubled else 0
    return [RetryDay("acme", "review", MONDAY + timedelta(days=number), calls, failed, cost)]


def _keys(rng: random.Random, number: int, is_troubled: bool) -> list[Any]:
    percent = 99 if is_troubled else 5
    return [
        KeyDay(
            "lab",
            "evals",
            "ci",
            f"key-{percent}",
            MONDAY + timedelta(days=number),
            20,
            rng.randint(1, 9) * 10**11,
            percent,
        )
    ]


def _bills(rng: random.Random, number: int, is_troubled: bool) -> list[Any]:
    day, logged = MONDAY + timedelta(days=number), rng.randint(50, 90) * 10**11
    billed = logged + (10**12 if is_troubled else 0)
    return [BilledUse("anthropic", "m", "input", day, day + timedelta(days=1), None, billed, 10**6, logged, 0)]


def _costs(rng: random.Random, number: int, is_troubled: bool) -> list[Any]:
    day = MONDAY + timedelta(days=number)
    usual = 20 if day.weekday() < 5 else 6
    times = 6 if is_troubled and number == STEP + 2 else 1
    return [CostDay("acme", None, day, 100, times * (usual * 10**12 + rng.randint(-2, 2) * 10**12))]


DETECTORS: dict[str, tuple[Callable[[random.Random, int, bool], list[Any]], Detect]] = {
    "volumes": (_tasks, tenants_at_multiples),
    "caches": (_lookups, cache_regressions),
    "retries": (_retries, retry_storms),
    "keys": (_keys, on_production_keys),
    "bills": (_bills, lambda rows, company: missing_logs(rows, [], company)),
    "costs": (_costs, cost_anomalies),
}


def drawn(name: str, seed: int, weeks: int, is_troubled: bool) -> list[Any]:
    """Days of one draw; those of a longer history begin with those of a shorter one."""
    rng = random.Random(f"{name}/{seed}")
    return [row for n in range(7 * weeks) for row in DETECTORS[name][0](rng, n, is_troubled and n >= STEP)]


def found_in(name: str, rows: Sequence[Any], weeks: int) -> list[Finding]:
    company = Company.of([SpendDay(MONDAY + timedelta(days=n), 50 * 10**12) for n in range(7 * weeks)], Limits())
    assert company is not None
    return DETECTORS[name][1](rows, company)


@pytest.mark.parametrize("name", DETECTORS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_days_of_a_calm_company_are_no_finding_however_many(name: str, seed: int) -> None:
    for weeks in (WEEKS, WEEKS + LATER_WEEKS):
        assert found_in(name, drawn(name, seed, weeks, False), weeks) == []


@pytest.mark.parametrize("name", DETECTORS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_the_order_of_rows_says_nothing(name: str, seed: int) -> None:
    rows = drawn(name, seed, WEEKS, True)
    found = found_in(name, rows, WEEKS)
    assert found
    mixed = random.Random(seed).sample(rows, len(rows))
    assert found_in(name, mixed, WEEKS) == found


@pytest.mark.parametrize("name", DETECTORS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_a_finding_keeps_its_id_while_more_of_the_same_lands(name: str, seed: int) -> None:
    rows = drawn(name, seed, WEEKS + LATER_WEEKS, True)
    sooner = found_in(name, [row for row in rows if _first_day(row) < MONDAY + timedelta(weeks=WEEKS)], WEEKS)
    later = found_in(name, rows, WEEKS + LATER_WEEKS)
    assert {one.finding_id for one in sooner} == {one.finding_id for one in later}
    assert all(one.cost_usd is not None and one.cost_usd > 0 for one in later)


def _first_day(row: Any) -> date:
    return row.since if isinstance(row, BilledUse) else row.day
