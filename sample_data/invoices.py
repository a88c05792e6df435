"""Invoice lines in whole cents, and the revenue that a span of days recognises from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sample_data.company import Tenant
from sample_data.currency import currency_of, rounded, usd_cents
from sample_data.period import Period


@dataclass(slots=True)
class InvoiceLine:
    """One line of an invoice in the tenant's currency; service days are half-open.

    Credits are of a pack that lapses; `burned` of them were, by the end.
    """

    tenant_id: str
    kind: str
    amount_cents: int
    service_start: date
    service_end: date
    quantity: int
    currency: str = "USD"
    usd_cents: int = 0
    line_id: str = ""
    corrects: InvoiceLine | None = None
    later_invoiced_on: date | None = None
    credits: int | None = None
    burned: int = 0

    @property
    def invoice_id(self) -> str:
        return f"inv-{self.invoiced_on:%Y%m}-{self.tenant_id}"

    @property
    def invoiced_on(self) -> date:
        """What is counted is invoiced in arrears, a refund when it was granted, everything else in advance."""
        if self.later_invoiced_on:
            return self.later_invoiced_on
        return self.service_end if self.kind in ("usage", "overage", "outcome") else self.service_start

    @property
    def expires_on(self) -> date | None:
        return self.service_end if self.credits else None

    def recognised_cents(self, first: date, end: date) -> int:
        """US cents of the days in [first, end): day k of n gets round(A·k/n) − round(A·(k−1)/n)."""
        if self.later_invoiced_on:
            # A credit for service that was over counts on the day it was granted.
            return self.usd_cents if first <= self.later_invoiced_on < end else 0
        days = (self.service_end - self.service_start).days
        low = min(max((first - self.service_start).days, 0), days)
        high = min(max((end - self.service_start).days, 0), days)
        return rounded(self.usd_cents * high, days) - rounded(self.usd_cents * low, days)


def line_of(
    tenant: Tenant, kind: str, cents: int, *span: date, quantity: int = 1, corrects: InvoiceLine | None = None,
    credits: int | None = None,
) -> InvoiceLine:  # fmt: skip
    """A line of a tenant, converted at the rate of its first day of service."""
    start, end = span
    return InvoiceLine(
        tenant.tenant_id, kind, cents, start, end, quantity, currency_of(tenant), usd_cents(tenant, cents, start),
        corrects=corrects, credits=credits,
    )  # fmt: skip


def _pack_cents(pack: InvoiceLine, period: Period) -> int:
    """What burned of a pack that was bought in the period, all of it once what is left has lapsed."""
    if pack.service_end < period.end or not pack.credits:
        return pack.usd_cents
    return rounded(pack.usd_cents * pack.burned, pack.credits)


def recognised_cents(lines: Iterable[InvoiceLine], period: Period) -> Counter[str]:
    """Revenue of the period in US cents by tenant."""
    by_tenant: Counter[str] = Counter()
    for line in lines:
        is_pack = line.kind == "credit_pack"
        by_tenant[line.tenant_id] += (
            _pack_cents(line, period) if is_pack else line.recognised_cents(period.start, period.end)
        )
    return by_tenant
