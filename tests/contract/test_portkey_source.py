"""Portkey's log export.

Columns: Portkey-AI/docs-core, product/observability/logs-export.mdx (08d4d1e), which also says cents, milliseconds and the
words of cache_status; `id`: the columns of POST /logs/exports in Portkey's API reference.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.landed import Row, refused, rows
from tests.workspace import Workspace


def log(**changes: Any) -> dict[str, Any]:
    """A call of one second, 1,000 tokens in and 100 out, at 0.45 cents; `changes` replace columns."""
    return {
        "id": "log-1",
        "trace_id": "trace-1",
        "created_at": "2026-11-10T12:00:00.250Z",
        "is_success": 1,
        "ai_org": "anthropic",
        "ai_model": "claude-sonnet-4-5",
        "req_units": 1000,
        "res_units": 100,
        "total_units": 1100,
        "cost": 0.45,
        "cost_currency": "USD",
        "response_status_code": 200,
        "response_time": 1000,
        "cache_status": "DISABLED",
        "retry_success_count": 0,
        "mode": "SINGLE",
        "metadata": {},
    } | changes


def land(workspace: Workspace, *records: dict[str, Any]) -> list[Row]:
    result = workspace.land_records("portkey", records)
    assert (result.source, result.counts.quarantined) == ("portkey", 0), refused(workspace)
    return rows(workspace, order="source_line")


def test_a_call_with_its_times_and_a_cost_that_was_in_cents(workspace: Workspace) -> None:
    [row] = land(workspace, log())
    assert row["started_at"].isoformat() == "2026-11-10T12:00:00.250000+00:00"
    assert row["ended_at"].isoformat() == "2026-11-10T12:00:01.250000+00:00"
    assert (row["cost_reported"], row["cost_currency"], row["cost_source"]) == (Decimal("0.0045"), "USD", "portkey")
    assert (row["input_tokens"], row["output_tokens"]) == (1000, 100)
    assert (row["provider_name"], row["response_model"]) == ("anthropic", "claude-sonnet-4-5")


def test_a_small_cost_is_exact(workspace: Workspace) -> None:
    # A thousandth of a cent written with an exponent, and the smallest that is kept.
    found = land(workspace, log(id="a", cost=1.23e-05), log(id="b", cost=1e-10), log(id="c", cost=None))
    assert [row["cost_reported"] for row in found] == [Decimal("1.23e-7"), Decimal("1e-12"), None]
    assert found[2]["cost_currency"] is None


def test_whether_cached_tokens_are_included_is_not_said(workspace: Workspace) -> None:
    [row] = land(workspace, log())
    assert (row["usage_semantics"], row["cache_read_input_tokens"], row["reasoning_output_tokens"]) == (
        "ambiguous",
        None,
        None,
    )


def test_hits_of_the_response_cache(workspace: Workspace) -> None:
    words = ("HIT", "SEMANTIC HIT", "MISS", "DISABLED", None)
    found = land(workspace, *(log(id=str(word), cache_status=word, cost=0) for word in words))
    assert [row["is_gateway_cache_hit"] for row in found] == [True, True, False, False, None]
    assert [row["cache_kind"] for row in found] == ["exact", "semantic", None, None, None]


def test_failures_and_retries(workspace: Workspace) -> None:
    failed = {"is_success": 0, "response_status_code": 429, "req_units": 0, "res_units": 0}
    found = land(
        workspace,
        log(id="a", **failed),
        log(id="b", is_success=None, response_status_code=500),
        log(id="c", is_success=True, retry_success_count=2),
    )
    assert [row["status"] for row in found] == ["error", "error", "ok"]
    assert [row["attempt_no"] for row in found] == [1, 1, 3]
    assert (found[0]["http_status"], found[0]["usage_quality"]) == (429, "missing")


def test_embeddings_and_rerank_are_told_by_the_model(workspace: Workspace) -> None:
    models = ("text-embedding-3-small", "rerank-v3.5", "gpt-4o")
    found = land(workspace, *(log(id=model, ai_model=model) for model in models))
    assert [row["operation_name"] for row in found] == ["embeddings", "rerank", "chat"]


def test_whose_and_what_for(workspace: Workspace) -> None:
    named = {"tenant_id": "acme", "task_id": "task-7", "feature": "search", "_environment": "production"}
    found = land(
        workspace,
        log(id="a", metadata=named | {"_user": "user-1"}),
        log(id="b", metadata={"_user": "user-1"}),
        log(id="c", metadata=None, trace_id=""),
    )
    assert [row["tenant_id"] for row in found] == ["acme", "user-1", "unattributed"]
    assert [row["end_user_id"] for row in found] == ["user-1", "user-1", None]
    assert [row["task_id"] for row in found] == ["task-7", "trace-1", None]
    assert (found[0]["feature"], found[0]["environment"]) == ("search", "production")


def test_rows_that_cannot_be_read_say_why(workspace: Workspace) -> None:
    spoiled: list[tuple[dict[str, Any], str]] = [
        ({"id": None}, "id: missing (request the column id with the export)"),
        ({"created_at": ""}, "created_at: missing"),
        ({"created_at": "10 November"}, "created_at: not an ISO 8601 time"),
        ({"metadata": ["_user"]}, "metadata: not an object"),
        ({"cost": "free"}, "cost: not an amount of money"),
        ({"cost": 1000000001}, "cost: more than ten million dollars"),
        ({"req_units": -1}, "req_units: not a whole number of at least 0 (-1)"),
    ]
    result = workspace.land_records("portkey", [log(), *(log(**changes) for changes, _ in spoiled)])
    assert (result.counts.landed, result.counts.quarantined) == (1, len(spoiled))
    assert refused(workspace) == [(number, reason) for number, (_, reason) in enumerate(spoiled, start=2)]
