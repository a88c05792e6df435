"""Rows of LiteLLM's table `LiteLLM_SpendLogs`, and the same calls as its callbacks wrote them.

Columns: BerriAI/litellm, schema.prisma (model LiteLLM_SpendLogs, commit 029f645); values as a 1.102.4 proxy writes them.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.landed import Row, assert_conserved, refused, rows
from tests.workspace import Workspace

CALLS = 296
_READ = "metadata.usage_object.cache_read_input_tokens"
JSON_COLUMNS = ("metadata", "request_tags", "messages", "response", "proxy_server_request")


def spend_log(**changes: Any) -> dict[str, Any]:
    """A success of one second, 1,000 tokens in and 100 out; `changes` replace columns."""
    return {
        "request_id": "chatcmpl-1",
        "call_type": "acompletion",
        "api_key": "5cd4f3f3",
        "spend": 0.0045,
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "startTime": "2026-11-10T12:00:00.25",
        "endTime": "2026-11-10T12:00:01.25",
        "completionStartTime": "2026-11-10T12:00:01.25",
        "model": "anthropic/claude-sonnet-4-5",
        "model_group": "claude-sonnet-4-5",
        "custom_llm_provider": "anthropic",
        "cache_hit": "None",
        "request_tags": [],
        "team_id": "",
        "end_user": "",
        "session_id": "session-1",
        "status": "success",
        "metadata": {"litellm_call_id": "call-1", "attempted_retries": 0, "attempted_fallbacks": 0},
    } | changes


def metadata(**values: Any) -> dict[str, Any]:
    return {"metadata": {"litellm_call_id": "call-1", **values}}


def used(inputs: int = 1000, outputs: int = 100, **details: Any) -> dict[str, Any]:
    return metadata(usage_object={"prompt_tokens": inputs, "completion_tokens": outputs, **details})


def land(workspace: Workspace, *records: dict[str, Any]) -> list[Row]:
    result = workspace.land_records("spend", records)
    assert (result.source, result.counts.quarantined) == ("litellm_spend_logs", 0), refused(workspace)
    return rows(workspace, order="source_line")


# --- real rows ---


@pytest.fixture(scope="module")
def reality(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The proxy's rows and the payloads of the same calls."""
    workspace = Workspace(tmp_path_factory.mktemp("reality"))
    for name, source in (("spend_logs_db_rows", "litellm_spend_logs"), ("standard_logging_payload", "litellm")):
        result = workspace.land(real_data / "litellm" / f"{name}.jsonl")
        assert (result.source, result.counts.quarantined) == (source, 0)
    yield workspace
    workspace.control.close()


def both(workspace: Workspace) -> list[tuple[Row, Row]]:
    """Each row with the payload of the attempt that it is about: the last of its call."""
    found = rows(workspace, order="source, started_at")
    payloads = {row["gateway_call_id"]: row for row in found if row["source"] == "litellm"}
    return [(row, payloads[row["gateway_call_id"]]) for row in found if row["source"] == "litellm_spend_logs"]


def test_every_real_row_lands_as_a_record_of_its_own(reality: Workspace) -> None:
    found = rows(reality, "source, record_key")
    assert len({row["record_key"] for row in found if row["source"] == "litellm_spend_logs"}) == CALLS
    assert_conserved(reality)


def test_rows_and_payloads_of_the_same_calls_agree(reality: Workspace) -> None:
    same = (
        "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_creation_5m_input_tokens",
        "cache_creation_1h_input_tokens", "reasoning_output_tokens", "input_audio_tokens", "output_audio_tokens",
        "web_search_requests", "cost_reported", "cost_markup", "tenant_id", "end_user_id", "team_id", "api_key_hash",
        "task_id", "trace_id", "feature", "environment", "tags", "provider_name", "requested_model_group",
        "operation_name", "status", "usage_quality", "usage_semantics", "is_gateway_cache_hit", "base_model",
    )  # fmt: skip
    pairs = both(reality)
    assert len(pairs) == CALLS
    differences = Counter(
        (name, row["status"]) for row, payload in pairs for name in same if row[name] != payload[name]
    )
    # Refused before any deployment was chosen: the two have different names for a model that does not exist.
    assert differences == {}
    models = Counter((row["response_model"], payload["response_model"]) for row, payload in pairs)
    assert {key: count for key, count in models.items() if key[0] != key[1]} == {("unknown-model", "no-such-model"): 5}


def test_cached_tokens_of_rows_and_payloads_agree(reality: Workspace) -> None:
    pairs = both(reality)
    assert all(
        (row["cache_read_input_tokens"] or 0) == (payload["cache_read_input_tokens"] or 0) for row, payload in pairs
    )
    assert sum(row["cache_read_input_tokens"] or 0 for row, _ in pairs) > 0


def test_times_of_real_rows_are_utc_and_those_of_the_payloads(reality: Workspace) -> None:
    apart = [
        abs((row["started_at"] - payload["started_at"]).total_seconds()) * 1000
        for row, payload in both(reality)
        if row["status"] == "ok"
    ]
    # The table keeps milliseconds.
    assert len(apart) == 242
    assert max(apart) < 1


def test_csv_and_parquet_exports_say_what_the_json_lines_say(
    reality: Workspace, real_data: Path, tmp_path: Path
) -> None:
    lines = (real_data / "litellm" / "spend_logs_db_rows.jsonl").read_text().splitlines()
    records = [
        {key: json.dumps(value) if key in JSON_COLUMNS else value for key, value in json.loads(line).items()}
        for line in lines
    ]
    with (tmp_path / "spend.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, records)) + "\n")
    with duckdb.connect() as database:
        database.execute(
            f"copy (select * replace (startTime::timestamp as startTime, endTime::timestamp as endTime) from "
            f"read_csv('{tmp_path / 'spend.csv'}', all_varchar = true)) to '{tmp_path / 'spend.parquet'}'"
        )
    lineage = {"source_file", "source_line", "landing_id", "row_hash"}

    def content(workspace: Workspace) -> list[Row]:
        found = [row for row in rows(workspace, order="record_key") if row["source"] == "litellm_spend_logs"]
        return [{name: value for name, value in row.items() if name not in lineage} for row in found]

    expected = content(reality)
    for name in ("spend.csv", "texts.jsonl", "spend.parquet"):
        workspace = Workspace(tmp_path / name.replace(".", "-"))
        result = workspace.land(tmp_path / name)
        assert (result.counts.landed, result.counts.quarantined) == (CALLS, 0), refused(workspace)
        assert content(workspace) == expected, name
        workspace.control.close()


# --- what real rows do not hold ---


def test_a_hit_keeps_its_tokens_costs_nothing_and_is_one_record_whatever_its_suffix(workspace: Workspace) -> None:
    hit = {"cache_hit": "True", "spend": 0.0, "startTime": "2026-11-10T12:10:00", "endTime": "2026-11-10T12:10:00.1"}
    breakdown = metadata(cost_breakdown={"total_cost": 0.0045, "margin_total_amount": 0.0005})
    first, second, answer = land(
        workspace,
        spend_log(request_id="chatcmpl-1_cache_hit1794312600.1", **hit, **breakdown),
        spend_log(request_id="chatcmpl-1_cache_hit1794312600.9", **hit, **breakdown),
        spend_log(cache_hit="False"),
    )
    assert first["record_key"] == second["record_key"] != answer["record_key"]
    assert (first["is_gateway_cache_hit"], answer["is_gateway_cache_hit"]) == (True, False)
    assert (first["input_tokens"], first["cost_reported"], first["cost_markup"]) == (1000, Decimal(0), None)


def test_the_margin_is_taken_out_of_the_spend(workspace: Workspace) -> None:
    [row] = land(workspace, spend_log(spend=0.0055, **metadata(cost_breakdown={"margin_total_amount": 0.001})))
    assert (row["cost_reported"], row["cost_markup"]) == (Decimal("0.0045"), Decimal("0.001"))
    assert (row["cost_currency"], row["cost_source"]) == ("USD", "litellm")


def test_tokens_by_kind(workspace: Workspace) -> None:
    writes = {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 250}
    cached, written, thought = land(
        workspace,
        spend_log(request_id="a", **used(cache_read_input_tokens=600, prompt_tokens_details={"cached_tokens": 0})),
        spend_log(request_id="b", **used(prompt_tokens_details={"cache_creation_token_details": writes})),
        spend_log(
            request_id="c",
            **used(
                prompt_tokens_details={"audio_tokens": 30},
                completion_tokens_details={"reasoning_tokens": 64, "audio_tokens": 20},
            ),
        ),
    )
    assert (cached["input_tokens"], cached["cache_read_input_tokens"]) == (1000, 600)
    names = ("cache_creation_input_tokens", "cache_creation_5m_input_tokens", "cache_creation_1h_input_tokens")
    assert [written[name] for name in names] == [350, 100, 250]
    names = ("input_audio_tokens", "output_audio_tokens", "reasoning_output_tokens", "output_tokens")
    assert [thought[name] for name in names] == [30, 20, 64, 100]
    assert {row["usage_semantics"] for row in (cached, written, thought)} == {"inclusive"}


def test_older_rows_have_their_cached_tokens_beside_the_usage_object(workspace: Workspace) -> None:
    extra = {"cache_read_input_tokens": 600, "cache_creation_input_tokens": 200}
    [row] = land(workspace, spend_log(**metadata(additional_usage_values=extra)))
    assert (row["cache_read_input_tokens"], row["cache_creation_input_tokens"]) == (600, 200)


def test_a_transcription_has_the_length_of_its_audio(workspace: Workspace) -> None:
    heard = metadata(usage_object={"type": "duration", "seconds": 61.234})
    [row] = land(workspace, spend_log(call_type="atranscription", prompt_tokens=0, completion_tokens=0, **heard))
    assert (row["audio_ms"], row["usage_quality"]) == (61_234, "reported")


def test_operations_and_tiers(workspace: Workspace) -> None:
    found = land(
        workspace,
        spend_log(request_id="a", call_type="aembedding"),
        spend_log(request_id="b", call_type="arerank"),
        spend_log(request_id="c", **metadata(cost_breakdown={"service_tier": "flex"})),
    )
    assert [row["operation_name"] for row in found] == ["embeddings", "rerank", "chat"]
    assert [row["service_tier"] for row in found] == [None, None, "flex"]


def test_a_refused_call_has_the_provider_s_tokens_not_the_proxy_s_guess(workspace: Workspace) -> None:
    error = {"error_class": "RateLimitError", "error_code": "429"}
    refusal = metadata(usage_object={"prompt_tokens": 0, "completion_tokens": 0}, error_information=error)
    [row] = land(workspace, spend_log(status="failure", prompt_tokens=35, completion_tokens=0, spend=0, **refusal))
    assert (row["input_tokens"], row["usage_quality"]) == (0, "missing")
    assert (row["status"], row["error_type"], row["http_status"]) == ("error", "RateLimitError", 429)


def test_cut_streams_and_budgets(workspace: Workspace) -> None:
    def failed(kind: str, message: str = "", **tokens: int) -> dict[str, Any]:
        information = {"error_class": kind, "error_message": message}
        return metadata(error_information=information, usage_object=tokens or None)

    found = land(
        workspace,
        spend_log(request_id="a", **failed("ClientDisconnected")),
        spend_log(
            request_id="b", status="failure", **failed("APIConnectionError", prompt_tokens=1000, completion_tokens=40)
        ),
        spend_log(request_id="c", status="failure", **failed("BudgetExceededError", prompt_tokens=0)),
        spend_log(request_id="d", status="failure", **failed("ValueError", "crossed budget: openai", prompt_tokens=0)),
    )
    assert [row["status"] for row in found] == ["cancelled", "error", "blocked_budget", "blocked_budget"]
    assert [row["usage_quality"] for row in found[:2]] == ["estimated", "estimated"]
    assert found[1]["output_tokens"] == 40


def test_retries_and_fallbacks_are_counted_on_the_answer(workspace: Workspace) -> None:
    [row] = land(workspace, spend_log(**metadata(attempted_retries=2, attempted_fallbacks=1)))
    assert (row["attempt_no"], row["is_fallback"], row["gateway_call_id"]) == (3, True, "call-1")


def test_a_first_chunk_is_one_that_came_before_the_end(workspace: Workspace) -> None:
    found = land(
        workspace, spend_log(request_id="a"), spend_log(request_id="b", completionStartTime="2026-11-10T12:00:00.65")
    )
    assert [row["time_to_first_chunk_ms"] for row in found] == [None, 400]


def test_a_start_one_millisecond_later_is_another_record(workspace: Workspace) -> None:
    first, other = land(workspace, spend_log(), spend_log(startTime="2026-11-10T12:00:00.251"))
    assert first["record_key"] != other["record_key"]


def test_tenants_and_tags(workspace: Workspace) -> None:
    own = {"spend_logs_metadata": {"tenant_id": "own", "task_id": "task-7"}}
    found = land(
        workspace,
        spend_log(request_id="a", end_user="customer", team_id="team", **metadata(**own)),
        spend_log(request_id="b", end_user="customer", team_id="team", request_tags='["User-Agent: x", "env:prod"]'),
        spend_log(request_id="c", team_id="team"),
        spend_log(request_id="d", metadata=None),
    )
    assert [row["tenant_id"] for row in found] == ["own", "customer", "team", "unattributed"]
    assert [row["task_id"] for row in found] == ["task-7", "session-1", "session-1", "session-1"]
    assert (found[1]["tags"], found[1]["environment"]) == ('["env:prod"]', "prod")


def test_rows_that_cannot_be_read_say_why(workspace: Workspace) -> None:
    spoiled: list[tuple[dict[str, Any], str]] = [
        ({"request_id": ""}, "request_id: missing"),
        ({"startTime": None}, "startTime: missing"),
        ({"startTime": "yesterday"}, "startTime: not an ISO 8601 time"),
        ({"status": "pending"}, "status: not success or failure"),
        ({"cache_hit": "maybe"}, "cache_hit: not True, False or None"),
        ({"metadata": "redacted"}, "metadata: not an object"),
        ({"metadata": "[1]"}, "metadata: not an object"),
        ({"spend": "free"}, "spend: not an amount of money"),
        (used(cache_read_input_tokens=-1), f"{_READ}: not a whole number of at least 0 (-1)"),
        (used(cache_read_input_tokens=1001), "cache tokens exceed input_tokens"),
    ]  # fmt: skip
    result = workspace.land_records("spend", [spend_log(), *(spend_log(**changes) for changes, _ in spoiled)])
    assert (result.counts.landed, result.counts.quarantined) == (1, len(spoiled))
    assert refused(workspace) == [(number, reason) for number, (_, reason) in enumerate(spoiled, start=2)]
