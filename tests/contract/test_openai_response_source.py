"""Raw bodies of OpenAI's API.

Shapes: openai/openai-python, src/openai/types: chat/chat_completion.py, completion_usage.py, responses/response.py and
response_usage.py (with `cache_write_tokens` as of 2026-07), create_embedding_response.py; the line of batch output: schema
BatchRequestOutput of OpenAI's OpenAPI document 2.3.0.
"""

from __future__ import annotations

from typing import Any

from tests.landed import Row, refused, rows
from tests.workspace import Workspace

CREATED = 1794312000  # 2026-11-10T12:00:00Z
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
_UNTIMED = (
    "no time: this body has no created and no created_at; a logger writes started_at or timestamp beside or around it"
)


def chat(**changes: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": CREATED,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "…"}}],
        "usage": USAGE,
        "service_tier": "default",
    } | changes


def response(**changes: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "error": None,
        "model": "gpt-5-mini-2025-08-07",
        "output": [],
        "usage": {"input_tokens": 1000, "output_tokens": 100},
    } | changes


def embedding(**changes: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    return {"object": "list", "data": [], "model": "text-embedding-3-small", "usage": usage} | changes


def batch_line(body: dict[str, Any] | None, code: int = 200, **changes: Any) -> dict[str, Any]:
    answer = {"status_code": code, "request_id": "req-1", "body": body}
    return {"id": "batch_req_1", "custom_id": "request-1", "response": answer, "error": None} | changes


def land(workspace: Workspace, *records: dict[str, Any]) -> list[Row]:
    result = workspace.land_records("openai", records)
    assert (result.source, result.counts.quarantined) == ("openai_response", 0), refused(workspace)
    return rows(workspace, order="source_line")


def test_a_chat_completion_and_a_response(workspace: Workspace) -> None:
    found = land(workspace, chat(), response())
    assert [row["source_record_id"] for row in found] == ["chatcmpl-1", "resp_1"]
    assert [row["response_model"] for row in found] == ["gpt-4o-mini-2024-07-18", "gpt-5-mini-2025-08-07"]
    for row in found:
        assert row["started_at"].isoformat() == "2026-11-10T12:00:00+00:00"
        assert (row["input_tokens"], row["output_tokens"]) == (1000, 100)
        assert (row["usage_semantics"], row["usage_quality"]) == ("inclusive", "reported")
        assert (row["provider_name"], row["operation_name"], row["status"]) == ("openai", "chat", "ok")
        assert (row["is_batch"], row["tenant_id"]) == (False, "unattributed")


def test_cached_reasoning_and_audio_tokens_are_parts_of_what_is_counted(workspace: Workspace) -> None:
    details = {"cached_tokens": 600, "cache_write_tokens": 200, "audio_tokens": 30}
    outputs = {"reasoning_tokens": 64, "audio_tokens": 20}
    found = land(
        workspace,
        chat(usage=USAGE | {"prompt_tokens_details": details, "completion_tokens_details": outputs}),
        response(
            usage={
                "input_tokens": 1000,
                "output_tokens": 100,
                "input_tokens_details": details,
                "output_tokens_details": outputs,
            }
        ),
    )
    for row in found:
        assert (row["input_tokens"], row["cache_read_input_tokens"], row["cache_creation_input_tokens"]) == (
            1000,
            600,
            200,
        )
        assert (row["output_tokens"], row["reasoning_output_tokens"]) == (100, 64)
        assert (row["input_audio_tokens"], row["output_audio_tokens"]) == (30, 20)
        # OpenAI sells no lifetimes of a cache.
        assert row["cache_creation_1h_input_tokens"] is None


def test_the_tier_of_a_body_is_the_one_that_served(workspace: Workspace) -> None:
    [row] = land(workspace, chat(service_tier="flex", request={"service_tier": "priority"}))
    assert row["service_tier"] == "flex"


def test_an_embedding_takes_time_and_id_from_the_logger(workspace: Workspace) -> None:
    beside = embedding(request_id="req-1", started_at="2026-11-10T12:00:00.250Z")
    around = {"request_id": "req-2", "timestamp": 1794312000.25, "response": embedding()}
    for row in land(workspace, beside, around):
        assert row["started_at"].isoformat() == "2026-11-10T12:00:00.250000+00:00"
        assert (row["operation_name"], row["input_tokens"], row["output_tokens"]) == ("embeddings", 8, None)
        assert row["usage_quality"] == "reported"


def test_what_a_logger_writes_around_a_body(workspace: Workspace) -> None:
    record = {
        "started_at": "2026-11-10T12:00:00.250Z",
        "latency_ms": 1500,
        "tenant_id": "acme",
        "task_id": "task-7",
        "feature": "search",
        "trace_id": "trace-1",
        "gateway_call_id": "call-1",
        "attempt_no": 2,
        "is_fallback": True,
        "cache_hit": False,
        "request_model": "gpt-4o-mini",
        "provider": "azure",
        "tags": ["env:prod"],
        "web_search_requests": 3,
        "response": chat(metadata={"tenant_id": "other"}),
    }
    [row] = land(workspace, record)
    # The logger's clock has milliseconds, the body's has not.
    assert row["started_at"].isoformat() == "2026-11-10T12:00:00.250000+00:00"
    assert row["ended_at"].isoformat() == "2026-11-10T12:00:01.750000+00:00"
    assert (row["tenant_id"], row["task_id"], row["feature"], row["environment"]) == (
        "acme",
        "task-7",
        "search",
        "prod",
    )
    assert (row["gateway_call_id"], row["attempt_no"], row["is_fallback"]) == ("call-1", 2, True)
    assert (row["is_gateway_cache_hit"], row["provider_name"], row["web_search_requests"]) == (False, "azure", 3)
    assert (row["source_record_id"], row["request_model"], row["tags"]) == ("chatcmpl-1", "gpt-4o-mini", '["env:prod"]')


def test_tenants_come_from_the_body_s_metadata_and_else_from_its_user(workspace: Workspace) -> None:
    found = land(
        workspace,
        response(id="a", metadata={"tenant_id": "acme", "user_id": "user-1"}),
        response(id="b", user="customer"),
        batch_line(response(id="c", metadata={"tenant_id": "acme"})),
    )
    assert [row["tenant_id"] for row in found] == ["acme", "customer", "acme"]
    assert [row["end_user_id"] for row in found] == ["user-1", "customer", None]


def test_lines_of_batch_output(workspace: Workspace) -> None:
    error = {"message": "…", "type": "invalid_request_error", "code": "context_length_exceeded"}
    found = land(
        workspace,
        batch_line(chat()),
        batch_line(embedding(), started_at="2026-11-10T12:00:00Z"),
        batch_line({"error": error}, 400, id="batch_req_2", started_at="2026-11-10T12:00:00Z"),
        batch_line(
            None, id="batch_req_3", response=None, error={"code": "batch_expired"}, started_at="2026-11-10T12:00:00Z"
        ),
    )
    assert [row["is_batch"] for row in found] == [True] * 4
    assert [row["source_record_id"] for row in found] == ["chatcmpl-1", "batch_req_1", "batch_req_2", "batch_req_3"]
    assert [row["operation_name"] for row in found] == ["chat", "embeddings", "chat", "chat"]
    assert [row["status"] for row in found] == ["ok", "ok", "error", "error"]
    assert [row["error_type"] for row in found] == [None, None, "context_length_exceeded", "batch_expired"]
    assert [row["http_status"] for row in found] == [200, 200, 400, None]
    assert [row["usage_quality"] for row in found] == ["reported", "reported", "missing", "missing"]
    # It repeats in the next batch: no task, unless the mapping says so.
    assert {row["task_id"] for row in found} == {None}


def test_failed_cancelled_and_incomplete(workspace: Workspace) -> None:
    failed = {"status": "failed", "error": {"code": "server_error", "message": "…"}, "usage": None}
    found = land(
        workspace,
        response(id="a"),
        response(id="b", **failed),
        response(id="c", status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        response(id="d", status="cancelled"),
        # A stream that the client cut off, as the logger counted it.
        {"timestamp": CREATED, "status": "cancelled", "response": chat(id="e")},
    )
    assert [row["status"] for row in found] == ["ok", "error", "ok", "cancelled", "cancelled"]
    assert [row["error_type"] for row in found] == [None, "server_error", None, None, None]
    assert [row["usage_quality"] for row in found] == ["reported", "missing", "reported", "estimated", "estimated"]


def test_the_last_chunk_of_a_stream_counts_and_the_others_do_not(workspace: Workspace) -> None:
    chunks = [chat(object="chat.completion.chunk", usage=usage) for usage in (None, None, USAGE)]
    result = workspace.land_records("openai", chunks)
    assert (result.counts.landed, result.counts.quarantined) == (1, 2)
    assert refused(workspace)[0][1] == "a chunk of a stream without usage; only the last one can carry it"
    [row] = rows(workspace)
    assert (row["input_tokens"], row["source_line"]) == (1000, 3)


def test_a_body_without_usage_is_kept_and_its_usage_is_missing(workspace: Workspace) -> None:
    found = land(workspace, chat(), chat(id="b", usage=None))
    assert (found[1]["input_tokens"], found[1]["usage_quality"]) == (None, "missing")


def test_records_that_cannot_be_read_say_why(workspace: Workspace) -> None:
    spoiled: list[tuple[dict[str, Any], str]] = [
        (embedding(request_id="r"), _UNTIMED),
        (embedding(started_at=CREATED), "no id: this body has none; a logger writes request_id beside or around it"),
        (batch_line(None, response=None, error={"code": "batch_expired"}), _UNTIMED),
        (chat(created="today"), "created: neither ISO 8601 nor seconds since 1970"),
        # Milliseconds would be the year 58831.
        (chat(started_at=CREATED * 1000), "started_at: neither ISO 8601 nor seconds since 1970"),
        (response(status="in_progress"), "status: the response is not finished"),
        (chat(usage="redacted"), "usage: not an object"),
        (chat(usage={"prompt_tokens": -1}), "usage.prompt_tokens: not a whole number of at least 0 (-1)"),
        (chat(usage=USAGE | {"prompt_tokens_details": {"cached_tokens": 1001}}), "cache tokens exceed input_tokens"),
    ]
    result = workspace.land_records("openai", [chat(), *(record for record, _ in spoiled)])
    assert (result.counts.landed, result.counts.quarantined) == (1, len(spoiled))
    assert refused(workspace) == [(number, reason) for number, (_, reason) in enumerate(spoiled, start=2)]
