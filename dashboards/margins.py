"""What a table of tenants tells: who is in which state, how concentrated cost is, and how the rows make up the company."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from warehouse.reader import UNALLOCATED, UNATTRIBUTED
from warehouse.rows import GrossProfit, TenantMargin, quotient

State = Literal["under_water", "below_target", "on_target", "free", "idle"]
STATES: dict[State, str] = {
    "under_water": "▼ under water",
    "below_target": "▽ below target",
    "on_target": "✓ on target",
    "free": "○ no revenue",
    "idle": "– no cost",
}
"""Words and a sign of each state: colour is never the only one to tell."""


@dataclass(frozen=True)
class Sum(GrossProfit):
    """Several rows as one."""

    tenants: int
    revenue_usd: Decimal
    inference_cogs_usd: Decimal
    other_cogs_usd: Decimal
    requests: int
    incomplete_requests: int
    is_lower_bound: bool


@dataclass(frozen=True)
class Step:
    """A point of the concentration curve: the `tenants` dearest ones bear `cost_share` of the cost."""

    tenants: int
    tenant_share: Decimal
    cost_share: Decimal


def is_tenant(row: TenantMargin) -> bool:
    return row.tenant_id not in (UNATTRIBUTED, UNALLOCATED)


def state_of(row: TenantMargin, margin_min: Decimal | None) -> State:
    """`margin_min`: the least gross margin that meets the target, None where none is set."""
    if row.is_under_water:
        return "under_water"
    if row.revenue_usd <= 0:
        return "free" if row.cogs_usd > 0 else "idle"
    margin = row.gross_margin
    return "below_target" if margin is not None and margin_min is not None and margin < margin_min else "on_target"


def total(rows: Iterable[TenantMargin]) -> Sum:
    listed = list(rows)
    return Sum(
        len(listed),
        sum((row.revenue_usd for row in listed), Decimal(0)),
        sum((row.inference_cogs_usd for row in listed), Decimal(0)),
        sum((row.other_cogs_usd for row in listed), Decimal(0)),
        sum(row.requests for row in listed),
        sum(row.unpriced_requests + row.partial_requests for row in listed),
        any(row.is_lower_bound for row in listed),
    )


def concentration(rows: Iterable[TenantMargin]) -> list[Step]:
    """Cumulated cost of goods over the tenants that have any, dearest first, ties by id; begins at zero. Empty without cost."""
    bearing = sorted(
        (row for row in rows if is_tenant(row) and row.cogs_usd > 0), key=lambda row: (-row.cogs_usd, row.tenant_id)
    )
    whole = sum((row.cogs_usd for row in bearing), Decimal(0))
    if not bearing:
        return []
    steps, sofar = [Step(0, Decimal(0), Decimal(0))], Decimal(0)
    for number, row in enumerate(bearing, start=1):
        sofar += row.cogs_usd
        steps.append(Step(number, quotient(Decimal(number), Decimal(len(bearing))), quotient(sofar, whole)))
    return steps


def share_of_top(steps: Sequence[Step], per_cent: int) -> Step | None:
    """The dearest `per_cent` of the tenants, rounded up to whole ones."""
    if not steps:
        return None
    count = -(-(len(steps) - 1) * per_cent // 100)
    return steps[count]
