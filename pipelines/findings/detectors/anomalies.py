"""Cost anomalies: days on which a tenant or a feature costs far more than the same weekday usually does."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, WEEK, Company, runs
from pipelines.findings.detectors.robust import spread
from warehouse.finding_rows import CostDay
from warehouse.questions import usd

KIND = "cost_anomaly"
_WEEKS_BEFORE = 6
_LEAST_WEEKS = 3
_SIGMAS = 5
_LEAST_SCATTER = 0.15
"""Of the logarithm: a series that hardly moves is not told of for moving a little."""
_GAP_DAYS = 3


def cost_anomalies(rows: Sequence[CostDay], company: Company) -> list[Finding]:
    """Days of several times the median of the same kind of day in the weeks before, beyond the series' own scatter.

    Only what weighs on the company: the excess of a day is at least a share of the company's median day.
    """
    places: dict[tuple[str, str], dict[date, CostDay]] = defaultdict(dict)
    for row in rows:
        places[row.tenant_id or "", row.feature or ""][row.day] = row
    least_pico = company.limits.anomaly_share_of_spend * median(company.spend_pico.values())
    found: list[Finding] = []
    for (tenant, feature), days in sorted(places.items()):
        excess = _excesses(days, least_pico, company)
        for first, last in runs(excess, _GAP_DAYS):
            own = [day for day in excess if first <= day <= last]
            more, cost = sum(excess[day] for day in own), sum(days[day].cost_pico for day in own)
            requests = sum(days[day].requests for day in own)
            found.append(_finding(tenant or None, feature or None, first, last, len(own), more, cost, requests))
    return company.reported(found)


def _excesses(days: Mapping[date, CostDay], least_pico: float, company: Company) -> dict[date, int]:
    """Pico-dollars above the usual, of the days that stand out."""
    found: dict[date, int] = {}
    for day in sorted(days):
        before = [
            _cost(days, day - timedelta(days=back))
            for back in _same_days(day)
            if day - timedelta(days=back) >= company.first
        ]
        if len(before) < _LEAST_WEEKS:
            continue
        usual = median(before)
        more = days[day].cost_pico - usual
        if more < least_pico or days[day].cost_pico < company.limits.anomaly_factor * usual:
            continue
        if more < _SIGMAS * spread([float(cost) for cost in before]):
            continue
        # Costs scatter in proportion to their size, and rare dear tasks more than that: so the scatter of logarithms as well.
        scatter = max(_LEAST_SCATTER, spread([math.log1p(cost) for cost in before]))
        if usual <= 0 or math.log(days[day].cost_pico / usual) >= _SIGMAS * scatter:
            found[day] = round(more)
    return found


def _same_days(day: date) -> list[int]:
    """How many days back the days lie that a day is compared with: weekdays with weekdays, weekends with weekends."""
    is_weekend = day.weekday() >= WEEK - 2
    return [
        back
        for back in range(1, _WEEKS_BEFORE * WEEK + 1)
        if ((day - timedelta(days=back)).weekday() >= WEEK - 2) is is_weekend
    ]


def _cost(days: Mapping[date, CostDay], day: date) -> int:
    return days[day].cost_pico if day in days else 0


def _finding(
    tenant: str | None,
    feature: str | None,
    first: date,
    last: date,
    count: int,
    more_pico: int,
    cost_pico: int,
    requests: int,
) -> Finding:
    more, cost = usd(more_pico), usd(cost_pico)
    return Finding(
        KIND, tenant, feature, None, None, first, last + DAY, False, more, False, requests,
        f"{count} days cost {cost:,.2f} USD, {more:,.2f} USD more than such days usually do.",
        Remedy(
            "See which calls it was: show lists the dearest. An alert on a budget tells of the next one the same day.",
            more * 0, "the usual cost of such days; a day that is over costs nothing more",
        ),
    )  # fmt: skip
