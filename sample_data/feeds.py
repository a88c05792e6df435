"""The business feeds: what the company's other systems know about tenants, money and outcomes."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random

from sample_data.company import FEATURES, PLANS, Company
from sample_data.invoices import InvoiceLine, contracts_of, invoice_lines
from sample_data.period import Period, next_month
from sample_data.planted import UPGRADE_ON, Role
from sample_data.task_feeds import EVENT_COLUMNS, OUTCOME_COLUMNS, TaskFeeds

Row = Sequence[object]

_CAC_CENTS = {"self_serve": 16_000, "business": 95_000, "enterprise": 620_000}
_POOLS = (
    ("hosting", "requests", 60),
    ("vector_store", "requests", 25),
    ("support", "even", 40),
)
"""Shared cost: component, what it is allocated by, cents a week and tenant."""


def write_feeds(folder: Path, seed: int, company: Company, period: Period, tasks: TaskFeeds) -> list[InvoiceLine]:
    """Write the eight feeds; the invoice lines are returned for the truth."""
    rng = Random(f"{seed}/feeds")
    lines = invoice_lines(company, period, tasks.tasks)
    tasks.add_tenant_events(rng, company, period, lines)
    _write(folder / "tenants.csv", "tenant_id name plan segment seats started_on churned_on", _tenants(company, period))
    _write(
        folder / "features.csv",
        "feature owner task_tier is_async_eligible risk_class environment success_definition",
        (
            (f.name, f"{f.team}@example.com", f.task_tier, _yes(f.is_async_eligible), f.risk_class, f.environment,
             f.success_definition)
            for f in FEATURES.values()
        ),
    )  # fmt: skip
    _write(
        folder / "revenue_lines.csv",
        "line_id tenant_id kind amount currency service_start service_end invoice_id invoiced_on quantity "
        "corrects_line_id",
        (
            (i.line_id, i.tenant_id, i.kind, cents(i.amount_cents), "USD", i.service_start, i.service_end, i.invoice_id,
             i.invoiced_on, i.quantity, i.corrects.line_id if i.corrects else "")
            for i in lines
        ),
    )  # fmt: skip
    _write(
        folder / "contracts.csv",
        "tenant_id plan valid_from valid_to price_usd seats allowance allowance_scope overage_rate credit_rates",
        (
            (c.tenant_id, c.plan.name, c.valid_from, c.valid_to or "", cents(c.monthly_cents), c.seats,
             "" if c.allowance is None else c.allowance, "" if c.allowance is None else "pooled",
             cents(c.overage_cents) if c.overage_cents else "", "")
            for c in contracts_of(company, period)
        ),
    )  # fmt: skip
    _write(folder / "task_outcomes.csv", OUTCOME_COLUMNS, tasks.outcome_rows())
    _write(folder / "cost_events.csv", EVENT_COLUMNS, tasks.event_rows())
    _write(
        folder / "cost_pools.csv",
        "pool_id period_start period_end component amount currency driver weights",
        _pools(rng, company, period),
    )
    _write(
        folder / "acquisition.csv",
        "month segment sales_marketing_usd new_customers",
        _acquisition(rng, company, period),
    )
    return lines


def cents(amount_cents: int) -> str:
    """Cents as a decimal string: -1905 -> '-19.05'."""
    sign = "-" if amount_cents < 0 else ""
    return f"{sign}{abs(amount_cents) // 100}.{abs(amount_cents) % 100:02d}"


def _yes(flag: bool) -> str:
    return "true" if flag else "false"


def _tenants(company: Company, period: Period) -> Iterable[Row]:
    for tenant in company.tenants:
        is_upgraded = tenant.role is Role.UPGRADER and period.end > UPGRADE_ON
        plan = PLANS["pro"] if is_upgraded else tenant.plan
        segment = plan.segment if is_upgraded else tenant.segment
        churned_on = tenant.churned_on or ""
        yield tenant.tenant_id, tenant.name, plan.name, segment, tenant.seats, tenant.started_on, churned_on


def _pools(rng: Random, company: Company, period: Period) -> Iterable[Row]:
    """One row per component and calendar month, clipped to the period with its share of the amount."""
    for first, end in period.months():
        for component, driver, weekly_cents in _POOLS:
            amount_cents = weekly_cents * len(company.tenants) * (end - first).days * rng.randint(92, 108) // 700
            yield f"pool-{component}", first, end, component, cents(amount_cents), "USD", driver, ""


def _acquisition(rng: Random, company: Company, period: Period) -> Iterable[Row]:
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


def _write(path: Path, header: str, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split())
        writer.writerows(rows)
