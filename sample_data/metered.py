"""Lines for what was counted: usage by the week, overage by the month, resolved replies by the week."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

from sample_data.company import Tenant
from sample_data.contracts import USAGE_CENTS_PER_TASK, allowance_on
from sample_data.invoices import InvoiceLine, line_of
from sample_data.period import Period
from sample_data.plan_changes import plan_on
from sample_data.planted import Role

CENTS_PER_RESOLVED_REPLY = 90

DayCounts = Counter[tuple[str, date]]
"""A count by tenant and day."""


def metered_lines(tenant: Tenant, period: Period, tasks: DayCounts, resolved: DayCounts) -> Iterator[InvoiceLine]:
    """`tasks` are production tasks by the day of their start, `resolved` replies by the day of the news, net."""
    if tenant.role is Role.PAY_AS_YOU_GO:
        yield from _weekly(tenant, "usage", USAGE_CENTS_PER_TASK, period, tasks)
    elif tenant.role is Role.PER_OUTCOME:
        yield from _weekly(tenant, "outcome", CENTS_PER_RESOLVED_REPLY, period, resolved)
    else:
        yield from _overage(tenant, period, tasks)


def _weekly(tenant: Tenant, kind: str, unit_cents: int, period: Period, counts: DayCounts) -> Iterator[InvoiceLine]:
    """One line a week, in arrears; a resolution that was taken back counts against the week of the news."""
    for number in range(period.weeks):
        monday = period.start + timedelta(weeks=number)
        count = sum(counts[tenant.tenant_id, monday + timedelta(days=n)] for n in range(7))
        if count > 0:
            yield line_of(tenant, kind, count * unit_cents, monday, monday + timedelta(days=7), quantity=count)


def _overage(tenant: Tenant, period: Period, tasks: DayCounts) -> Iterator[InvoiceLine]:
    """In arrears, for the calendar months that were over when the period ended."""
    for first, end in period.months():
        allowance = allowance_on(tenant, first)
        count = sum(tasks[tenant.tenant_id, first + timedelta(days=n)] for n in range((end - first).days))
        if allowance and count > allowance and end.day == 1:
            over = count - allowance
            cents = over * plan_on(tenant, first).overage_cents
            yield line_of(tenant, "overage", cents, first.replace(day=1), end, quantity=over)
