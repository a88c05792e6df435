"""The business feeds: what the company's other systems know about tenants, money and outcomes."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random

from sample_data.bill_files import write_bills
from sample_data.billed import Billed
from sample_data.company import Company
from sample_data.contracts import contracts_of
from sample_data.credit_packs import burn_rows, pack_lines
from sample_data.currency import MILLION, rate_micro
from sample_data.features import FEATURES
from sample_data.invoices import InvoiceLine
from sample_data.metered import metered_lines
from sample_data.period import Period, next_month
from sample_data.plan_changes import plan_on, segment_on
from sample_data.subscriptions import subscription_lines
from sample_data.task_feeds import EVENT_COLUMNS, OUTCOME_COLUMNS, STALE_COLUMNS, TaskFeeds

Row = Sequence[object]

_CAC_CENTS = {"self_serve": 8_000, "business": 52_000, "enterprise": 340_000}
_POOLS = (
    ("hosting", "requests", 30),
    ("vector_store", "requests", 12),
    ("support", "even", 22),
)
"""Shared cost: component, what it is allocated by, cents a week and tenant."""


def write_feeds(
    folder: Path, seed: int, company: Company, period: Period, tasks: TaskFeeds, billed: Billed
) -> list[InvoiceLine]:
    """Write every feed; the invoice lines are returned for the truth."""
    rng = Random(f"{seed}/feeds")
    lines = invoice_lines(company, period, tasks)
    tasks.add_tenant_events(rng, company, period, lines)
    _write(folder, "tenants", "tenant_id name plan segment seats started_on churned_on", _tenants(company, period))
    _write(folder, "features", _FEATURE_COLUMNS, _features())
    _write(folder, "revenue_lines", _LINE_COLUMNS, _revenue_lines(lines))
    _write(folder, "contracts", _CONTRACT_COLUMNS, _contracts(company, period))
    _write(folder, "credit_burns", "tenant_id occurred_at credits burn_id", burn_rows(tasks.burns))
    _write(folder, "stale_reports", STALE_COLUMNS, tasks.stale_rows())
    _write(folder, "task_outcomes", OUTCOME_COLUMNS, tasks.outcome_rows())
    _write(folder, "cost_events", EVENT_COLUMNS, tasks.event_rows())
    _write(folder, "cost_pools", _POOL_COLUMNS, _pools(rng, company, period))
    _write(folder, "acquisition", "month segment sales_marketing_usd new_customers", _acquisition(rng, company, period))
    _write(folder, "fx", "date from_currency to_currency rate", _rates(period))
    write_bills(folder, billed.lines())
    return lines


def invoice_lines(company: Company, period: Period, tasks: TaskFeeds) -> list[InvoiceLine]:
    """Every line with service in the period, numbered in order of tenant and service."""
    packs = pack_lines(company, period, tasks.burns)
    lines: list[InvoiceLine] = []
    for tenant in (t for t in company.tenants if not t.is_internal and t.plan.price_cents):
        found = [*subscription_lines(tenant, period), *metered_lines(tenant, period, tasks.tasks, tasks.resolved)]
        found += (line for line in packs if line.tenant_id == tenant.tenant_id)
        lines += sorted(found, key=lambda line: line.service_start)
    for number, line in enumerate(lines, start=1):
        line.line_id = f"il-{number:06d}"
    return lines


def cents(amount_cents: int) -> str:
    """Cents as a decimal string: -1905 -> '-19.05'."""
    sign = "-" if amount_cents < 0 else ""
    return f"{sign}{abs(amount_cents) // 100}.{abs(amount_cents) % 100:02d}"


_FEATURE_COLUMNS = "feature owner task_tier is_async_eligible risk_class environment success_definition"
_LINE_COLUMNS = (
    "line_id tenant_id kind amount currency service_start service_end invoice_id invoiced_on quantity "
    "corrects_line_id credits expires_on"
)
_CONTRACT_COLUMNS = (
    "tenant_id plan valid_from valid_to price_usd seats allowance allowance_scope overage_rate credit_rates"
)
_POOL_COLUMNS = "pool_id period_start period_end component amount currency driver weights"


def _features() -> Iterator[Row]:
    for f in FEATURES.values():
        is_async = "true" if f.is_async_eligible else "false"
        owner = f"{f.team}@example.com"
        yield f.name, owner, f.task_tier, is_async, f.risk_class, f.environment, f.success_definition


def _revenue_lines(lines: Iterable[InvoiceLine]) -> Iterator[Row]:
    for i in lines:
        yield (i.line_id, i.tenant_id, i.kind, cents(i.amount_cents), i.currency, i.service_start, i.service_end,
               i.invoice_id, i.invoiced_on, i.quantity, i.corrects.line_id if i.corrects else "", i.credits or "",
               i.expires_on or "")  # fmt: skip


def _contracts(company: Company, period: Period) -> Iterator[Row]:
    for c in contracts_of(company, period):
        has_allowance = c.allowance is not None
        yield (c.tenant_id, c.plan, c.valid_from, c.valid_to or "", cents(c.monthly_cents), c.seats,
               c.allowance if has_allowance else "", "pooled" if has_allowance else "",
               cents(c.overage_cents) if c.overage_cents else "", c.credit_rates)  # fmt: skip


def _tenants(company: Company, period: Period) -> Iterator[Row]:
    last = period.end - timedelta(days=1)
    for t in company.tenants:
        plan, churned_on = plan_on(t, last), t.churned_on or ""
        yield t.tenant_id, t.name, plan.name, segment_on(t, last), t.seats, t.started_on, churned_on


def _pools(rng: Random, company: Company, period: Period) -> Iterator[Row]:
    """One row per component and calendar month, clipped to the period with its share of the amount."""
    for first, end in period.months():
        for component, driver, weekly_cents in _POOLS:
            amount_cents = weekly_cents * len(company.tenants) * (end - first).days * rng.randint(92, 108) // 700
            yield f"pool-{component}", first, end, component, cents(amount_cents), "USD", driver, ""


def _acquisition(rng: Random, company: Company, period: Period) -> Iterator[Row]:
    """Three months before the period and its own months; customers are those that pay."""
    won: Counter[tuple[date, str]] = Counter(
        (t.started_on.replace(day=1), t.plan.segment)
        for t in company.tenants
        if t.plan.price_cents and t.started_on < period.end
    )
    month = (period.start.replace(day=1) - timedelta(days=80)).replace(day=1)
    while month < period.end:
        for segment, cac_cents in _CAC_CENTS.items():
            new = won[month, segment]
            spent_cents = (4 * new + 1) * cac_cents * rng.randint(85, 120) // 400
            yield f"{month:%Y-%m}", segment, cents(spent_cents), new
        month = next_month(month)


def _rates(period: Period) -> Iterator[Row]:
    """Every day on which a line's service can begin, from the month before the period on."""
    day = (period.start.replace(day=1) - timedelta(days=1)).replace(day=1)
    while day < period.end:
        micro = rate_micro(day)
        yield day, "EUR", "USD", f"{micro // MILLION}.{micro % MILLION // 100:04d}"
        day += timedelta(days=1)


def _write(folder: Path, feed: str, header: str, rows: Iterable[Row]) -> None:
    with (folder / f"{feed}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split())
        writer.writerows(rows)
