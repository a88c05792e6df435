"""LiteLLM's records as they are: real ones counted twice over, and every trap they hold in a payload of its own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.landed import Row, assert_conserved, refused, rows
from tests.workspace import Workspace

FILES = {"standard_logging_payload.jsonl": 336, "standard_logging_payload_nodb.jsonl": 91}
STARTED = 1794312000.25  # 2026-11-10T12:00:00.250Z


def payload(**changes: Any) -> dict[str, Any]:
    """A success of one second, 1,000 tokens in and 100 out; `changes` replace fields of the top level."""
    return {
        "id": "chatcmpl-1",
        "litellm_call_id": "call-1",
        "trace_id": "trace-1",
        "call_type": "acompletion",
        "status": "success",
        "model": "anthropic/claude-sonnet-4-5",
        "model_group": "claude-sonnet-4-5",
        "custom_llm_provider": "anthropic",
        "stream": None,
        "cache_hit": None,
        "startTime": STARTED,
        "endTime": STARTED + 1,
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "response_cost": 0.0045,
        "cost_breakdown": {"total_cost": 0.0045, "margin_total_amount": 0.0},
        "saved_cache_cost": 0.0,
        "end_user": None,
        "request_tags": [],
        "error_information": {"error_class": "", "error_code": "", "error_message": "", "error_rate_limit_type": None},
        "hidden_params": {"additional_headers": None},
        "metadata": {"spend_logs_metadata": None, "usage_object": None},
    } | changes


def failure(error_class: str, message: str = "", **changes: Any) -> dict[str, Any]:
    error = {"error_class": error_class, "error_code": "", "error_message": message, "error_rate_limit_type": None}
    return payload(status="failure", error_information=error, response_cost=0.0, **changes)


def usage(**counts: Any) -> dict[str, Any]:
    """The `metadata` of a record with this usage object."""
    return {"metadata": {"spend_logs_metadata": None, "usage_object": counts}}


def land(workspace: Workspace, *payloads: dict[str, Any]) -> list[Row]:
    result = workspace.land_records("litellm", payloads)
    assert (result.state, result.source, result.counts.quarantined) == ("landed", "litellm", 0), refused(workspace)
    return rows(workspace, order="source_line")


def land_one(workspace: Workspace, **changes: Any) -> Row:
    [row] = land(workspace, payload(**changes))
    return row


# --- real records ---


@pytest.fixture(scope="module")
def landed_reality(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("reality"))
    for name, count in FILES.items():
        counts = workspace.land(real_data / "litellm" / name).counts
        assert (counts.rows_in, counts.landed, counts.duplicate, counts.quarantined) == (count, count, 0, 0)
    yield workspace
    workspace.control.close()


@pytest.fixture(scope="module")
def real_records(real_data: Path) -> list[dict[str, Any]]:
    lines = [line for name in FILES for line in (real_data / "litellm" / name).read_text().splitlines()]
    return [json.loads(line, parse_float=Decimal) for line in lines]


def test_every_real_record_lands_and_is_a_record_of_its_own_but_for_the_router_s_refusals(
    landed_reality: Workspace, real_records: list[dict[str, Any]]
) -> None:
    found = rows(landed_reality, "record_key")
    assert len(found) == 427
    # Four calls that found every provider over budget were refused three times each.
    assert len({row["record_key"] for row in found}) == 427 - 8
    assert len({(record["id"], record["trace_id"], record["startTime"]) for record in real_records}) == 427 - 8
    assert_conserved(landed_reality)


def test_tokens_of_real_records_sum_to_the_log_s_own(
    landed_reality: Workspace, real_records: list[dict[str, Any]]
) -> None:
    [sums] = rows(landed_reality, "sum(input_tokens)::bigint as i, sum(output_tokens)::bigint as o", order="1")
    assert sums["i"] == sum(record["prompt_tokens"] for record in real_records)
    assert sums["o"] == sum(record["completion_tokens"] for record in real_records)


def test_cached_and_reasoning_tokens_of_real_records_sum_to_the_usage_objects(
    landed_reality: Workspace, real_records: list[dict[str, Any]]
) -> None:
    def total(*path: str) -> int:
        values: list[Any] = [record["metadata"].get("usage_object") for record in real_records]
        for key in path:
            values = [value.get(key) if value else None for value in values]
        return sum(value or 0 for value in values)

    names = (
        "cache_creation_5m_input_tokens",
        "cache_creation_1h_input_tokens",
        "reasoning_output_tokens",
        "input_audio_tokens",
    )
    [sums] = rows(landed_reality, ", ".join(f"sum({name})::bigint as {name}" for name in names), order="1")
    writes = ("prompt_tokens_details", "cache_creation_token_details")
    assert sums == {
        "cache_creation_5m_input_tokens": total(*writes, "ephemeral_5m_input_tokens"),
        "cache_creation_1h_input_tokens": total(*writes, "ephemeral_1h_input_tokens"),
        "reasoning_output_tokens": total("completion_tokens_details", "reasoning_tokens"),
        "input_audio_tokens": total("prompt_tokens_details", "audio_tokens"),
    }


def test_statuses_and_cache_hits_of_real_records_are_the_log_s_own(
    landed_reality: Workspace, real_records: list[dict[str, Any]]
) -> None:
    def status(record: dict[str, Any]) -> str:
        error = record["error_information"] or {}
        message = error.get("error_message") or ""
        if error.get("error_class") == "BudgetExceededError" or "crossed budget" in message:
            return "blocked_budget"
        if record["status"] == "failure":
            return "error"
        return "cancelled" if error.get("error_class") == "ClientDisconnected" else "ok"

    found = rows(landed_reality, "status, is_gateway_cache_hit")
    assert Counter(row["status"] for row in found) == Counter(map(status, real_records))
    assert Counter(row["status"] for row in found) == {"ok": 311, "error": 76, "blocked_budget": 38, "cancelled": 2}
    assert sum(row["is_gateway_cache_hit"] for row in found) == 23
    assert sum(record["cache_hit"] is True for record in real_records) == 23


def test_reported_cost_of_real_records_is_exact(landed_reality: Workspace, real_records: list[dict[str, Any]]) -> None:
    def cost(record: dict[str, Any]) -> Decimal:
        margin = 0 if record["cache_hit"] else (record["cost_breakdown"] or {}).get("margin_total_amount") or 0
        exact = Decimal(record["response_cost"]) - Decimal(margin)
        return exact.quantize(Decimal("1e-12"), ROUND_HALF_UP)

    found = rows(landed_reality, "cost_reported")
    assert sum(row["cost_reported"] for row in found) == sum(map(cost, real_records))


# --- one record of its own per attempt ---


def test_retries_are_rows_of_their_own_though_they_share_the_call_id(workspace: Workspace) -> None:
    refused_try = failure("RateLimitError", id="call-1", endTime=STARTED + 0.5)
    found = land(workspace, refused_try, payload(startTime=STARTED + 2, endTime=STARTED + 3))
    assert [(row["status"], row["gateway_call_id"]) for row in found] == [("error", "call-1"), ("ok", "call-1")]
    assert found[0]["record_key"] != found[1]["record_key"]


def test_refusals_of_the_router_itself_share_id_and_start_and_are_versions_of_one_call(workspace: Workspace) -> None:
    ends = [failure("ValueError", id="call-1", endTime=STARTED + seconds) for seconds in (0.01, 1.1, 2.5)]
    found = land(workspace, *ends)
    assert len(found) == 3
    assert len({row["record_key"] for row in found}) == 1
    assert [row["version_at"] for row in found] == sorted(row["version_at"] for row in found)


def test_a_success_that_is_logged_again_with_another_end_is_the_same_record(workspace: Workspace) -> None:
    first, second = land(workspace, payload(), payload(endTime=STARTED + 1.5))
    assert first["record_key"] == second["record_key"]
    assert second["version_at"] > first["version_at"]


def test_a_start_one_millisecond_later_is_another_record_and_less_is_not(workspace: Workspace) -> None:
    first, later, same = land(
        workspace,
        payload(),
        payload(startTime=STARTED + 0.001, endTime=STARTED + 1.1),
        payload(startTime=STARTED + 0.0004, endTime=STARTED + 1.2),
    )
    assert later["record_key"] != first["record_key"] == same["record_key"]


def test_a_hit_logged_twice_with_two_suffixes_is_one_record(workspace: Workspace) -> None:
    hit = {"cache_hit": True, "response_cost": 0.0}
    first, second = land(
        workspace,
        payload(id="chatcmpl-1_cache_hit1794312000.1", **hit),
        payload(id="chatcmpl-1_cache_hit1794312000.9", **hit),
    )
    assert first["record_key"] == second["record_key"]
    assert first["source_record_id"] == "chatcmpl-1_cache_hit1794312000.1"


def test_a_hit_is_not_the_record_of_the_answer_it_repeats(workspace: Workspace) -> None:
    first, hit = land(
        workspace,
        payload(),
        payload(
            id="chatcmpl-1_cache_hit1794312600.1", cache_hit=True, startTime=STARTED + 600, endTime=STARTED + 600.1
        ),
    )
    assert first["record_key"] != hit["record_key"]


# --- cost ---


def test_on_a_hit_the_cost_breakdown_is_never_used(workspace: Workspace) -> None:
    breakdown = {"total_cost": 0.0045, "input_cost": 0.003, "margin_total_amount": 0.0005}
    row = land_one(workspace, cache_hit=True, response_cost=0.0, cost_breakdown=breakdown, saved_cache_cost=0.0045)
    assert (row["cost_reported"], row["cost_markup"]) == (Decimal(0), None)
    assert row["cost_saved_gateway_cache"] == Decimal("0.0045")
    assert (row["input_tokens"], row["output_tokens"]) == (1000, 100)


def test_the_margin_is_taken_out_of_the_cost(workspace: Workspace) -> None:
    breakdown = {"total_cost": 0.0055, "margin_total_amount": 0.001}
    row = land_one(workspace, response_cost=0.0055, cost_breakdown=breakdown)
    assert (row["cost_reported"], row["cost_markup"]) == (Decimal("0.0045"), Decimal("0.001"))


def test_a_cost_in_exponent_notation_is_read_exactly(workspace: Workspace) -> None:
    assert land_one(workspace, response_cost=5.1e-06)["cost_reported"] == Decimal("0.0000051")


def test_an_unpriced_model_s_zero_is_kept_as_what_the_gateway_said(workspace: Workspace) -> None:
    row = land_one(workspace, response_cost=0.0, model="openai/in-house-70b")
    assert (row["cost_reported"], row["cost_source"], row["cost_currency"]) == (Decimal(0), "litellm", "USD")


def test_the_served_tier_is_that_of_the_breakdown(workspace: Workspace) -> None:
    row = land_one(workspace, cost_breakdown={"service_tier": "flex"}, model_parameters={"service_tier": "priority"})
    assert row["service_tier"] == "flex"


# --- outcome ---


def test_error_information_of_empty_strings_is_no_error(workspace: Workspace) -> None:
    row = land_one(workspace)
    assert (row["status"], row["error_type"], row["http_status"]) == ("ok", None, None)


def test_a_stream_cut_by_the_upstream_is_an_error_with_tokens_that_are_estimated(workspace: Workspace) -> None:
    cut = failure("ReadError", prompt_tokens=1000, completion_tokens=40, stream=True) | {"response_cost": 0.0036}
    [row] = land(workspace, cut)
    assert (row["status"], row["error_type"], row["usage_quality"]) == ("error", "ReadError", "estimated")
    assert (row["input_tokens"], row["output_tokens"], row["cost_reported"]) == (1000, 40, Decimal("0.0036"))


def test_a_client_that_hangs_up_is_a_success_in_the_log_and_cancelled_here(workspace: Workspace) -> None:
    error = {"error_class": "ClientDisconnected", "error_code": "499", "error_message": ""}
    row = land_one(workspace, error_information=error)
    assert (row["status"], row["http_status"], row["usage_quality"]) == ("cancelled", 499, "estimated")


def test_a_failure_without_tokens_has_no_usage(workspace: Workspace) -> None:
    [row] = land(workspace, failure("RateLimitError", prompt_tokens=0, completion_tokens=0))
    assert row["usage_quality"] == "missing"


@pytest.mark.parametrize(
    "error",
    [
        {"error_class": "BudgetExceededError", "error_message": ""},
        {"error_class": "RateLimitError", "error_message": "", "error_rate_limit_type": "budget"},
        {"error_class": "ValueError", "error_message": "No deployments available - crossed budget: openai"},
    ],
)
def test_refusals_of_a_budget_are_blocked_not_errors(workspace: Workspace, error: dict[str, str]) -> None:
    row = land_one(workspace, status="failure", error_information=error, prompt_tokens=0, completion_tokens=0)
    assert row["status"] == "blocked_budget"


def test_another_rate_limit_is_an_error(workspace: Workspace) -> None:
    error = {"error_class": "RateLimitError", "error_message": "", "error_rate_limit_type": "tokens"}
    assert land_one(workspace, status="failure", error_information=error)["status"] == "error"


def test_a_miss_is_logged_as_null_and_is_no_hit(workspace: Workspace) -> None:
    values = [None, False, "False", True, "True"]
    found = land(workspace, *(payload(id=f"r{n}", cache_hit=value) for n, value in enumerate(values)))
    assert [row["is_gateway_cache_hit"] for row in found] == [False, False, False, True, True]


def test_a_first_chunk_counts_only_for_a_stream(workspace: Workspace) -> None:
    chunk = {"completionStartTime": STARTED + 0.4}
    found = land(workspace, payload(id="a", stream=True, **chunk), payload(id="b", **chunk))
    assert [row["time_to_first_chunk_ms"] for row in found] == [400, None]


# --- whose, and what for ---


def test_user_agents_are_dropped_from_tags(workspace: Workspace) -> None:
    row = land_one(workspace, request_tags=["User-Agent: node-fetch", "User-Agent: node-fetch/3", "env:prod", "x"])
    assert json.loads(row["tags"]) == ["env:prod", "x"]
    assert row["environment"] == "prod"


def test_no_tags_are_no_tags(workspace: Workspace) -> None:
    assert land_one(workspace, request_tags=None)["tags"] is None


def test_shadow_traffic_is_named(workspace: Workspace) -> None:
    row = land_one(workspace, metadata={"is_silent_experiment": True})
    assert row["experiment"] == "silent"


def test_the_task_is_the_caller_s_key_and_else_the_trace(workspace: Workspace) -> None:
    keyed = {"metadata": {"spend_logs_metadata": {"task_id": "task-7"}}}
    found = land(workspace, payload(id="a", **keyed), payload(id="b"))
    assert [row["task_id"] for row in found] == ["task-7", "trace-1"]


def test_the_tenant_is_the_caller_s_own_then_the_customer_then_the_team(workspace: Workspace) -> None:
    own, team = {"tenant_id": "own"}, {"user_api_key_team_id": "team"}
    found = land(
        workspace,
        payload(id="a", end_user="customer", metadata=team | {"spend_logs_metadata": own}),
        payload(id="b", end_user="customer", metadata=team),
        payload(id="c", end_user="", metadata=team),
        payload(id="d", metadata={}),
    )
    assert [row["tenant_id"] for row in found] == ["own", "customer", "team", "unattributed"]


def test_the_public_model_behind_a_private_name_is_kept_beside_it(workspace: Workspace) -> None:
    found = land(
        workspace,
        payload(id="a", model="azure/our-deployment", model_map_information={"model_map_key": "gpt-4o"}),
        payload(id="b", model="gpt-4o", model_map_information={"model_map_key": "gpt-4o"}),
    )
    assert [(row["response_model"], row["base_model"]) for row in found] == [
        ("azure/our-deployment", "gpt-4o"),
        ("gpt-4o", None),
    ]


# --- tokens ---


def test_cached_tokens_of_zero_do_not_hide_the_cache_read(workspace: Workspace) -> None:
    row = land_one(workspace, **usage(cache_read_input_tokens=600, prompt_tokens_details={"cached_tokens": 0}))
    assert (row["input_tokens"], row["cache_read_input_tokens"]) == (1000, 600)


def test_cache_writes_are_kept_by_lifetime(workspace: Workspace) -> None:
    writes = {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 250}
    row = land_one(
        workspace,
        **usage(cache_creation_input_tokens=350, prompt_tokens_details={"cache_creation_token_details": writes}),
    )
    names = ("cache_creation_input_tokens", "cache_creation_5m_input_tokens", "cache_creation_1h_input_tokens")
    assert [row[name] for name in names] == [350, 100, 250]


def test_reasoning_and_audio_are_parts_of_what_is_counted(workspace: Workspace) -> None:
    row = land_one(
        workspace,
        **usage(
            prompt_tokens_details={"audio_tokens": 30},
            completion_tokens_details={"reasoning_tokens": 64, "audio_tokens": 20},
        ),
    )
    names = ("input_tokens", "output_tokens", "reasoning_output_tokens", "input_audio_tokens", "output_audio_tokens")
    assert [row[name] for name in names] == [1000, 100, 64, 30, 20]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None, "litellm_call_id": ""}, "id: missing"),
        ({"startTime": None}, "startTime: missing"),
        ({"status": "pending"}, "status: not success or failure"),
        ({"metadata": "redacted"}, "metadata: not an object"),
        ({"prompt_tokens": -1}, "prompt_tokens: not a whole number of at least 0 (-1)"),
        ({"response_cost": "free"}, "response_cost: not an amount of money"),
    ],
)
def test_a_record_that_cannot_be_read_says_why(workspace: Workspace, changes: dict[str, Any], reason: str) -> None:
    result = workspace.land_records("litellm", [payload(id="good"), payload(**changes)])
    assert (result.counts.rows_in, result.counts.landed, result.counts.quarantined) == (2, 1, 1)
    assert refused(workspace) == [(2, reason)]


@pytest.mark.parametrize(("seconds", "audio_ms"), [(12, 12_000), (12.3456, 12_346), (0.4, 400), (0, 0)])
def test_a_transcription_has_the_length_of_its_audio(workspace: Workspace, seconds: float, audio_ms: int) -> None:
    heard = usage(type="duration", seconds=seconds)
    row = land_one(workspace, call_type="atranscription", prompt_tokens=0, completion_tokens=0, **heard)
    assert (row["audio_ms"], row["usage_quality"]) == (audio_ms, "reported" if audio_ms else "missing")


def test_audio_of_more_than_a_day_is_refused(workspace: Workspace) -> None:
    result = workspace.land_records("litellm", [payload(**usage(seconds=86_400)), payload(**usage(seconds=86_400.001))])
    assert (result.counts.landed, result.counts.quarantined) == (1, 1)
    assert [reason for _, reason in refused(workspace)] == ["more than a day of audio in one request"]
