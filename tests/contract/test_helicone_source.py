"""Helicone's rows of `request_response_rmt`.

Columns: Helicone/helicone, clickhouse/migrations 20200101000041, 20200101000052 and schema_43 to 47, and RequestResponseRMT
in valhalla/jawn/src/lib/db/ClickhouseWrapper.ts (056435a). What stands in them: LoggingHandler.ts (05a819c) and
HandlerContext.ts (0698c4d) beside it; the billionth of a dollar: packages/cost/costCalc.ts; -3: worker's util/constants.ts.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.landed import Row, refused, rows
from tests.workspace import Workspace

NO_UUID = "00000000-0000-0000-0000-000000000000"


def row_of(**changes: Any) -> dict[str, Any]:
    """A call of one second with 1,000 tokens in and 100 out, as JSONEachRow writes it; `changes` replace columns."""
    return {
        "request_id": "5f8d1c2e-0001-4000-8000-000000000001",
        "response_id": "5f8d1c2e-0002-4000-8000-000000000002",
        "request_created_at": "2026-11-10 12:00:00.250",
        "response_created_at": "2026-11-10 12:00:01.250",
        "updated_at": "2026-11-10 12:00:05.000",
        "latency": "1000",
        "time_to_first_token": "0",
        "status": "200",
        "provider": "OPENAI",
        "model": "gpt-4o-mini",
        "prompt_tokens": "1000",
        "completion_tokens": "100",
        "prompt_cache_read_tokens": "0",
        "prompt_cache_write_tokens": "0",
        "prompt_audio_tokens": "0",
        "completion_audio_tokens": "0",
        "cost": "210000",
        "user_id": "customer",
        "cache_enabled": False,
        "cache_reference_id": NO_UUID,
        "properties": {},
    } | changes


def land(workspace: Workspace, *records: dict[str, Any]) -> list[Row]:
    result = workspace.land_records("helicone", records)
    assert (result.source, result.counts.quarantined) == ("helicone", 0), refused(workspace)
    return rows(workspace, order="source_line")


def test_a_call_with_its_times_cost_and_tokens(workspace: Workspace) -> None:
    [row] = land(workspace, row_of())
    assert row["started_at"].isoformat() == "2026-11-10T12:00:00.250000+00:00"
    assert row["ended_at"].isoformat() == "2026-11-10T12:00:01.250000+00:00"
    assert (row["latency_ms"], row["time_to_first_chunk_ms"]) == (1000, None)
    assert (row["input_tokens"], row["output_tokens"]) == (1000, 100)
    # 210,000 billionths of a dollar: 1,000 × 0.15 + 100 × 0.60 per million.
    assert (row["cost_reported"], row["cost_currency"], row["cost_source"]) == (Decimal("0.00021"), "USD", "helicone")
    assert (row["status"], row["http_status"], row["error_type"]) == ("ok", 200, None)
    assert (row["usage_semantics"], row["usage_quality"]) == ("inclusive", "reported")


@pytest.mark.parametrize(
    ("provider", "model", "prompt", "read", "written", "total", "semantics"),
    [
        ("ANTHROPIC", "claude-sonnet-4-5", 400, 500, 100, 1000, "exclusive_converted"),
        ("BEDROCK", "anthropic.claude-sonnet-4-5", 400, 500, 100, 1000, "exclusive_converted"),
        # Only a count without them can be smaller than what was cached.
        ("OPENAI", "gpt-4o-mini", 400, 401, 0, 801, "exclusive_converted"),
        ("OPENAI", "gpt-4o-mini", 400, 400, 0, 800, "ambiguous"),
    ],
)
def test_cached_tokens_are_added_and_the_row_says_how_sure_that_is(
    workspace: Workspace, provider: str, model: str, prompt: int, read: int, written: int, total: int, semantics: str
) -> None:
    counts = {"prompt_tokens": prompt, "prompt_cache_read_tokens": read, "prompt_cache_write_tokens": written}
    [row] = land(workspace, row_of(provider=provider, model=model, **counts))
    assert (row["input_tokens"], row["usage_semantics"]) == (total, semantics)
    assert (row["cache_read_input_tokens"], row["cache_creation_input_tokens"]) == (read, written)
    # The table does not say how long a write lives.
    assert (row["cache_creation_5m_input_tokens"], row["cache_creation_1h_input_tokens"]) == (None, None)


def test_reasoning_and_audio(workspace: Workspace) -> None:
    [row] = land(workspace, row_of(reasoning_tokens=64, prompt_audio_tokens=30, completion_audio_tokens=20))
    assert (row["output_tokens"], row["reasoning_output_tokens"]) == (164, 64)
    assert (row["input_audio_tokens"], row["output_audio_tokens"]) == (30, 20)


def test_a_hit_of_the_response_cache(workspace: Workspace) -> None:
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "cost": 0}
    hit, miss, unsaid = land(
        workspace,
        row_of(request_id="a", cache_reference_id="5f8d1c2e-0001-4000-8000-000000000001", **zeros),
        row_of(request_id="b"),
        row_of(request_id="c", cache_reference_id=None, cache_enabled=None),
    )
    assert [row["is_gateway_cache_hit"] for row in (hit, miss, unsaid)] == [True, False, None]
    assert (hit["cost_reported"], hit["usage_quality"]) == (Decimal(0), "missing")


def test_statuses(workspace: Workspace) -> None:
    found = land(workspace, *(row_of(request_id=f"r{code}", status=code) for code in (399, 400, 503, -3, -2, 0)))
    assert [row["status"] for row in found] == ["ok", "error", "error", "cancelled", "error", "error"]
    assert [row["http_status"] for row in found] == [399, 400, 503, None, None, None]
    assert [row["error_type"] for row in found] == [None, None, None, None, "status -2", "status 0"]
    assert [row["usage_quality"] for row in found][3] == "estimated"


def test_a_failure_without_answer_and_tokens(workspace: Workspace) -> None:
    lost = {"response_created_at": "", "prompt_tokens": 0, "completion_tokens": 0, "model": "", "cost": 0}
    [row] = land(workspace, row_of(status=500, **lost))
    assert (row["status"], row["usage_quality"], row["response_model"]) == ("error", "missing", None)
    assert row["ended_at"].isoformat() == "2026-11-10T12:00:01.250000+00:00"


def test_embeddings_and_rerank_are_told_by_the_model(workspace: Workspace) -> None:
    models = ("text-embedding-3-small", "rerank-v3.5", "gpt-4o")
    found = land(workspace, *(row_of(request_id=model, model=model) for model in models))
    assert [row["operation_name"] for row in found] == ["embeddings", "rerank", "chat"]
    assert {row["rerank_searches"] for row in found} == {None}


def test_the_row_written_last_is_the_version_that_counts(workspace: Workspace) -> None:
    first, scored = land(workspace, row_of(), row_of(updated_at="2026-11-11 09:00:00.000"))
    assert first["record_key"] == scored["record_key"]
    assert scored["version_at"].isoformat() == "2026-11-11T09:00:00+00:00"


def test_whose_and_what_for(workspace: Workspace) -> None:
    named = {"tenant_id": "acme", "task_id": "task-7", "feature": "search", "Environment": "production"}
    found = land(
        workspace,
        row_of(request_id="a", properties=named | {"Helicone-Session-Id": "session-1"}),
        row_of(request_id="b", properties={"Helicone-Session-Id": "session-1"}),
        # What the code that writes the table makes of a user id that is none.
        row_of(request_id="c", user_id="undefined"),
        row_of(request_id="d", user_id="null", properties=None),
    )
    assert [row["tenant_id"] for row in found] == ["acme", "customer", "unattributed", "unattributed"]
    assert [row["end_user_id"] for row in found] == ["customer", "customer", None, None]
    assert [row["task_id"] for row in found] == ["task-7", "session-1", None, None]
    assert [row["trace_id"] for row in found] == ["session-1", "session-1", None, None]
    assert (found[0]["feature"], found[0]["environment"]) == ("search", "production")


def test_csv_of_clickhouse_with_its_nulls_and_maps(workspace: Workspace) -> None:
    record = row_of(response_created_at="\\N", properties="{'tenant_id':'acme','Helicone-Session-Id':'s-1'}")
    path = workspace.root / "rmt.csv"
    quoted = ",".join(f'"{value}"' for value in record.values())
    path.write_text(",".join(record) + "\n" + quoted + "\n")
    assert workspace.land(path).counts.landed == 1, refused(workspace)
    [row] = rows(workspace)
    assert (row["tenant_id"], row["task_id"], row["latency_ms"]) == ("acme", "s-1", 1000)
    assert row["ended_at"].isoformat() == "2026-11-10T12:00:01.250000+00:00"


def test_a_map_in_parquet(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "rmt.parquet"
    with duckdb.connect() as database:
        database.execute(
            f"""copy (
                select
                    'r-1' as request_id, timestamp '2026-11-10 12:00:00.25' as request_created_at, 1000::bigint as latency,
                    200::bigint as status, 'OPENAI' as provider, 'gpt-4o-mini' as model, 1000::bigint as prompt_tokens,
                    100::bigint as completion_tokens, 210000::ubigint as cost, map {{'tenant_id': 'acme'}} as properties
            ) to '{path}'"""
        )
    assert workspace.land(path).counts.landed == 1, refused(workspace)
    [row] = rows(workspace)
    assert (row["tenant_id"], row["input_tokens"], row["cost_reported"]) == ("acme", 1000, Decimal("0.00021"))


def test_rows_that_cannot_be_read_say_why(workspace: Workspace) -> None:
    spoiled: list[tuple[dict[str, Any], str]] = [
        ({"request_id": ""}, "request_id: missing"),
        ({"request_created_at": None}, "request_created_at: missing"),
        ({"status": "fine"}, "status: not a whole number"),
        ({"properties": "redacted"}, "properties: not an object"),
        ({"cost": "-1"}, "cost: not a whole number of at least 0 (-1)"),
        ({"prompt_audio_tokens": 1001}, "audio and image tokens exceed input_tokens"),
    ]
    result = workspace.land_records("helicone", [row_of(), *(row_of(**changes) for changes, _ in spoiled)])
    assert (result.counts.landed, result.counts.quarantined) == (1, len(spoiled))
    assert refused(workspace) == [(number, reason) for number, (_, reason) in enumerate(spoiled, start=2)]
