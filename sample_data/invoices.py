"""Contracts and invoice lines, in whole cents, and the revenue that a span of days recognises from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sample_data import planted
from sample_data.company import PLANS, Company, Plan, Tenant
from sample_data.period import Period, monday_of, next_month
from sample_data.planted import Role

USAGE_CENTS_PER_TASK = 15
_REFUND_CENTS = -1_200


@dataclass(slots=True)
class InvoiceLine:
    """One line of an invoice; service days are half-open."""

    tenant_id: str
    kind: str
    amount_cents: int
    service_start: date
    service_end: date
    quantity: int
    line_id: str = ""
    corrects: InvoiceLine | None = None
    later_invoiced_on: date | None = None

    @property
    def invoice_id(self) -> str:
        return f"inv-{self.invoiced_on:%Y%m}-{self.tenant_id}"

    @property
    def invoiced_on(self) -> date:
        """Usage is invoiced in arrears, a refund when it was granted, everything else in advance."""
        if self.later_invoiced_on:
            return self.later_invoiced_on
        return self.service_end if self.kind in ("usage", "overage") else self.service_start

    def recognised_cents(self, first: date, end: date) -> int:
        """Revenue of the days in [first, end): day k of n gets round(A·k/n) − round(A·(k−1)/n)."""
        days = (self.service_end - self.service_start).days
        low = min(max((first - self.service_start).days, 0), days)
        high = min(max((end - self.service_start).days, 0), days)
        return _rounded(self.amount_cents * high, days) - _rounded(self.amount_cents * low, days)


@dataclass(frozen=True, slots=True)
class Contract:
    tenant_id: str
    plan: Plan
    valid_from: date
    valid_to: date | None
    monthly_cents: int
    seats: int
    allowance: int | None
    overage_cents: int


TaskCounts = Counter[tuple[str, date]]
"""Production tasks by tenant and day."""


def contracts_of(company: Company, period: Period) -> list[Contract]:
    """What each tenant agreed to, one row per validity; the upgrader has two."""
    rows: list[Contract] = []
    for tenant in (t for t in company.tenants if not t.is_internal):
        if tenant.role is Role.UPGRADER and period.end > planted.UPGRADE_ON:
            pro = PLANS["pro"]
            rows.append(_contract(tenant, tenant.plan, tenant.started_on, planted.UPGRADE_ON))
            rows.append(_contract(tenant, pro, planted.UPGRADE_ON, None))
        else:
            rows.append(_contract(tenant, tenant.plan, tenant.started_on, tenant.churned_on))
    return rows


def invoice_lines(company: Company, period: Period, tasks: TaskCounts) -> list[InvoiceLine]:
    """Every line with service in the period, numbered in order of tenant and service."""
    lines: list[InvoiceLine] = []
    for tenant in (t for t in company.tenants if not t.is_internal and t.plan.price_cents):
        lines += sorted(_lines_of(tenant, period, tasks), key=lambda line: line.service_start)
    for number, line in enumerate(lines, start=1):
        line.line_id = f"il-{number:06d}"
    return lines


def recognised_cents(lines: Iterable[InvoiceLine], period: Period) -> Counter[str]:
    """Revenue of the period by tenant."""
    by_tenant: Counter[str] = Counter()
    for line in lines:
        by_tenant[line.tenant_id] += line.recognised_cents(period.start, period.end)
    return by_tenant


def _contract(tenant: Tenant, plan: Plan, valid_from: date, valid_to: date | None) -> Contract:
    seats = tenant.seats if plan.seat_cents else 0
    # The heavy team was promised unlimited use: no overage will ever pay for what it costs.
    allowance = None if tenant.role is Role.HEAVY_TEAM else plan.allowance
    overage_cents = plan.overage_cents if allowance else 0
    if tenant.role is Role.PAY_AS_YOU_GO:
        allowance, overage_cents = 0, USAGE_CENTS_PER_TASK
    monthly_cents = plan.price_cents + seats * plan.seat_cents
    return Contract(tenant.tenant_id, plan, valid_from, valid_to, monthly_cents, seats, allowance, overage_cents)


def _lines_of(tenant: Tenant, period: Period, tasks: TaskCounts) -> Iterator[InvoiceLine]:
    if tenant.role is Role.PREPAID:
        yield from _yearly(tenant, period)
    else:
        yield from _monthly(tenant, period)
    if tenant.role is Role.PAY_AS_YOU_GO:
        yield from _weekly_usage(tenant, period, tasks)
    elif tenant.plan.allowance and tenant.role is not Role.HEAVY_TEAM:
        yield from _overage(tenant, period, tasks, tenant.plan.allowance)


def _yearly(tenant: Tenant, period: Period) -> Iterator[InvoiceLine]:
    """A year in advance on each anniversary, seats included."""
    year_cents = 12 * (tenant.plan.price_cents + tenant.seats * tenant.plan.seat_cents)
    for year in range(tenant.started_on.year, period.end.year + 1):
        start = tenant.started_on.replace(year=year)
        end = start.replace(year=year + 1)
        if start < period.end and end > period.start:
            yield _line(tenant, "subscription", year_cents, start, end)


def _monthly(tenant: Tenant, period: Period) -> Iterator[InvoiceLine]:
    """Subscription and seats, in advance on each anniversary day; with them the corrections they call for."""
    start = _last_anniversary(tenant, period.start)
    while start < (tenant.churned_on or period.end) and start < period.end:
        end = next_month(start).replace(day=start.day)
        plan = PLANS["pro"] if tenant.role is Role.UPGRADER and start >= planted.UPGRADE_ON else tenant.plan
        line = _line(tenant, "subscription", plan.price_cents, start, end)
        yield line
        if plan.seat_cents:
            yield _line(tenant, "seats", tenant.seats * plan.seat_cents, start, end, quantity=tenant.seats)
        if tenant.role is Role.UPGRADER and start < planted.UPGRADE_ON < end:
            yield from _upgrade(tenant, line)
        if tenant.role is Role.REFUNDED and start <= planted.OUTAGE[0] < end:
            refund = _line(tenant, "credit_note", _REFUND_CENTS, *planted.OUTAGE, corrects=line)
            refund.later_invoiced_on = planted.OUTAGE_REFUNDED_ON
            yield refund
        start = end


def _upgrade(tenant: Tenant, old: InvoiceLine) -> Iterator[InvoiceLine]:
    """The unused part of the old plan is credited, the same days of the new plan are charged."""
    days, left = (old.service_end - old.service_start).days, (old.service_end - planted.UPGRADE_ON).days
    new = PLANS["pro"]
    credit_cents = -_rounded(old.amount_cents * left, days)
    seats_cents = _rounded(tenant.seats * new.seat_cents * left, days)
    yield _line(tenant, "credit_note", credit_cents, planted.UPGRADE_ON, old.service_end, corrects=old)
    charge_cents = _rounded(new.price_cents * left, days)
    yield _line(tenant, "subscription", charge_cents, planted.UPGRADE_ON, old.service_end)
    yield _line(tenant, "seats", seats_cents, planted.UPGRADE_ON, old.service_end, quantity=tenant.seats)


def _weekly_usage(tenant: Tenant, period: Period, tasks: TaskCounts) -> Iterator[InvoiceLine]:
    for number in range(period.weeks):
        monday = monday_of(period.start) + timedelta(weeks=number)
        count = sum(tasks[tenant.tenant_id, monday + timedelta(days=n)] for n in range(7))
        if count:
            yield _line(
                tenant, "usage", count * USAGE_CENTS_PER_TASK, monday, monday + timedelta(days=7), quantity=count
            )


def _overage(tenant: Tenant, period: Period, tasks: TaskCounts, allowance: int) -> Iterator[InvoiceLine]:
    """In arrears, for the calendar months that were over when the period ended."""
    for first, end in period.months():
        count = sum(tasks[tenant.tenant_id, first + timedelta(days=n)] for n in range((end - first).days))
        if count > allowance and end.day == 1:
            over = count - allowance
            yield _line(tenant, "overage", over * tenant.plan.overage_cents, first.replace(day=1), end, quantity=over)


def _line(
    tenant: Tenant, kind: str, cents: int, *span: date, quantity: int = 1, corrects: InvoiceLine | None = None
) -> InvoiceLine:
    start, end = span
    return InvoiceLine(tenant.tenant_id, kind, cents, start, end, quantity, corrects=corrects)


def _last_anniversary(tenant: Tenant, day: date) -> date:
    """The newest billing day not after `day`; the first one for a tenant that starts later."""
    if tenant.started_on >= day:
        return tenant.started_on
    this_month = day.replace(day=tenant.started_on.day)
    return (
        this_month if this_month <= day else (day.replace(day=1) - timedelta(days=1)).replace(day=tenant.started_on.day)
    )


def _rounded(numerator: int, denominator: int) -> int:
    """A whole number of cents, half away from zero."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))
