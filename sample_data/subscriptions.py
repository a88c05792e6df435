"""Lines that recur: subscriptions and seats by the month or the year, and the corrections that they call for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from sample_data import planted
from sample_data.company import Tenant
from sample_data.currency import rounded
from sample_data.invoices import InvoiceLine, line_of
from sample_data.period import Period, next_month
from sample_data.plan_changes import PLATFORM_FEE_CENTS, plan_on
from sample_data.planted import CREDIT_ROLES, Role

_REFUND_CENTS = -1_200
_SET_UP_CENTS = 45_000
_SET_UP_DAYS = 30


def subscription_lines(tenant: Tenant, period: Period) -> Iterator[InvoiceLine]:
    """Everything that recurs, with service in the period."""
    if tenant.role in CREDIT_ROLES:
        return
    if tenant.role is Role.PREPAID:
        yield from _yearly(tenant, period)
    else:
        yield from _monthly(tenant, period)
    if tenant.role is Role.PER_OUTCOME:
        yield line_of(tenant, "one_off", _SET_UP_CENTS, period.start, period.start + timedelta(days=_SET_UP_DAYS))


def _yearly(tenant: Tenant, period: Period) -> Iterator[InvoiceLine]:
    """A year in advance on each anniversary, seats included."""
    year_cents = 12 * (tenant.plan.price_cents + tenant.seats * tenant.plan.seat_cents)
    for year in range(tenant.started_on.year, period.end.year + 1):
        start = tenant.started_on.replace(year=year)
        end = start.replace(year=year + 1)
        if start < period.end and end > period.start:
            yield line_of(tenant, "subscription", year_cents, start, end)


def _monthly(tenant: Tenant, period: Period) -> Iterator[InvoiceLine]:
    """Subscription and seats, in advance on each anniversary day; with them the corrections they call for."""
    start = _last_anniversary(tenant, period.start)
    while start < (tenant.churned_on or period.end) and start < period.end:
        end = next_month(start).replace(day=start.day)
        plan = plan_on(tenant, start)
        is_by_outcome = tenant.role is Role.PER_OUTCOME
        line = line_of(tenant, "subscription", PLATFORM_FEE_CENTS if is_by_outcome else plan.price_cents, start, end)
        yield line
        if plan.seat_cents and not is_by_outcome:
            yield line_of(tenant, "seats", tenant.seats * plan.seat_cents, start, end, quantity=tenant.seats)
        if tenant.role is Role.UPGRADER and start < planted.UPGRADE_ON < end and period.end > planted.UPGRADE_ON:
            yield from _upgrade(tenant, line)
        if tenant.role is Role.REFUNDED and start <= planted.OUTAGE[0] < end:
            refund = line_of(tenant, "credit_note", _REFUND_CENTS, *planted.OUTAGE, corrects=line)
            refund.later_invoiced_on = planted.OUTAGE_REFUNDED_ON
            yield refund
        start = end


def _upgrade(tenant: Tenant, old: InvoiceLine) -> Iterator[InvoiceLine]:
    """The unused part of the old plan is credited, the same days of the new plan are charged."""
    span = (planted.UPGRADE_ON, old.service_end)
    days, left = (old.service_end - old.service_start).days, (old.service_end - planted.UPGRADE_ON).days
    new = plan_on(tenant, planted.UPGRADE_ON)
    seats_cents = rounded(tenant.seats * new.seat_cents * left, days)
    yield line_of(tenant, "credit_note", -rounded(old.amount_cents * left, days), *span, corrects=old)
    yield line_of(tenant, "subscription", rounded(new.price_cents * left, days), *span)
    yield line_of(tenant, "seats", seats_cents, *span, quantity=tenant.seats)


def _last_anniversary(tenant: Tenant, day: date) -> date:
    """The newest billing day not after `day`; the first one for a tenant that starts later."""
    if tenant.started_on >= day:
        return tenant.started_on
    this_month = day.replace(day=tenant.started_on.day)
    return (
        this_month if this_month <= day else (day.replace(day=1) - timedelta(days=1)).replace(day=tenant.started_on.day)
    )
