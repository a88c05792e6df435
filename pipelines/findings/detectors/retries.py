"""Retry storms: days on which a tenant's feature is tried again and again, and every try is paid for."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from statistics import median

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, Company, runs
from warehouse.finding_rows import RetryDay
from warehouse.questions import usd

KIND = "retry_storm"
_SIGMAS = 6
_GAP_DAYS = 2


def retry_storms(rows: Sequence[RetryDay], company: Company) -> list[Finding]:
    """Days with half a failed try for each call, and far more than the feature's median day; their failed tries' cost.

    A task begun in the storm may go on the day after: charged failures there still belong to it.
    """
    usual = _usual_rates(rows)
    places: dict[tuple[str, str], dict[date, RetryDay]] = defaultdict(dict)
    for row in rows:
        places[row.tenant_id, row.feature][row.day] = row
    found: list[Finding] = []
    for (tenant, feature), days in sorted(places.items()):
        stormy = [row.day for row in days.values() if _is_storm(row, usual[feature], company)]
        for first, last in runs(stormy, _GAP_DAYS):
            end = last + DAY
            while end in days and days[end].failed_cost_pico > 0:
                end += DAY
            found.append(_finding(tenant, feature, first, end, [days[day] for day in days if first <= day < end]))
    return company.reported(found)


def _usual_rates(rows: Iterable[RetryDay]) -> dict[str, float]:
    """Failed tries for a call of a feature on its median day, all tenants together."""
    sums: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        own = sums[row.feature, row.day]
        own[0] += row.failed
        own[1] += row.calls
    rates: dict[str, list[float]] = defaultdict(list)
    for (feature, _), (failed, calls) in sums.items():
        rates[feature].append(failed / calls)
    return {feature: median(found) for feature, found in rates.items()}


def _is_storm(row: RetryDay, usual: float, company: Company) -> bool:
    expected = usual * row.calls
    return (
        row.failed >= company.limits.least_cases
        and row.failed >= company.limits.storm_retries_per_call * row.calls
        and row.failed >= expected + _SIGMAS * math.sqrt(expected + 1)
    )


def _finding(tenant: str, feature: str, since: date, until: date, days: Sequence[RetryDay]) -> Finding:
    failed, calls = sum(row.failed for row in days), sum(row.calls for row in days)
    cost = usd(sum(row.failed_cost_pico for row in days))
    return Finding(
        KIND, tenant, feature, None, None, since, until, False, cost, False, failed,
        f"{failed:,} failed tries of {calls:,} calls were charged and tried again: {failed / calls:.1f} for each call.",
        Remedy(
            "Cap retries of calls that fail after they were charged, back off, and go on with another provider.",
            Decimal(0), "the tries that a later try replaced; a storm that is over costs nothing more",
        ),
    )  # fmt: skip
