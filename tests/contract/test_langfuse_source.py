"""Langfuse's blob export: observations as requests, scores as outcomes, traces as such, each trap in a record of its own.

Columns and types follow langfuse/langfuse-docs, content/docs/api-and-data-platform/features/blob-storage-export-fields.mdx
(2026); how usage becomes buckets follows langfuse/langfuse 3.x, packages/shared/src/server/ingestion/types.ts
(OpenAICompletionUsageSchema) and otel/OtelIngestionProcessor.ts; inclusive counts that arrive all the same are
langfuse/langfuse issues 10592 and 12306. The export cannot express rerank, batch, gateway cache hits, cut streams, and
which attempt a retry or a fallback is: each is an observation like any other.
"""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.landing.explain import explain_file
from tests.landed import Row, assert_conserved, landings, listed, refused, rows
from tests.workspace import Workspace
from warehouse import lake

USAGE = {"input": 1000, "output": 100, "total": 1100}


def observation(**changes: Any) -> dict[str, Any]:
    """An enriched generation of one second; `changes` replace columns."""
    return {
        "id": "obs-1",
        "trace_id": "trace-1",
        "project_id": "project-1",
        "environment": "default",
        "type": "GENERATION",
        "parent_observation_id": "",
        "start_time": "2026-11-10 12:00:00.250000",
        "end_time": "2026-11-10 12:00:01.250000",
        "name": "answer",
        "metadata": {},
        "level": "DEFAULT",
        "status_message": "",
        "provided_model_name": "claude-sonnet-4-5",
        "model_parameters": '{"temperature":0.7}',
        "usage_details": USAGE,
        "cost_details": {"input": 0.003, "output": 0.0015, "total": 0.0045},
        "total_cost": 0.0045,
        "completion_start_time": None,
        "latency": 1000,
        "prompt_name": "",
        "prompt_version": None,
        "updated_at": "2026-11-10 12:00:02.000000",
        "tool_call_names": [],
        "user_id": "user-1",
        "session_id": "session-1",
        "trace_name": "support",
        "tags": [],
    } | changes


def score(**changes: Any) -> dict[str, Any]:
    return {
        "id": "score-1",
        "timestamp": "2026-11-10 12:01:00.000000",
        "project_id": "project-1",
        "environment": "default",
        "trace_id": "trace-1",
        "observation_id": None,
        "session_id": None,
        "dataset_run_id": None,
        "name": "resolved",
        "value": 1,
        "source": "ANNOTATION",
        "comment": None,
        "data_type": "BOOLEAN",
        "string_value": "True",
        "updated_at": "2026-11-10 12:02:00.000000",
    } | changes


def trace(**changes: Any) -> dict[str, Any]:
    return {
        "id": "trace-1",
        "timestamp": "2026-11-10 12:00:00.000000",
        "name": "support",
        "project_id": "project-1",
        "metadata": {},
        "user_id": "user-1",
        "session_id": None,
        "public": False,
        "bookmarked": False,
        "tags": [],
        "input": "what was asked",
        "output": "what was answered",
        "environment": "default",
        "created_at": "2026-11-10 12:00:00.100000",
        "updated_at": "2026-11-10 12:00:05.000000",
    } | changes


def traces(workspace: Workspace) -> list[Row]:
    files = [workspace.lake.absolute(file.path) for file in listed(workspace, "trace")]
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        found = database.execute(f"select * from {lake.scan('trace', files)} order by source_file, source_line")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def land_one(workspace: Workspace, **changes: Any) -> Row:
    result = workspace.land_records("observations", [observation(**changes)])
    assert (result.state, result.source, result.counts.landed) == ("landed", "langfuse", 1), refused(workspace)
    [row] = rows(workspace)
    return row


def outcomes(workspace: Workspace) -> list[tuple[Any, ...]]:
    files = [str(path) for path in (workspace.lake.root / "feed_task_outcomes").glob("*.parquet")]
    if not files:
        return []
    columns = "outcome_id, task_id, conversation_id, outcome, strftime(observed_at, '%H:%M'), score, source"
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        return database.execute(f"select {columns} from read_parquet({files}) order by source_line").fetchall()


# --- observations ---


def test_an_enriched_generation_is_a_request(workspace: Workspace) -> None:
    row = land_one(
        workspace, tags=["env:prod"], tool_call_names=["search", "search"], prompt_name="p", prompt_version=3
    )
    expected = {
        "source_record_id": "obs-1",
        "trace_id": "trace-1",
        "span_id": "obs-1",
        "parent_span_id": None,
        "conversation_id": "session-1",
        "task_id": "trace-1",
        "latency_ms": 1000,
        "time_to_first_chunk_ms": None,
        "operation_name": "chat",
        "provider_name": None,
        "response_model": "claude-sonnet-4-5",
        "tenant_id": "user-1",
        "end_user_id": "user-1",
        "feature": "support",
        "environment": None,
        "prompt_version": "p:3",
        "tags": '["env:prod"]',
        "tool_calls": 2,
        "input_tokens": 1000,
        "output_tokens": 100,
        "usage_semantics": "exclusive_converted",
        "usage_quality": "reported",
        "service_tier": None,
        "status": "ok",
        "cost_reported": Decimal("0.0045"),
        "cost_currency": "USD",
        "cost_source": "langfuse",
    }
    assert {name: row[name] for name in expected} == expected
    assert row["started_at"].isoformat() == "2026-11-10T12:00:00.250000+00:00"


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        # OpenAI's details, made exclusive: 300 + 600 in, 70 + 30 out.
        (
            {"input": 300, "input_cached_tokens": 600, "output": 70, "output_reasoning_tokens": 30, "total": 1000},
            (900, 600, None, None, 100, 30, "exclusive_converted"),
        ),
        # Anthropic's writes by how long they are kept; the plain bucket is what neither of the two holds.
        (
            {"input": 5, "input_cache_read": 80, "input_cache_creation": 1, "input_cache_creation_5m": 10,
             "input_cache_creation_1h": 4, "output": 7},
            (100, 80, 15, 4, 7, None, "exclusive_converted"),
        ),
        (
            {"input": 5, "cache_read_input_tokens": 80, "cache_creation_input_tokens": 15, "output": 7, "total": 107},
            (100, 80, 15, None, 7, None, "exclusive_converted"),
        ),
        # The provider's inclusive counts beside the details: the total says so.
        (
            {"input": 900, "input_cached_tokens": 600, "output": 100, "output_reasoning_tokens": 30, "total": 1000},
            (900, 600, None, None, 100, 30, "inclusive"),
        ),
        (
            {"input": 900, "input_cached_tokens": 600, "output": 100, "total": 1234},
            (1500, 600, None, None, 100, None, "ambiguous"),
        ),
        # A bucket without `output` in its name is one of its own if the total counts it.
        ({"input": 9, "output": 5, "reasoning_tokens": 3, "total": 17}, (9, None, None, None, 8, 3, "exclusive_converted")),
        ({"input": 9, "output": 5, "reasoning_tokens": 3, "total": 14}, (9, None, None, None, 5, 3, "exclusive_converted")),
        ({"input": 9, "output": 5, "reasoning_tokens": 3}, (9, None, None, None, 5, 3, "ambiguous")),
    ],
)  # fmt: skip
def test_buckets_are_summed(workspace: Workspace, usage: dict[str, int], expected: tuple[Any, ...]) -> None:
    row = land_one(workspace, usage_details=usage)
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation_1h_input_tokens")
    names += ("output_tokens", "reasoning_output_tokens", "usage_semantics")
    assert tuple(row[name] for name in names) == expected


def test_audio_is_a_bucket_of_each_side(workspace: Workspace) -> None:
    row = land_one(
        workspace, usage_details={"input": 10, "input_audio_tokens": 90, "output": 1, "output_audio_tokens": 4}
    )
    names = ("input_tokens", "input_audio_tokens", "output_tokens", "output_audio_tokens")
    assert [row[name] for name in names] == [100, 90, 5, 4]


def test_an_embedding_a_failure_and_what_has_no_usage(workspace: Workspace) -> None:
    embedding = observation(id="e", type="EMBEDDING", usage_details={"input": 12})
    failure = observation(
        id="f", level="ERROR", status_message="quota", usage_details={}, total_cost=0, cost_details={}
    )
    workspace.land_records("observations", [embedding, failure])
    found = [
        (row["operation_name"], row["status"], row["usage_quality"], row["cost_reported"]) for row in rows(workspace)
    ]
    assert found == [("embeddings", "ok", "reported", Decimal("0.0045")), ("chat", "error", "missing", None)]


def test_a_cost_of_zero_is_one_only_if_a_price_matched(workspace: Workspace) -> None:
    free = observation(id="free", total_cost=0, cost_details={"input": 0})
    unmatched = observation(id="unmatched", total_cost=0, cost_details={})
    workspace.land_records("observations", [free, unmatched])
    assert [row["cost_reported"] for row in rows(workspace)] == [Decimal(0), None]


@pytest.mark.parametrize(("tier", "expected"), [("flex", "flex"), ("auto", None), ("priority", None)])
def test_only_flex_is_served_as_asked(workspace: Workspace, tier: str, expected: str | None) -> None:
    assert land_one(workspace, model_parameters=json.dumps({"service_tier": tier}))["service_tier"] == expected


def test_the_first_chunk_is_a_time_and_latency_is_not_read(workspace: Workspace) -> None:
    row = land_one(workspace, completion_start_time="2026-11-10 12:00:00.500000", latency=1)
    assert (row["time_to_first_chunk_ms"], row["latency_ms"]) == (250, 1000)


def test_columns_that_were_not_chosen_are_not_there(workspace: Workspace) -> None:
    core = ("id", "trace_id", "project_id", "type", "start_time", "end_time", "parent_observation_id")
    record = {name: value for name, value in observation().items() if name in core}
    workspace.land_records("observations", [record])
    [row] = rows(workspace)
    assert (row["tenant_id"], row["usage_quality"], row["cost_reported"]) == ("unattributed", "missing", None)


def test_the_older_export_takes_the_tenant_from_the_observation_s_own_metadata(workspace: Workspace) -> None:
    legacy = {
        name: value
        for name, value in observation(metadata={"tenant_id": "acme"}).items()
        if name not in ("user_id", "tags")
    }
    workspace.land_records("observations", [legacy])
    assert [row["tenant_id"] for row in rows(workspace)] == ["acme"]


def test_other_observations_are_passed_over_and_counted(workspace: Workspace) -> None:
    others = [observation(id=kind, type=kind) for kind in ("SPAN", "AGENT", "TOOL")]
    result = workspace.land_records("observations", [observation(), *others])
    assert (result.counts.rows_in, result.counts.landed) == (1, 1)
    assert result.message == "passed over: 3 observations that are no model call"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (observation(usage_details={"input": 1.5}), "usage_details: not whole numbers of at least 0"),
        (observation(usage_details={"input": -1}), "usage_details: not whole numbers of at least 0"),
        (observation(usage_details="Zwiebelkuchen"), "usage_details: not an object"),
        (observation(start_time=None), "start_time: missing"),
        ({"id": "x"}, "no record of Langfuse blob export"),
        (score(value=2), "value: a boolean score is 0 or 1"),
        (score(timestamp="soon", updated_at=None), "timestamp: not an ISO 8601 time"),
        (score(id=None), "the outcome has no id"),
        (trace(id=None), "id: missing"),
        (trace(timestamp="soon"), "timestamp: not an ISO 8601 time"),
        (trace(timestamp="1970-01-01 00:00:00"), "timestamp: before 2015"),
        (trace(updated_at="2126-11-10 12:00:00"), "observed_at: more than an hour in the future"),
        (trace(user_id={"name": "Zwiebel"}), "user_id: an object, not a text"),
        (trace(metadata="Zwiebelkuchen"), "metadata: not an object"),
        (trace(metadata={"tenant_id": ["acme"]}), "metadata.tenant_id: an array, not a text"),
    ],
)
def test_what_is_wrong_is_refused_and_said(workspace: Workspace, record: dict[str, Any], reason: str) -> None:
    counts = workspace.land_records("mixed", [observation(), record]).counts
    assert (counts.rows_in, counts.landed, counts.quarantined) == (2, 1, 1)
    [(line, said)] = refused(workspace)
    assert line == 2
    assert said.startswith(reason)


def test_json_lines_json_csv_and_parquet_say_the_same(workspace: Workspace) -> None:
    record = observation(metadata={"tenant_id": "acme"}, tags=["env:prod"], tool_call_names=["a"])
    workspace.land_records("lines", [record])
    (workspace.root / "array.json").write_text(json.dumps([record]))
    write_csv(workspace.root / "table.csv", record)
    write_parquet(workspace.root / "table.parquet", record)
    for name in ("array.json", "table.csv", "table.parquet"):
        assert workspace.land(workspace.root / name).counts.landed == 1
    lineage = ("source_file", "source_line", "landing_id", "row_hash")
    found = [{name: value for name, value in row.items() if name not in lineage} for row in rows(workspace)]
    assert len(found) == 4
    assert found[1:] == found[:1] * 3
    assert found[0]["tenant_id"] == "acme"


# --- traces ---


def test_a_trace_is_stored_as_what_it_says_and_without_its_texts(workspace: Workspace) -> None:
    about = {"tenant_id": "acme", "task_id": "task-1", "experiment": "b", "note": "private"}
    result = workspace.land_records("traces", [trace(metadata=about, session_id="session-1", environment="staging")])
    assert (result.state, result.counts.rows_in, result.counts.landed, result.message) == ("landed", 1, 1, "")
    [row] = traces(workspace)
    assert row.pop("landing_id") in {found.landing_id for found in landings(workspace) if found.dataset == "trace"}
    assert len(row.pop("row_hash")) == 32
    assert row.pop("source_file").endswith("traces.jsonl")
    moments = {name: row.pop(name).strftime("%H:%M:%S") for name in ("started_at", "observed_at", "version_at")}
    assert moments == {"started_at": "12:00:00", "observed_at": "12:00:05", "version_at": "12:00:05"}
    assert str(row.pop("day")) == "2026-11-10"
    assert row == {
        "source": "langfuse",
        "source_instance": "default",
        "source_line": 1,
        "trace_id": "trace-1",
        "tenant_id": "acme",
        "end_user_id": "user-1",
        "task_id": "task-1",
        "conversation_id": "session-1",
        "feature": "support",
        "environment": "staging",
        "prompt_version": None,
        "workflow_key": None,
        "experiment": "b",
    }
    assert_conserved(workspace)


def test_a_trace_that_says_nothing_is_null_throughout(workspace: Workspace) -> None:
    workspace.land_records("traces", [trace(user_id=None, name=None, metadata=None, tags=None, updated_at=None)])
    [row] = traces(workspace)
    names = ("tenant_id", "end_user_id", "task_id", "conversation_id", "feature", "environment", "observed_at")
    assert [row[name] for name in names] == [None] * len(names)
    assert row["version_at"] == row["started_at"]


def test_what_traces_say_is_found_where_the_settings_look(tmp_path: Path) -> None:
    places = {"tenant_id": ["tag:customer"], "feature": ["metadata.area", "trace_name"]}
    workspace = Workspace(tmp_path, sources={"langfuse": places})
    workspace.land_records("traces", [trace(tags=["customer:acme"]), trace(id="t-2", metadata={"area": "search"})])
    workspace.control.close()
    found = [(row["tenant_id"], row["feature"]) for row in traces(workspace)]
    assert found == [("acme", "support"), (None, "search")]


def test_versions_of_a_trace_are_kept_and_copies_are_not(workspace: Workspace) -> None:
    later = trace(user_id="user-2", updated_at="2026-11-11 00:00:00")
    counts = workspace.land_records("traces", [trace(), trace(), later]).counts
    assert (counts.rows_in, counts.landed, counts.duplicate) == (3, 2, 1)
    assert [row["end_user_id"] for row in traces(workspace)] == ["user-1", "user-2"]
    assert workspace.land(workspace.root / "traces.jsonl").state == "already"
    assert_conserved(workspace)


def test_explaining_a_file_of_traces_counts_them(workspace: Workspace) -> None:
    path = workspace.root / "traces.jsonl"
    path.write_text("".join(json.dumps(trace(id=f"t-{n}")) + "\n" for n in range(3)))
    explanation = explain_file(workspace.settings, path)
    assert (explanation.rows, explanation.traces, explanation.refused, explanation.warnings) == (3, 3, 0, [])


def test_one_file_may_hold_all_three(workspace: Workspace) -> None:
    counts = workspace.land_records("all", [observation(), trace(), score(), {"id": "x"}]).counts
    assert (counts.rows_in, counts.landed, counts.quarantined) == (4, 3, 1)
    found = {row.dataset: (row.rows_in, row.landed, row.quarantined) for row in landings(workspace)}
    assert found == {"llm_request": (2, 1, 1), "trace": (1, 1, 0), "feed_task_outcomes": (1, 1, 0)}
    assert_conserved(workspace)


def test_a_trace_s_user_is_hashed_where_users_are(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, privacy={"hash_end_user_ids": True})
    workspace.land_records("mixed", [trace(), observation(user_id="user-1")])
    workspace.control.close()
    [of_trace], [of_request] = traces(workspace), rows(workspace)
    assert of_trace["end_user_id"] == of_request["end_user_id"]
    assert of_trace["end_user_id"].startswith("user-")
    assert of_trace["end_user_id"] != "user-1"


def test_traces_as_lines_json_csv_and_parquet_say_the_same(workspace: Workspace) -> None:
    record = trace(metadata={"tenant_id": "acme", "task_id": "task-1"}, tags=["env:prod"])
    workspace.land_records("lines", [record])
    (workspace.root / "array.json").write_text(json.dumps([record]))
    write_csv(workspace.root / "table.csv", record)
    write_parquet(workspace.root / "table.parquet", record)
    for name in ("array.json", "table.csv", "table.parquet"):
        assert workspace.land(workspace.root / name).counts.landed == 1
    lineage = ("source_file", "source_line", "landing_id", "row_hash")
    found = [{name: value for name, value in row.items() if name not in lineage} for row in traces(workspace)]
    assert found[1:] == found[:1] * 3
    assert (found[0]["tenant_id"], found[0]["task_id"]) == ("acme", "task-1")


def write_csv(path: Path, record: dict[str, Any]) -> None:
    cells = {key: json.dumps(value) if isinstance(value, dict | list) else value for key, value in record.items()}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(cells))
        writer.writeheader()
        writer.writerow(cells)


def write_parquet(path: Path, record: dict[str, Any]) -> None:
    """Maps as maps, as ClickHouse writes them."""
    kinds = {
        "usage_details": pa.map_(pa.string(), pa.uint64()),
        "cost_details": pa.map_(pa.string(), pa.float64()),
        "metadata": pa.map_(pa.string(), pa.string()),
    }
    columns = {
        key: pa.array([list(value.items()) if key in kinds else value], kinds.get(key)) for key, value in record.items()
    }
    pq.write_table(pa.table(columns), path)


# --- scores ---


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "success"),
        ({"value": 0, "string_value": "False"}, "failure"),
        ({"name": "hallucination"}, "failure"),
        ({"data_type": "CATEGORICAL", "value": 2, "string_value": "Resolved"}, "success"),
        ({"data_type": "CATEGORICAL", "value": 0, "string_value": "incorrect"}, "failure"),
        ({"data_type": "CATEGORICAL", "value": 0, "string_value": "escalated"}, "escalated"),
        ({"data_type": "CATEGORICAL", "value": 1, "string_value": "neutral"}, None),
        ({"data_type": "NUMERIC", "value": 0.9, "string_value": None}, None),
        ({"data_type": "TEXT", "value": 0, "string_value": "success"}, None),
    ],
)
def test_what_a_score_says_of_its_trace(workspace: Workspace, changes: dict[str, Any], expected: str | None) -> None:
    result = workspace.land_records("scores", [score(**changes)])
    assert [row[3] for row in outcomes(workspace)] == ([expected] if expected else [])
    assert result.message == ("" if expected else "passed over: 1 scores that say neither success nor failure")


def test_a_number_judges_by_the_threshold_of_the_settings(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, sources={"langfuse": {"outcome_threshold": "0.8", "outcome_names": ["accuracy"]}})
    numbers = [score(id=f"s{value}", data_type="NUMERIC", name="Accuracy", value=value) for value in (0.79, 0.8)]
    result = workspace.land_records("scores", [*numbers, score(id="other")])
    workspace.control.close()
    assert [(row[3], row[5]) for row in outcomes(workspace)] == [
        ("failure", Decimal("0.79")),
        ("success", Decimal("0.8")),
    ]
    assert result.message == "passed over: 1 scores that say neither success nor failure"


def test_a_score_is_known_by_its_id_and_its_latest_version(workspace: Workspace) -> None:
    session = score(id="score-2", trace_id=None, session_id="session-1", source="EVAL", updated_at=None)
    nowhere = score(id="score-3", trace_id=None)
    result = workspace.land_records("scores", [score(), score(), session, nowhere])
    assert (result.counts.rows_in, result.counts.landed, result.counts.duplicate) == (3, 2, 1)
    assert result.message == "passed over: 1 scores of no task or conversation"
    prefix = "langfuse/default/project-1/"
    assert outcomes(workspace) == [
        (f"{prefix}score-1", "trace-1", None, "success", "12:02", Decimal(1), "reviewer"),
        (f"{prefix}score-2", None, "session-1", "success", "12:01", Decimal(1), "evaluation"),
    ]
