"""OpenTelemetry spans as requests, and evaluations as outcomes, each trap in a span of its own.

The shapes follow: the OTLP JSON encoding (opentelemetry-proto, docs/specification.md, "JSON Protobuf Encoding") and the file
exporter's format (opentelemetry-specification, protocol/file-exporter.md); the GenAI registry and events
(open-telemetry/semantic-conventions-genai, model/gen-ai/registry.yaml and events.yaml); the names before them
(open-telemetry/semantic-conventions, model/gen-ai/deprecated/registry-deprecated.yaml); OpenInference's attributes
(Arize-ai/openinference, spec/semantic_conventions.md). The conventions cannot express one-hour cache writes, batch and
gateway cache hits; a retry that is traced is a span like any other.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from tests.landed import Row, refused, rows
from tests.workspace import Workspace

TRACE, SPAN = "5B8EFFF798038103D269B633813FC60C", "EEE19B7EC3C1B174"
STARTED = 1794312000_250_000_000  # 2026-11-10T12:00:00.250Z
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value(item)} for key, item in values.items()]


def value(item: Any) -> dict[str, Any]:
    if isinstance(item, dict):
        return item  # as it shall stand there
    if isinstance(item, list):
        return {"arrayValue": {"values": [value(one) for one in item]}}
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    return {kinds[type(item)]: str(item) if type(item) is int else item}


def span(given: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A chat of one second, 1,000 tokens in and 100 out; `given` replaces its attributes, `fields` those of the span."""
    return {
        "traceId": TRACE,
        "spanId": SPAN,
        "parentSpanId": "",
        "name": "chat claude-sonnet-4-5",
        "kind": 3,
        "startTimeUnixNano": str(STARTED),
        "endTimeUnixNano": str(STARTED + 1_000_000_000),
        "attributes": attributes(CHAT if given is None else given),
        "status": {},
    } | fields


def request(*spans: Any, resource: dict[str, Any] | None = None) -> dict[str, Any]:
    named = attributes({"service.name": "shop", "tenant.id": "acme"} if resource is None else resource)
    return {"resourceSpans": [{"resource": {"attributes": named}, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}]}


def evaluation(given: dict[str, Any], at: int = STARTED + 2_000_000_000) -> dict[str, Any]:
    return {"name": "gen_ai.evaluation.result", "timeUnixNano": str(at), "attributes": attributes(given)}


def land_one(workspace: Workspace, given: dict[str, Any], **fields: Any) -> Row:
    result = workspace.land_records("spans", [request(span(given, **fields))])
    assert (result.state, result.source, result.counts.landed) == ("landed", "otlp", 1), refused(workspace)
    [row] = rows(workspace)
    return row


def outcomes(workspace: Workspace) -> list[tuple[Any, ...]]:
    files = [str(path) for path in (workspace.lake.root / "feed_task_outcomes").glob("*.parquet")]
    if not files:
        return []
    columns = "task_id, conversation_id, outcome, epoch(observed_at)::bigint, score, source"
    return duckdb.sql(f"select {columns} from read_parquet({files}) order by source_line").fetchall()


# --- what a span says ---


def test_a_chat_span_is_a_request_with_what_it_inherits_from_its_resource(workspace: Workspace) -> None:
    row = land_one(workspace, CHAT | {"gen_ai.conversation.id": "conv-1", "user.id": "u-1", "tag.tags": ["a", "b"]})
    expected = {
        "source_record_id": (TRACE + SPAN).lower(),
        "trace_id": TRACE.lower(),
        "span_id": SPAN.lower(),
        "parent_span_id": None,
        "task_id": TRACE.lower(),
        "conversation_id": "conv-1",
        "latency_ms": 1000,
        "operation_name": "chat",
        "provider_name": "anthropic",
        "request_model": "claude-sonnet-4-5",
        "response_model": "claude-sonnet-4-5-20250929",
        "tenant_id": "acme",
        "end_user_id": "u-1",
        "tags": '["a","b"]',
        "input_tokens": 1000,
        "output_tokens": 100,
        "usage_semantics": "inclusive",
        "usage_quality": "reported",
        "status": "ok",
        "is_gateway_cache_hit": None,
        "is_batch": None,
        "cost_reported": None,
    }
    assert {name: row[name] for name in expected} == expected
    assert row["started_at"].isoformat() == "2026-11-10T12:00:00.250000+00:00"


def test_a_span_s_own_attribute_counts_before_its_resource_s_and_the_first_of_two_equal_ones(
    workspace: Workspace,
) -> None:
    own = attributes(CHAT | {"tenant.id": "bolt"}) + attributes({"tenant.id": "cobb"})
    assert land_one(workspace, {}, attributes=own)["tenant_id"] == "bolt"


def test_whole_numbers_come_as_texts_and_as_numbers_and_times_too(workspace: Workspace) -> None:
    given = CHAT | {
        "gen_ai.usage.input_tokens": {"intValue": 1000},
        "gen_ai.usage.output_tokens": {"doubleValue": 100.0},
    }
    row = land_one(workspace, given, startTimeUnixNano=STARTED, endTimeUnixNano=STARTED + 250_000_000)
    assert (row["input_tokens"], row["output_tokens"], row["latency_ms"]) == (1000, 100, 250)


def test_an_end_that_was_not_written_is_not_there(workspace: Workspace) -> None:
    assert land_one(workspace, CHAT, endTimeUnixNano="0")["ended_at"] is None


def test_the_names_before_the_conventions_were_renamed_are_understood(workspace: Workspace) -> None:
    row = land_one(
        workspace,
        {
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.prompt_tokens": 20,
            "gen_ai.usage.completion_tokens": 5,
            "gen_ai.openai.response.service_tier": "flex",
        },
    )
    assert (row["provider_name"], row["response_model"], row["service_tier"]) == ("openai", "gpt-4o", "flex")
    assert (row["input_tokens"], row["output_tokens"], row["operation_name"]) == (20, 5, "chat")


def test_openinference_s_names_are_understood(workspace: Workspace) -> None:
    row = land_one(
        workspace,
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "llm.model_name": "gpt-4o-audio-preview",
            "llm.token_count.prompt": 1000,
            "llm.token_count.completion": 100,
            "llm.token_count.total": 1100,
            "llm.token_count.prompt_details.cache_read": 600,
            "llm.token_count.prompt_details.audio": 30,
            "llm.token_count.completion_details.reasoning": 40,
            "llm.token_count.completion_details.audio": 20,
            "llm.cost.total": 0.0045,
            "session.id": "s-1",
        },
    )
    names = ("input_tokens", "cache_read_input_tokens", "input_audio_tokens", "output_tokens", "output_audio_tokens")
    assert [row[name] for name in names] == [1000, 600, 30, 100, 20]
    assert (row["reasoning_output_tokens"], row["usage_semantics"]) == (40, "inclusive")
    assert (row["cost_reported"], row["cost_currency"]) == (Decimal("0.0045"), "USD")
    assert (row["conversation_id"], row["response_model"]) == ("s-1", "gpt-4o-audio-preview")


# --- tokens ---


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # By the conventions the cached tokens are part of the input.
        (
            {"gen_ai.usage.cache_read.input_tokens": 600, "gen_ai.usage.cache_creation.input_tokens": 100},
            (1000, "inclusive"),
        ),
        # The total says that they stand beside it.
        (
            {
                "gen_ai.usage.cache_read.input_tokens": 600,
                "gen_ai.usage.cache_creation.input_tokens": 100,
                "gen_ai.usage.total_tokens": 1800,
            },
            (1700, "exclusive_converted"),
        ),
        (
            {"gen_ai.usage.cache_read_input_tokens": 600, "gen_ai.usage.cache_creation_input_tokens": 100},
            (1000, "ambiguous"),
        ),
        (
            {
                "gen_ai.usage.cache_read_input_tokens": 600,
                "gen_ai.usage.cache_creation_input_tokens": 100,
                "gen_ai.usage.total_tokens": 1100,
            },
            (1000, "inclusive"),
        ),
    ],
)
def test_whether_the_input_holds_the_cached_tokens(
    workspace: Workspace, given: dict[str, Any], expected: tuple[int, str]
) -> None:
    row = land_one(workspace, CHAT | given)
    assert (row["input_tokens"], row["usage_semantics"]) == expected
    assert (row["cache_read_input_tokens"], row["cache_creation_input_tokens"]) == (600, 100)


def test_reasoning_is_part_of_the_output_and_the_first_chunk_is_told_in_seconds(workspace: Workspace) -> None:
    given = {"gen_ai.usage.reasoning.output_tokens": 100, "gen_ai.response.time_to_first_chunk": 0.25}
    row = land_one(workspace, CHAT | given)
    assert (row["reasoning_output_tokens"], row["output_tokens"], row["time_to_first_chunk_ms"]) == (100, 100, 250)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"gen_ai.usage.cache_read.input_tokens": 1001}, "cache tokens exceed input_tokens"),
        ({"gen_ai.usage.reasoning.output_tokens": 101}, "reasoning_output_tokens exceed output_tokens"),
        ({"gen_ai.usage.input_tokens": -1}, "gen_ai.usage.input_tokens: not a whole number of at least 0 (-1)"),
    ],
)
def test_a_span_that_contradicts_itself_is_refused_and_no_other(
    workspace: Workspace, given: dict[str, Any], reason: str
) -> None:
    bad = span(CHAT | given, spanId="EEE19B7EC3C1B175")
    counts = workspace.land_records("spans", [request(span()), request(bad, span(spanId="EEE19B7EC3C1B176"))]).counts
    assert (counts.rows_in, counts.landed, counts.quarantined) == (3, 2, 1)
    assert refused(workspace) == [(2, reason)]


@pytest.mark.parametrize(
    ("given", "operation"),
    [
        ({"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "text-embedding-3-small"}, "embeddings"),
        ({"openinference.span.kind": "EMBEDDING", "embedding.model_name": "text-embedding-3-small"}, "embeddings"),
        ({"openinference.span.kind": "RERANKER", "reranker.model_name": "rerank-v3.5"}, "rerank"),
        ({"gen_ai.operation.name": "generate_content", "gen_ai.request.model": "gemini-2.5-pro"}, "chat"),
    ],
)
def test_embeddings_and_reranks_are_requests(workspace: Workspace, given: dict[str, Any], operation: str) -> None:
    row = land_one(workspace, given)
    assert (row["operation_name"], row["usage_quality"]) == (operation, "missing")
    assert row["response_model"] in given.values()


# --- what is no request ---


@pytest.mark.parametrize(
    "given",
    [
        CHAT | {"gen_ai.operation.name": "invoke_agent"},
        CHAT | {"gen_ai.operation.name": "execute_tool"},
        {"openinference.span.kind": "CHAIN", "llm.model_name": "gpt-4o", "llm.token_count.prompt": 1000},
        {"traceloop.span.kind": "workflow", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.prompt_tokens": 1000},
        {"http.request.method": "GET"},
        {},
    ],
)
def test_a_span_that_is_no_inference_is_passed_over_and_counted(workspace: Workspace, given: dict[str, Any]) -> None:
    result = workspace.land_records("spans", [request(span(), span(given, spanId="01"))])
    assert (result.counts.rows_in, result.counts.landed) == (1, 1)
    assert result.message == "passed over: 1 spans that are no inference"


# --- how it ended ---


@pytest.mark.parametrize(
    ("given", "fields", "expected"),
    [
        ({"error.type": "429"}, {"status": {"code": 2, "message": "slow down"}}, ("error", "429", 429)),
        ({}, {"status": {"code": "STATUS_CODE_ERROR"}}, ("error", None, None)),
        ({"error.type": "timeout"}, {}, ("error", "timeout", None)),
        (
            {"error.type": "asyncio.CancelledError"},
            {"status": {"code": 2}},
            ("cancelled", "asyncio.CancelledError", None),
        ),
        ({}, {"status": {"code": 1}}, ("ok", None, None)),
    ],
)
def test_failures_and_streams_that_the_caller_cancelled(
    workspace: Workspace, given: dict[str, Any], fields: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    row = land_one(workspace, CHAT | given, **fields)
    assert (row["status"], row["error_type"], row["http_status"]) == expected


def test_each_traced_attempt_is_a_row_and_the_same_span_twice_is_one(workspace: Workspace) -> None:
    failed = span(CHAT | {"error.type": "503"}, spanId="01")
    fallback = span(CHAT | {"gen_ai.response.model": "gpt-4o"}, spanId="02")
    counts = workspace.land_records("spans", [request(failed, fallback, fallback), request(failed)]).counts
    assert (counts.rows_in, counts.landed, counts.duplicate) == (4, 2, 2)
    assert [(row["status"], row["response_model"]) for row in rows(workspace)] == [
        ("error", "claude-sonnet-4-5-20250929"),
        ("ok", "gpt-4o"),
    ]
    assert {row["task_id"] for row in rows(workspace)} == {TRACE.lower()}


def test_where_the_tenant_and_the_task_stand_can_be_said(tmp_path: Any) -> None:
    mapping = {"otlp": {"tenant_id": ["shop.customer"], "task_id": ["shop.ticket"]}}
    workspace = Workspace(tmp_path, sources=mapping)
    try:
        row = land_one(workspace, CHAT | {"shop.customer": "cobb", "shop.ticket": "t-1"})
        assert (row["tenant_id"], row["task_id"]) == ("cobb", "t-1")
    finally:
        workspace.control.close()


# --- outcomes ---

RELEVANCE = {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": 0.9}
UNRELATED = {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.label": "Not relevant"}


def test_an_evaluation_of_a_span_is_an_outcome_of_its_task(workspace: Workspace) -> None:
    judged = span(events=[evaluation(RELEVANCE | {"gen_ai.evaluation.score.label": "Pass"}), {"name": "exception"}])
    result = workspace.land_records("spans", [request(judged)])
    assert (result.counts.rows_in, result.counts.landed, result.message) == (2, 2, "")
    when = STARTED // 1_000_000_000 + 2
    assert outcomes(workspace) == [(TRACE.lower(), None, "success", when, Decimal("0.9"), "evaluation")]


def test_an_evaluation_of_a_span_that_is_no_request_counts_too(workspace: Workspace) -> None:
    agent = span({"gen_ai.operation.name": "invoke_agent", "task.id": "t-1"}, events=[])
    agent["events"] = [evaluation({"gen_ai.evaluation.name": "Resolved", "gen_ai.evaluation.score.label": "fail"})]
    result = workspace.land_records("spans", [request(agent)])
    assert (result.counts.landed, result.message) == (1, "passed over: 1 spans that are no inference")
    assert [row[:3] for row in outcomes(workspace)] == [("t-1", None, "failure")]


def test_an_evaluation_as_a_log_record_is_an_outcome(workspace: Workspace) -> None:
    given = {"gen_ai.evaluation.name": "Correct", "gen_ai.evaluation.score.label": "correct"}
    record = {"traceId": TRACE, "spanId": SPAN, "timeUnixNano": "0", "observedTimeUnixNano": str(STARTED)}
    named = record | {"eventName": "gen_ai.evaluation.result", "attributes": attributes(given)}
    older = record | {"attributes": attributes(given | {"event.name": "gen_ai.evaluation.result"})}
    other = record | {"attributes": attributes({"event.name": "gen_ai.choice"})}
    logs = {"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": [named, older, other]}]}]}
    result = workspace.land_records("logs", [logs])
    # Both ways of naming the event are one evaluation, written twice.
    assert (result.counts.rows_in, result.counts.landed, result.counts.duplicate) == (2, 1, 1)
    assert result.message == "passed over: 1 log records that are no evaluation"
    assert [row[:4] for row in outcomes(workspace)] == [(TRACE.lower(), None, "success", STARTED // 1_000_000_000)]


@pytest.mark.parametrize(
    ("settings", "given", "expected"),
    [
        ({}, RELEVANCE, None),
        ({"outcome_threshold": "0.9"}, RELEVANCE, "success"),
        ({"outcome_threshold": "0.91"}, RELEVANCE, "failure"),
        ({"outcome_threshold": "0.5", "outcome_inverted": ["relevance"]}, RELEVANCE, "failure"),
        ({"outcome_names": ["resolved"], "outcome_threshold": "0.5"}, RELEVANCE, None),
        ({}, UNRELATED, None),
        ({"outcome_failure": ["not_relevant"]}, UNRELATED, "failure"),
        ({}, UNRELATED | {"gen_ai.evaluation.score.label": "escalated"}, "escalated"),
    ],
)
def test_what_a_score_says_of_the_task_is_set(
    tmp_path: Any, settings: dict[str, Any], given: dict[str, Any], expected: str | None
) -> None:
    workspace = Workspace(tmp_path, sources={"otlp": settings})
    try:
        result = workspace.land_records("spans", [request(span(events=[evaluation(given)]))])
        assert [row[2] for row in outcomes(workspace)] == ([expected] if expected else [])
        unjudged = "passed over: 1 scores that say neither success nor failure"
        assert result.message == ("" if expected else unjudged)
    finally:
        workspace.control.close()


def test_an_evaluation_that_failed_says_nothing(workspace: Workspace) -> None:
    failed = evaluation(
        {"gen_ai.evaluation.name": "x", "gen_ai.evaluation.score.label": "fail", "error.type": "timeout"}
    )
    assert workspace.land_records("spans", [request(span(events=[failed]))]).message == (
        "passed over: 1 evaluations that failed"
    )
    assert outcomes(workspace) == []
