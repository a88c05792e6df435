"""Tenants at 10x: a tenant that from a day on does several times the work it did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, Company, weekly
from pipelines.findings.detectors.robust import count_split, middle_mean
from warehouse.finding_rows import TaskDay
from warehouse.questions import usd

KIND = "tenant_at_10x"
_SATURDAY = 5
_LEAST_BEFORE = 8
_LEAST_AFTER = 3
"""Weekdays on either side of the step."""
_LEAST_LEVEL = 0.5
"""Tasks a weekday before: of a tenant that did next to nothing, no level is known."""
_LEAST_GAIN = 15.0
_BEFORE_DAYS = 28


def tenants_at_multiples(rows: Sequence[TaskDay], company: Company) -> list[Finding]:
    """A lasting step of a tenant's tasks a weekday; its cost since then, in the share of tasks beyond the former level."""
    tenants: dict[str, dict[date, TaskDay]] = defaultdict(dict)
    for row in rows:
        tenants[row.tenant_id][row.day] = row
    found: list[Finding] = []
    for tenant, days in sorted(tenants.items()):
        if made := _finding(tenant, days, company):
            found.append(made)
    return company.reported(found)


def _finding(tenant: str, days: Mapping[date, TaskDay], company: Company) -> Finding | None:
    calendar = [min(days) + timedelta(days=n) for n in range((company.end - min(days)).days)]
    weekdays = [day for day in calendar if day.weekday() < _SATURDAY]
    counts = [days[day].tasks if day in days else 0 for day in weekdays]
    split = count_split(counts, _LEAST_AFTER)
    if split.place < _LEAST_BEFORE or split.gain < _LEAST_GAIN:
        return None
    since = weekdays[split.place]
    factor = company.limits.surge_factor
    before, after = counts[: split.place], counts[split.place :]
    level = middle_mean(_lately(calendar, days, since, is_weekend=False))
    if level < _LEAST_LEVEL or median(after) < factor * max(level, median(before)):
        return None
    weekend_level = middle_mean(_lately(calendar, days, since, is_weekend=True))
    own = [row for day, row in days.items() if day >= since]
    tasks, cost = sum(row.tasks for row in own), sum(row.cost_pico for row in own)
    usual = sum(level if day.weekday() < _SATURDAY else weekend_level for day in calendar if day >= since)
    beyond = round(cost * max(0.0, 1 - usual / tasks))
    until = max(row.day for row in own) + DAY
    amount = usd(beyond)
    return Finding(
        KIND, tenant, None, None, None, since, until, False, amount, False, round(tasks - usual),
        f"{median(after):,.0f} tasks a weekday instead of {level:,.1f}: {median(after) / level:.1f} times the weeks before.",
        Remedy(
            "Ask the tenant what changed, and see whether its plan carries it; a budget per tenant holds the next one.",
            weekly(amount, since, until), "its work at the level before",
        ),
    )  # fmt: skip


def _lately(calendar: Sequence[date], days: Mapping[date, TaskDay], since: date, *, is_weekend: bool) -> list[float]:
    """Tasks of the weekdays, or of the weekends, of the four weeks before."""
    first = since - timedelta(days=_BEFORE_DAYS)
    return [
        float(days[day].tasks if day in days else 0)
        for day in calendar
        if first <= day < since and (day.weekday() >= _SATURDAY) is is_weekend
    ]
