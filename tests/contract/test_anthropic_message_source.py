"""Raw bodies of Anthropic's Messages API and lines of its batch results.

Shapes: anthropics/anthropic-sdk-python, src/anthropic/types: usage.py and output_tokens_details.py (0c20cf4), message.py,
beta/beta_usage.py (`speed`), messages/message_batch_individual_response.py (d688e03) and the four results beside it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.landing.detect import UnknownFormat
from tests.landed import Row, refused, rows
from tests.workspace import Workspace

STARTED = "2026-11-10T12:00:00.250Z"
_UNTIMED = "no time: a message has none; a logger writes started_at, timestamp or created_at beside or around it"


def usage(**changes: Any) -> dict[str, Any]:
    """400 tokens past the cache and 100 out; `changes` replace fields."""
    return {
        "input_tokens": 400,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 100,
        "service_tier": "standard",
    } | changes


def body(**changes: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": "…"}],
        "stop_reason": "end_turn",
        "usage": usage(),
    } | changes


def message(**changes: Any) -> dict[str, Any]:
    """A body with a time beside it."""
    return body() | {"started_at": STARTED} | changes


def result(kind: str, custom_id: str = "request-1", **content: Any) -> dict[str, Any]:
    return {"custom_id": custom_id, "result": {"type": kind, **content}, "created_at": STARTED}


def land(workspace: Workspace, *records: dict[str, Any]) -> list[Row]:
    landed = workspace.land_records("anthropic", records)
    assert (landed.source, landed.counts.quarantined) == ("anthropic_message", 0), refused(workspace)
    return rows(workspace, order="source_line")


def test_a_message(workspace: Workspace) -> None:
    [row] = land(workspace, message(latency_ms=1500))
    assert (row["source_record_id"], row["response_model"]) == ("msg_1", "claude-sonnet-4-5-20250929")
    assert row["started_at"].isoformat() == "2026-11-10T12:00:00.250000+00:00"
    assert row["ended_at"].isoformat() == "2026-11-10T12:00:01.750000+00:00"
    assert (row["input_tokens"], row["output_tokens"]) == (400, 100)
    assert (row["usage_semantics"], row["usage_quality"]) == ("exclusive_converted", "reported")
    assert (row["provider_name"], row["operation_name"], row["status"]) == ("anthropic", "chat", "ok")
    assert (row["service_tier"], row["is_batch"], row["tenant_id"]) == ("standard", False, "unattributed")


def test_what_was_read_from_and_written_to_the_cache_is_added_to_the_input(workspace: Workspace) -> None:
    lives = {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 250}
    counts = {"cache_read_input_tokens": 600, "cache_creation_input_tokens": 350, "cache_creation": lives}
    whole, split_only = land(
        workspace,
        message(id="a", usage=usage(**counts)),
        message(id="b", usage=usage(**counts | {"cache_creation_input_tokens": None})),
    )
    for row in (whole, split_only):
        # 400 + 600 + 350
        assert row["input_tokens"] == 1350
        assert (row["cache_read_input_tokens"], row["cache_creation_input_tokens"]) == (600, 350)
        assert (row["cache_creation_5m_input_tokens"], row["cache_creation_1h_input_tokens"]) == (100, 250)


def test_a_message_its_batch_result_and_a_gateway_s_row_of_it_cost_what_the_price_list_says(
    workspace: Workspace,
) -> None:
    lives = {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 250}
    counts = {"cache_read_input_tokens": 600, "cache_creation_input_tokens": 350, "cache_creation": lives}
    gateway = {
        "request_id": "chatcmpl-1",
        "call_type": "anthropic_messages",
        "spend": 0,
        "startTime": "2026-11-10T12:00:00.25",
        "model": "claude-sonnet-4-5-20250929",
        "custom_llm_provider": "anthropic",
        "prompt_tokens": 1350,
        "completion_tokens": 100,
        "metadata": {
            "usage_object": {
                "cache_read_input_tokens": 600,
                "cache_creation_input_tokens": 350,
                "prompt_tokens_details": {"cache_creation_token_details": lives},
            }
        },
    }
    land(
        workspace,
        message(usage=usage(**counts)),
        result("succeeded", "r-1", message=body(id="msg_2", usage=usage(**counts, service_tier="batch"))),
        result("expired", "r-2"),
    )
    workspace.land_records("gateway", [gateway])
    workspace.build()
    found = workspace.rows("select pricing_status, cost_pico from fct_llm_request_priced order by cost_pico")
    # 400 × 3.00 + 600 × 0.30 + 100 × 3.75 + 250 × 6.00 + 100 × 15.00 = 4,755 millionths of a dollar; half of it in a batch.
    assert found == [
        ("reported_none", 0),
        ("priced", 2_377_500_000),
        ("priced", 4_755_000_000),
        ("priced", 4_755_000_000),
    ]


def test_a_write_of_unsaid_lifetime_has_no_lifetime(workspace: Workspace) -> None:
    [row] = land(workspace, message(usage=usage(cache_creation_input_tokens=350)))
    assert (row["input_tokens"], row["cache_creation_input_tokens"]) == (750, 350)
    assert (row["cache_creation_5m_input_tokens"], row["cache_creation_1h_input_tokens"]) == (None, None)


def test_thinking_searches_tier_speed_and_region(workspace: Workspace) -> None:
    more = {
        "output_tokens_details": {"thinking_tokens": 64},
        "server_tool_use": {"web_search_requests": 3},
        "service_tier": "priority",
        "speed": "fast",
        "inference_geo": "us",
    }
    [row] = land(workspace, message(usage=usage(**more)))
    assert (row["output_tokens"], row["reasoning_output_tokens"], row["web_search_requests"]) == (100, 64, 3)
    assert (row["service_tier"], row["speed"], row["region"]) == ("priority", "fast", "us")


def test_lines_of_batch_results(workspace: Workspace) -> None:
    refusal = {"type": "error", "error": {"type": "invalid_request_error", "message": "…"}}
    found = land(
        workspace,
        result("succeeded", "r-1", message=body(usage=usage(service_tier="batch"))),
        result("errored", "r-2", error=refusal),
        result("canceled", "r-3"),
        result("expired", "r-4"),
    )
    assert [row["is_batch"] for row in found] == [True] * 4
    assert [row["source_record_id"] for row in found] == ["msg_1", "r-2", "r-3", "r-4"]
    assert [row["status"] for row in found] == ["ok", "error", "cancelled", "error"]
    assert [row["error_type"] for row in found] == [None, "invalid_request_error", None, "expired"]
    assert [row["usage_quality"] for row in found] == ["reported", "missing", "missing", "missing"]
    assert (found[0]["input_tokens"], found[0]["service_tier"]) == (400, "batch")


def test_the_batch_tier_is_the_batch_interface(workspace: Workspace) -> None:
    [row] = land(workspace, message(usage=usage(service_tier="batch")))
    assert row["is_batch"] is True


def test_a_time_may_stand_beside_the_body_or_around_it_in_either_spelling(workspace: Workspace) -> None:
    found = land(
        workspace,
        message(id="a"),
        body(id="b", created_at=1794312000.25),
        {"timestamp": STARTED, "response": body(id="c")},
        {"started_at": STARTED, "message": body(id="d")},
    )
    assert {row["started_at"].isoformat() for row in found} == {"2026-11-10T12:00:00.250000+00:00"}
    assert [row["source_record_id"] for row in found] == ["a", "b", "c", "d"]


def test_a_message_inside_an_event_of_something_else_is_not_taken_for_one(workspace: Workspace) -> None:
    event = {"type": "assistant", "sessionId": "s-1", "timestamp": STARTED, "message": body()}
    path = workspace.root / "transcript.jsonl"
    path.write_text(json.dumps(event) + "\n")
    with pytest.raises(UnknownFormat, match="no known log format"):
        workspace.land(path)
    assert workspace.land(path, "anthropic_message").counts.landed == 1


def test_failures_cut_streams_and_gateways_are_what_the_logger_says(workspace: Workspace) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "…"}, "request_id": "req-1"}
    found = land(
        workspace,
        message(status="cancelled"),
        overloaded | {"started_at": STARTED, "status_code": 529, "gateway_call_id": "call-1", "attempt_no": 1},
        message(id="b", gateway_call_id="call-1", attempt_no=2, is_fallback=True),
        message(id="c", cache_hit=True),
    )
    assert [row["status"] for row in found] == ["cancelled", "error", "ok", "ok"]
    assert [row["usage_quality"] for row in found] == ["estimated", "missing", "reported", "reported"]
    assert (found[1]["error_type"], found[1]["http_status"], found[1]["source_record_id"]) == (
        "overloaded_error",
        529,
        "req-1",
    )
    assert [row["attempt_no"] for row in found] == [None, 1, 2, None]
    assert (found[2]["gateway_call_id"], found[2]["is_fallback"]) == ("call-1", True)
    assert [row["is_gateway_cache_hit"] for row in found] == [None, None, None, True]


def test_tenants_are_what_the_logger_names_and_else_the_request_s_user(workspace: Workspace) -> None:
    found = land(
        workspace,
        message(id="a", tenant_id="acme", metadata={"user_id": "user-1"}),
        message(id="b", metadata={"user_id": "user-1"}),
        message(id="c", request={"metadata": {"user_id": "user-2"}}),
        message(id="d"),
    )
    assert [row["tenant_id"] for row in found] == ["acme", "user-1", "user-2", "unattributed"]
    assert [row["end_user_id"] for row in found] == ["user-1", "user-1", "user-2", None]


def test_records_that_cannot_be_read_say_why(workspace: Workspace) -> None:
    lives = {"ephemeral_5m_input_tokens": 351}
    spoiled: list[tuple[dict[str, Any], str]] = [
        (body(), _UNTIMED),
        ({"custom_id": "r-1", "result": {"type": "expired"}}, _UNTIMED),
        (message(started_at="today"), "started_at: neither ISO 8601 nor seconds since 1970"),
        (message(id=None), "no id: a logger writes request_id beside a body that has none"),
        (
            {"type": "message_start", "message": body(), "timestamp": STARTED},
            "an event of a stream; only the whole message has the whole usage",
        ),
        (message(usage=[]), "usage: not an object"),
        (message(usage=usage(input_tokens=-1)), "usage.input_tokens: not a whole number of at least 0 (-1)"),
        (
            message(usage=usage(cache_creation_input_tokens=350, cache_creation=lives)),
            "cache_creation 5m and 1h exceed cache_creation_input_tokens",
        ),
        (
            message(usage=usage(output_tokens_details={"thinking_tokens": 101})),
            "reasoning_output_tokens exceed output_tokens",
        ),
    ]
    landed = workspace.land_records("anthropic", [message(), *(record for record, _ in spoiled)])
    assert (landed.counts.landed, landed.counts.quarantined) == (1, len(spoiled))
    assert refused(workspace) == [(number, reason) for number, (_, reason) in enumerate(spoiled, start=2)]
