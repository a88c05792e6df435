"""A small company in which every model has something to do: two weeks of the worked example, prices of all kinds, every feed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pipelines.pricebook.aliases import resolve
from pipelines.pricebook.book import build_price_book
from pipelines.pricebook.slices import price_slices
from tests.sql import example_c
from tests.sql.example_c import NOVEMBER_2, NOVEMBER_9
from tests.sql.priced_traffic import traffic
from tests.workspace import Workspace, request

Row = dict[str, Any]


def _line(name: str, tenant: str, amount: str, start: str, end: str, **values: Any) -> Row:
    line = {"line_id": name, "tenant_id": tenant, "amount": amount, "service_start": start, "service_end": end}
    return {"kind": "subscription", "currency": "USD", **line, **values}


def _event(name: str, amount: str, **values: Any) -> Row:
    event = {"occurred_at": "2026-11-04T12:00:00Z", "component": "tool", "currency": "USD"}
    return {"event_id": name, "amount": amount, **event, **values}


def _pool(name: str, amount: str, start: str, end: str) -> Row:
    pool = {"pool_id": name, "amount": amount, "period_start": start, "period_end": end}
    return {"component": "hosting", "currency": "USD", "driver": "even", **pool}


def _bill(day: str, token_type: str, amount: str, **values: Any) -> Row:
    bill = {"provider": "Anthropic", "period_start": day, "line_item": token_type, "model": "Claude-Sonnet-4-5"}
    return {**bill, "token_type": token_type, "amount": amount, "currency": "USD", **values}


# 700 x 1,000 million tokens at 15 USD: 10.5 million USD, more pico-dollars than 64 bits hold.
WHALE = [
    request(
        source_record_id=f"whale-{number}", tenant_id="whale", task_id="whale", input_tokens=0, output_tokens=10**9,
        started_at=f"2026-11-11T23:58:59.{number:03}6Z", ended_at=f"2026-11-12T00:00:01.{number:03}5Z",
    )
    for number in range(700)
]  # fmt: skip
ODD = [
    request(source_record_id="staging", environment="staging", task_id="rnd"),
    request(source_record_id="prod", environment="PROD", task_id="prod", end_user_id=None, tenant_id=None),
    request(source_record_id="seldom", tenant_id="ünï·corp", feature="a'b", end_user_id="日本"),
    request(source_record_id="twice", output_tokens=5, observed_at="2026-11-10T13:00:00Z"),
    request(source_record_id="twice", output_tokens=7, observed_at="2026-11-10T14:00:00Z"),
    *(request(source_record_id=f"long-{n}", task_id="long", started_at=f"2026-{n:02}-10T12:00:00Z") for n in (10, 11)),
]
FEEDS: dict[str, list[Row]] = {
    "tenants": [
        {"tenant_id": "acme", "name": "Acme", "plan": "pro", "segment": "smb", "seats": 4, "started_on": "2026-01-31"},
        {"tenant_id": "acme", "name": "Acme Inc.", "started_on": "2026-01-31", "observed_at": "2026-11-05T00:00:00Z"},
        {"tenant_id": "gone", "name": "Gone", "started_on": "2026-02-01", "churned_on": "2026-10-20"},
        {"tenant_id": "whale", "started_on": "2026-10-01"},
        {"tenant_id": "idle"},
    ],
    "features": [{"feature": "support_reply", "owner": "support", "task_tier": 2}],
    "revenue_lines": [
        _line("thirds", "acme", "100.00", "2026-11-01", "2026-12-01"),
        _line("euro", "acme", "99.99", "2026-11-03", "2026-11-10", currency="EUR"),
        _line("no-rate", "beta", "10.00", "2026-11-03", "2026-11-10", currency="GBP"),
        _line("credit", "acme", "-0.05", "2026-11-09", "2026-11-12", kind="credit_note"),
        _line("parts-of-a-cent", "whale", "12345678901.234567890123", "2026-10-28", "2026-11-18", kind="usage"),
    ],
    "fx": [
        {"date": "2026-11-03", "from_currency": "EUR", "to_currency": "USD", "rate": "1.0835"},
        {"date": "2026-11-04", "from_currency": "EUR", "to_currency": "USD", "rate": "1.123456789123"},
    ],
    "cost_events": [
        _event("euro-tool", "0.123456789012", task_id="1102-t1", currency="EUR", occurred_at="2026-11-04T23:59:59.999999Z"),
        _event("no-rate", "1", tenant_id="beta", currency="GBP"),
        _event("support", "3", tenant_id="acme", component="support"),
        _event("of-nobody", "0.5"),
        _event("rnd", "0.7", task_id="rnd"),
    ],
    "cost_pools": [
        _pool("hosting", "1000.00", "2026-11-01", "2026-12-01"),
        _pool("vectors", "7.000000000001", "2026-11-05", "2026-11-08"),
    ],
    "provider_bills": [
        _bill("2026-11-03", "input", "3.000000000001", quantity="1000000.5", unit="tokens"),
        _bill("2026-11-03", "input", "0.75", quantity="250000", unit="tokens", service_tier="batch"),
        _bill("2026-11-03", "output", "15.00", currency="EUR"),
        _bill("2026-11-04", "output", "1.00", currency="GBP"),
    ],
    "acquisition": [
        {"month": "2026-09", "sales_marketing_usd": "100.10", "new_customers": 1},
        {"month": "2026-11", "segment": "smb", "sales_marketing_usd": "5000", "new_customers": 3},
    ],
}  # fmt: skip


def land_first(workspace: Workspace) -> None:
    """Everything as it stands on the second Monday."""
    for week in (NOVEMBER_2, NOVEMBER_9):
        example_c.land(workspace, week)
    workspace.land_records("priced", _every_kind_of_price())
    workspace.land_records("whale", WHALE)
    workspace.land_records("odd", ODD)
    for feed, rows in FEEDS.items():
        workspace.land_feed(feed, rows)


def land_late(workspace: Workspace) -> None:
    """What arrives afterwards: an outcome, a corrected outcome, a later version of a request, another retry."""
    t3 = example_c.outcome(NOVEMBER_9, "t3", "success", 8, 0)
    workspace.land_feed("task_outcomes", [example_c.late_outcome(NOVEMBER_9), {**t3, "outcome_id": "o-late"}], "-late")
    first = example_c.attempts(NOVEMBER_9)[0]
    corrected = {**first, "output_tokens": 300, "observed_at": "2026-11-16T00:00:00Z"}
    started = (NOVEMBER_9 + timedelta(hours=10, seconds=5)).isoformat()
    retry = {**first, "source_record_id": "late-retry", "started_at": started, "ended_at": started}
    workspace.land_records("late", [corrected, retry])


def _every_kind_of_price() -> list[Row]:
    """Requests to every tenth model that can be logged by its own name, and to all priced by the block of tokens."""
    book = price_slices(build_price_book().slices)
    models = [
        pair for pair in sorted(book) if (alias := resolve(*pair)) and (alias.price_provider, alias.price_model) == pair
    ]
    blocks = [pair for pair in models if any(piece.price_block > 1 for piece in book[pair])]
    return traffic(book, sorted({*models[::10], *blocks}), seed=5)
