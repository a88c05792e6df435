"""The worked examples of revenue recognition as feeds and log records; one tenant per example. Units are input tokens."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.workspace import Workspace, request

Row = dict[str, Any]


def line(tenant: str, line_id: str, kind: str, amount: str, first: str, end: str, **said: Any) -> Row:
    """An invoice line, invoiced on its first day unless said otherwise."""
    return {
        **{"line_id": f"{tenant}-{line_id}", "tenant_id": tenant, "kind": kind, "amount": amount, "currency": "USD"},
        **{"service_start": first, "service_end": end, "invoiced_on": first, **said},
    }


def year(tenant: str, first: str, end: str, invoiced_on: str) -> Row:
    return line(tenant, "year", "subscription", "12000.00", first, end, invoiced_on=invoiced_on)


PREPAID = [year("prepaid", "2025-03-15", "2026-03-15", "2025-03-10")]
"""B1, a year earlier, because nothing can be logged in the future; its months are as long."""

UPGRADED = [
    line("upgraded", "L1", "subscription", "99.00", "2026-07-01", "2026-08-01"),
    line("upgraded", "L2", "credit_note", "-63.87", "2026-07-12", "2026-08-01", corrects_line_id="upgraded-L1"),
    line("upgraded", "L3", "subscription", "128.39", "2026-07-12", "2026-08-01"),
]


def pack(tenant: str, line_id: str, amount: str, credits: int, first: str, expires_on: str) -> Row:
    return line(tenant, line_id, "credit_pack", amount, first, expires_on, credits=credits, expires_on=expires_on)


PACKS = [
    pack("credits", "pack", "1000.00", 12_500, "2026-01-01", "2026-04-01"),
    pack("packs", "P2", "80.00", 1_000, "2026-03-01", "2026-12-31"),
    pack("packs", "P1", "100.00", 1_000, "2026-04-01", "2026-06-30"),
]


def burn(tenant: str, day: str, credits: int) -> Row:
    return {"tenant_id": tenant, "occurred_at": f"{day}T10:00:00Z", "credits": credits}


BURNS = [
    burn("credits", "2026-01-20", 5_000),
    burn("credits", "2026-02-20", 4_000),
    burn("credits", "2026-03-20", 2_000),
    burn("packs", "2026-06-10", 1_200),
]

MAY = (("2026-05-01", 4_200), ("2026-05-18", 500), ("2026-05-21", 600), ("2026-05-25", 1_000), ("2026-05-31", 1_000))
OVERAGE = line("billed", "over", "overage", "45.00", "2026-05-01", "2026-06-01", invoiced_on="2026-06-03")


def used(tenant: str, day: str, units: int, user: str = "user-1") -> Row:
    return request(
        source_record_id=f"{tenant}-{day}-{user}", tenant_id=tenant, end_user_id=user, input_tokens=units,
        started_at=f"{day}T12:00:00Z",
    )  # fmt: skip


def contract(tenant: str, allowance: int, scope: str, rate: str = "0.02") -> Row:
    return {
        **{"tenant_id": tenant, "plan": "metered", "valid_from": "2026-01-01", "price_usd": "0", "seats": 5},
        **{"allowance": allowance, "allowance_scope": scope, "overage_rate": rate},
    }


CONTRACTS = [
    contract("metered", 5_000, "pooled"),
    contract("billed", 5_000, "pooled"),
    contract("pooled", 2_000, "pooled"),
    contract("seats", 1_000, "per_seat"),
]
USED = [
    *(used(tenant, day, units) for tenant in ("metered", "billed") for day, units in MAY),
    *(
        used(tenant, "2026-05-06", units, user)
        for tenant in ("pooled", "seats")
        for user, units in (("a", 1_500), ("b", 500))
    ),
]

CANCELLED = [
    year("cancelled", "2026-03-15", "2027-03-15", "2026-03-10"),
    line(
        "cancelled", "refund", "credit_note", "-8712.33", "2026-06-23", "2027-03-15", corrects_line_id="cancelled-year"
    ),
]
"""B5 a: 100 days of service, the last on 06-22."""
OUTAGE = [
    line("outage", "month", "subscription", "500.00", "2026-07-01", "2026-08-01"),
    line("outage", "credit", "credit_note", "-200.00", "2026-07-07", "2026-07-09", invoiced_on="2026-08-05",
         corrects_line_id="outage-month"),
]  # fmt: skip
TWICE = [
    line("twice", "first", "subscription", "49.00", "2026-07-01", "2026-08-01"),
    line("twice", "second", "subscription", "0", "2026-07-01", "2026-08-01"),
    line("noted", "first", "subscription", "49.00", "2026-07-01", "2026-08-01"),
    line("noted", "second", "subscription", "49.00", "2026-07-01", "2026-08-01"),
    line("noted", "void", "credit_note", "-49.00", "2026-07-01", "2026-08-01", invoiced_on="2026-07-20",
         corrects_line_id="noted-second"),
]  # fmt: skip
"""B5 c: the second line voided, by sending it again with 0 or by a credit note over the same days."""

LINES = [*PREPAID, *UPGRADED, *PACKS, OVERAGE, *CANCELLED, *OUTAGE, *TWICE]
EDGES = [used("nobody", day, 1) for day in ("2025-03-01", "2026-11-10")]
"""Requests that make the data reach over all of it."""


def land(workspace: Workspace) -> None:
    workspace.land_records("requests", [*EDGES, *USED])
    workspace.land_feed("revenue_lines", LINES)
    workspace.land_feed("credit_burns", BURNS)
    workspace.land_feed("contracts", CONTRACTS)


def days(workspace: Workspace, tenant: str, condition: str = "true") -> dict[date, Decimal]:
    """Revenue by day of a tenant, from the mart that everything else reads."""
    rows = workspace.rows(
        f"select usage_date, revenue_usd from fct_tenant_day where tenant_id = '{tenant}' and {condition} order by 1"
    )
    return {day: usd for day, usd in rows if usd}


def months(workspace: Workspace, tenant: str, *columns: str) -> list[tuple[Any, ...]]:
    """These sums of a tenant's kinds, by month."""
    sums = ", ".join(f"sum({column})" for column in columns)
    return workspace.rows(
        f"select strftime(month, '%Y-%m'), {sums} from mart_revenue_month where tenant_id = '{tenant}' group by 1 order by 1"
    )


def between(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]
