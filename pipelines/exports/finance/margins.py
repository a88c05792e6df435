"""Revenue, cost of goods and gross profit of every tenant in a period."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pipelines.economics.apportion import EXACT, apportion
from pipelines.exports.csv_file import Cell, Column, Table
from pipelines.exports.finance.costs import KINDS, RoundedCosts
from pipelines.exports.periods import every, period_column
from warehouse.reader import Period
from warehouse.rows import TenantMargin

_COLUMNS = (
    Column("tenant_id", "unattributed: no tenant is named; unallocated: shared cost that no tenant bears"),
    Column("tenant_name", "As last reported by the tenants feed"),
    Column("plan", "As last reported by the tenants feed"),
    Column("segment", "As last reported by the tenants feed"),
    Column("revenue_usd", "Recognised revenue of the period", is_summed=True),
    Column("inference_cogs_usd", "Production model calls", is_summed=True, bound="at_least"),
    Column("other_cogs_usd", "Tools, retrieval, reviews, and the tenant's part of shared cost", is_summed=True, bound="at_least"),
    Column("cogs_usd", "inference_cogs_usd + other_cogs_usd", is_summed=True, bound="at_least"),
    Column("gross_profit_usd", "revenue_usd - cogs_usd", is_summed=True, bound="at_most"),
    Column("gross_margin", "Gross profit over revenue, of the exact amounts; empty without revenue"),
    Column("is_under_water", "true: pays, and costs more than it pays"),
    Column("outside_cogs_usd", "Development, CI, support, payment fees: not in the margin", is_summed=True, bound="at_least"),
    Column("requests", "Attempts of all environments, failed ones too", is_summed=True),
    Column("unpriced_requests", "Requests without a price: their cost is in no amount", is_summed=True),
    Column("partial_requests", "Requests of which only a part has a price", is_summed=True),
    Column("unconverted_rows", "Costs and revenue lines without an exchange rate: in no amount", is_summed=True),
    Column("is_lower_bound", "true: costs are at least what is printed"),
)  # fmt: skip


def margin_table(margins: Sequence[TenantMargin], costs: RoundedCosts, period: Period, decimals: int) -> Table:
    """One row per tenant; `costs` carry the amounts that the costs' own file prints."""
    rows = sorted(margins, key=lambda row: row.tenant_id)
    revenue = apportion([row.revenue_usd for row in rows], decimals)
    spent, nothing = costs.by_tenant(), Decimal(0).scaleb(-decimals)
    amounts = [[spent.get((row.tenant_id, kind), nothing) for kind in KINDS] for row in rows]
    return Table(
        f"tenant_margin_{every(period)}.csv",
        "Revenue, cost of goods and gross profit by tenant; unattributed and unallocated make the rows the company.",
        (period_column(period), *_COLUMNS),
        [(period.start, *_row(*found)) for found in zip(rows, revenue, amounts, strict=True)],
    )


def _row(row: TenantMargin, revenue: Decimal, spent: Sequence[Decimal]) -> tuple[Cell, ...]:
    inference, other, outside = spent
    cogs = EXACT.add(inference, other)
    return (
        row.tenant_id,
        row.name,
        row.plan,
        row.segment,
        revenue,
        inference,
        other,
        cogs,
        EXACT.subtract(revenue, cogs),
        row.gross_margin,
        row.is_under_water,
        outside,
        row.requests,
        row.unpriced_requests,
        row.partial_requests,
        row.unconverted_rows,
        row.is_lower_bound,
    )
