"""The same call in the gateway's log and in the telemetry, each landed from its own format, counts once."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.doctor import examine
from pipelines.landing.erase import erase
from pipelines.settings import Settings, SettingsError, Sources, load_settings
from tests import landed
from tests.contract.test_every_source import EXAMPLES
from tests.workspace import Workspace, request
from warehouse.reader import Reader

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)


def payload(response_id: str | None, call_id: str, started: datetime = NOON, **values: Any) -> dict[str, Any]:
    """LiteLLM's record of one attempt."""
    return {
        "id": response_id or call_id,
        "litellm_call_id": call_id,
        "trace_id": f"trace-{call_id}",
        "call_type": "acompletion",
        "status": "success",
        "startTime": started.timestamp(),
        "endTime": started.timestamp() + 1,
        "model": "gpt-4o-mini",
        "custom_llm_provider": "openai",
        "response_cost": 0.001,
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "cache_hit": None,
        "metadata": {"user_api_key_team_id": "acme"},
        **values,
    }


def span(number: int, started: datetime = NOON, **attributes: str) -> dict[str, Any]:
    """A span of a call, with `response_id` or `call_id` where it knows them."""
    names = {"response_id": "gen_ai.response.id", "call_id": "litellm.call_id", "tenant": "tenant.id"}
    texts = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini", "gen_ai.provider.name": "openai"}
    texts |= {names[key]: value for key, value in attributes.items()}
    listed = [{"key": key, "value": {"stringValue": value}} for key, value in texts.items()]
    counts = {"gen_ai.usage.input_tokens": "1000", "gen_ai.usage.output_tokens": "100"}
    listed += [{"key": key, "value": {"intValue": value}} for key, value in counts.items()]
    nanos = int(started.timestamp()) * 10**9 + started.microsecond * 1000
    return {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "startTimeUnixNano": str(nanos),
        "endTimeUnixNano": str(nanos + 10**9),
        "attributes": listed,
    }


def land_spans(workspace: Workspace, spans: Iterable[dict[str, Any]], name: str = "spans") -> None:
    result = workspace.land_records(name, [{"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}])
    assert result.source == "otlp"


def counted(workspace: Workspace) -> list[str]:
    """The sources' own ids of the requests that count; of a span its number."""
    lake = str(workspace.settings.data_dir / "lake" / "llm_request" / "*" / "*.parquet")
    ids = workspace.rows(
        f"""select distinct landed.source, landed.source_record_id
        from fct_llm_request_priced as priced join read_parquet('{lake}', union_by_name = true) as landed
        on priced.landing_id = landed.landing_id and priced.source_line = landed.source_line"""
    )
    return sorted(f"span {int(name[:32], 16)}" if source == "otlp" else name for source, name in ids)


def tenants(workspace: Workspace) -> list[str]:
    return [name for (name,) in workspace.rows("select tenant_id from fct_llm_request_priced order by 1")]


def test_a_call_with_a_response_id_and_one_with_the_call_id_alone_count_once(workspace: Workspace) -> None:
    workspace.land_records("gateway", [payload("chatcmpl-1", "call-1"), payload(None, "call-2")])
    land_spans(workspace, [span(1, response_id="chatcmpl-1"), span(2, call_id="call-2"), span(3, response_id="other")])
    built = workspace.build()
    assert counted(workspace) == ["call-2", "chatcmpl-1", "span 3"]
    assert tenants(workspace) == ["acme", "acme", "unattributed"]
    # gpt-4o-mini: 1,000 tokens at 0.15 and 100 at 0.60 dollars per million are 210,000,000 pico-dollars.
    assert workspace.rows("select sum(cost_pico), sum(requests) from fct_cost_day") == [(3 * 210_000_000, 3)]
    assert workspace.rows("from fct_told_twice_day") == [(NOON.date(), "otlp", "litellm", 2)]
    said = "2 requests were in two logs, otlp and litellm; counted once, from litellm"
    assert built.notices == (f"{said}.",)
    assert [check.detail for check in examine(workspace.settings) if check.name == "two logs"] == [said]


def test_one_log_alone_has_nothing_to_say(workspace: Workspace) -> None:
    workspace.land_records("gateway", [payload("chatcmpl-1", "call-1")])
    assert workspace.build().notices == ()
    reader = Reader(workspace.settings.data_dir)
    assert reader.told_twice() == []
    reader.close()


def test_midnight_between_the_two_and_a_day_exactly(workspace: Workspace) -> None:
    midnight = datetime(2026, 11, 11, tzinfo=UTC)
    day, moment = timedelta(days=1), timedelta(microseconds=1)
    workspace.land_records(
        "gateway",
        [
            payload("chatcmpl-a", "call-a", midnight - timedelta(minutes=1)),
            payload("chatcmpl-b", "call-b", NOON),
            payload("chatcmpl-c", "call-c", NOON),
            payload("chatcmpl-d", "call-d", NOON),
        ],
    )
    land_spans(
        workspace,
        [
            span(1, midnight + timedelta(minutes=1), response_id="chatcmpl-a"),
            span(2, NOON + day, response_id="chatcmpl-b"),
            span(3, NOON + day + moment, response_id="chatcmpl-c"),
            span(4, NOON - day, response_id="chatcmpl-d"),
        ],
    )
    workspace.build()
    left_out = workspace.rows("select day, requests from fct_told_twice_day order by day")
    assert [(day.day, requests) for day, requests in left_out] == [(9, 1), (11, 2)]
    assert counted(workspace) == ["chatcmpl-a", "chatcmpl-b", "chatcmpl-c", "chatcmpl-d", "span 3"]


def test_three_sources_and_another_precedence(tmp_path: Path, workspace: Workspace) -> None:
    def land(into: Workspace) -> None:
        into.land_records("gateway", [payload("chatcmpl-1", "call-1")])
        own = request(source_record_id="own-log-1", response_id="chatcmpl-1", started_at=NOON.isoformat())
        into.land_records("own", [own])
        land_spans(into, [span(1, response_id="chatcmpl-1")])

    land(workspace)
    workspace.build()
    assert counted(workspace) == ["chatcmpl-1"]
    left_out = "select source, counted_from, requests from fct_told_twice_day order by 1"
    assert workspace.rows(left_out) == [("canonical", "litellm", 1), ("otlp", "litellm", 1)]

    changed = Workspace(tmp_path, sources=Sources(precedence=("otlp",)))
    built = changed.build()
    assert (built.kind, built.reason) == ("full", "models or settings changed")
    assert counted(changed) == ["span 1"]
    assert changed.rows(left_out) == [("canonical", "otlp", 1), ("litellm", "otlp", 1)]
    changed.control.close()


def test_retries_that_share_a_call_id_belong_to_the_gateway_as_a_whole(workspace: Workspace) -> None:
    failed = payload(None, "call-1", status="failure", prompt_tokens=0, completion_tokens=0, response_cost=0)
    answered = payload("chatcmpl-1", "call-1", NOON + timedelta(seconds=2))
    workspace.land_records("gateway", [failed, answered])
    land_spans(workspace, [span(1, call_id="call-1"), span(2, response_id="chatcmpl-1", call_id="call-1")])
    workspace.build()
    assert counted(workspace) == ["call-1", "chatcmpl-1"]
    assert workspace.rows("select sum(cost_pico) from fct_llm_request_priced") == [(210_000_000,)]


def test_another_response_under_the_same_call_id_is_another_attempt(workspace: Workspace) -> None:
    workspace.land_records("gateway", [payload("chatcmpl-1", "call-1")])
    land_spans(workspace, [span(1, response_id="chatcmpl-2", call_id="call-1")])
    workspace.build()
    assert counted(workspace) == ["chatcmpl-1", "span 1"]


def test_a_hit_of_the_gateways_cache_is_no_copy_of_its_original(workspace: Workspace) -> None:
    hit = payload("chatcmpl-1_cache_hit1", "call-2", NOON + timedelta(minutes=5), cache_hit=True, response_cost=0)
    workspace.land_records("gateway", [payload("chatcmpl-1", "call-1"), hit])
    own = request(
        source_record_id="own-hit", response_id="chatcmpl-1", is_gateway_cache_hit=True, started_at=NOON.isoformat()
    )
    workspace.land_records("own", [own, {**own, "source_record_id": "own-hit-2", "gateway_call_id": "call-2"}])
    workspace.build()
    assert counted(workspace) == ["chatcmpl-1", "chatcmpl-1_cache_hit1", "own-hit"]


def test_a_copy_stands_in_as_soon_as_the_original_is_another_call(workspace: Workspace) -> None:
    """The original's day is corrected and only that; the copy of the next day comes back, in an incremental build."""
    own = request(source_record_id="own-1", response_id="resp-1", started_at="2026-11-10T23:59:00Z")
    others = [
        request(source_record_id=f"other-{day}", started_at=f"2026-11-{day:02}T12:00:00Z") for day in range(1, 15)
    ]
    workspace.land_records("own", [own, *others])
    land_spans(workspace, [span(1, datetime(2026, 11, 11, 0, 1, tzinfo=UTC), response_id="resp-1")])
    workspace.build()
    assert len(counted(workspace)) == 15
    workspace.land_records("corrected", [{**own, "response_id": "resp-2", "observed_at": "2026-11-12T00:00:00Z"}])
    built = workspace.build()
    assert (built.kind, built.days) == ("incremental", 2)
    assert len(counted(workspace)) == 16
    assert "span 1" in counted(workspace)
    assert workspace.rows("from fct_told_twice_day") == []
    # And the other way round: the corrected id is taken back by a later version.
    workspace.land_records("again", [{**own, "observed_at": "2026-11-13T00:00:00Z"}])
    assert workspace.build().kind == "incremental"
    assert len(counted(workspace)) == 15
    assert "own-1" in counted(workspace)


@pytest.mark.parametrize(("kind", "who"), [("tenant", "acme"), ("user", "user-1")])
def test_an_erased_call_goes_from_every_log(workspace: Workspace, kind: str, who: str) -> None:
    own = [
        request(source_record_id=f"own-{n}", response_id=f"resp-{n}", started_at=NOON.isoformat(), **owner)
        for n, owner in enumerate([{}, {"tenant_id": "globex", "end_user_id": "user-2"}])
    ]
    workspace.land_records("own", own)
    land_spans(
        workspace, [span(1, NOON + timedelta(hours=13), response_id="resp-0"), span(2, response_id="resp-1"), span(3)]
    )
    workspace.build()
    assert counted(workspace) == ["own-0", "own-1", "span 3"]
    erased = erase(workspace.context, kind, who, "privacy@example.com")
    assert (dict(erased.rows), erased.days) == ({"llm_request": 2}, {"2026-11-10", "2026-11-11"})
    workspace.build()
    assert tenants(workspace) == ["globex", "unattributed"]
    workspace.build(full=True)
    assert tenants(workspace) == ["globex", "unattributed"]


def test_files_of_an_earlier_release_have_no_response_id_and_are_read_all_the_same(workspace: Workspace) -> None:
    workspace.land_records("gateway", [payload("chatcmpl-1", "call-1")])
    land_spans(workspace, [span(1, response_id="chatcmpl-1", call_id="call-1")])
    for path in (workspace.settings.data_dir / "lake" / "llm_request").rglob("*.parquet"):
        table = pq.ParquetFile(path).read()
        pq.write_table(table.drop_columns(["response_id"]), path)
    workspace.build()
    assert counted(workspace) == ["chatcmpl-1"]  # by the call id, which was there


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (
            '["litellm", "telemetry"]',
            "sources.precedence: unknown source telemetry; known: litellm, litellm_spend_logs",
        ),
        ('["otlp", "litellm", "otlp"]', "sources.precedence: otlp is there twice"),
    ],
)
def test_a_precedence_that_cannot_be_is_told(tmp_path: Path, named: str, said: str) -> None:
    (tmp_path / "margincall.toml").write_text(f"[sources]\nprecedence = {named}\n")
    with pytest.raises(SettingsError) as told:
        load_settings(tmp_path / "margincall.toml", environ={})
    assert said in str(told.value)


def test_sources_left_out_of_the_precedence_follow_in_the_default_order() -> None:
    settings = load_settings(environ={"MARGINCALL_SOURCES__PRECEDENCE": "otlp, canonical"})
    assert settings.sources.ranked[:4] == ("otlp", "canonical", "litellm", "litellm_spend_logs")
    assert (
        sorted(settings.sources.ranked)
        == sorted(Settings().sources.ranked)
        == sorted(set(Sources.model_fields) - {"precedence"})
    )


@pytest.mark.skipif("MARGINCALL_REAL_DATA" not in os.environ, reason="needs recorded gateway traffic")
def test_a_real_proxys_two_logs_count_every_attempt_once(workspace: Workspace) -> None:
    folder = Path(os.environ["MARGINCALL_REAL_DATA"]) / "litellm"
    workspace.land(folder / "standard_logging_payload.jsonl")
    workspace.build()
    alone = workspace.rows("select count(*), sum(cost_pico) from fct_llm_request_priced")
    assert alone[0][0] == 336
    workspace.land(folder / "spend_logs_db_rows.jsonl")
    workspace.build()
    assert workspace.rows("select count(*), sum(cost_pico) from fct_llm_request_priced") == alone
    assert workspace.rows("select source, counted_from, requests from fct_told_twice_day") == [
        ("litellm_spend_logs", "litellm", 296)
    ]


def _with_attributes(**texts: str) -> dict[str, Any]:
    export = copy.deepcopy(EXAMPLES["otlp"])
    attributes = export["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"]
    attributes += [{"key": key.replace("__", "."), "value": {"stringValue": text}} for key, text in texts.items()]
    return export


@pytest.mark.parametrize(
    ("source", "record", "response_id", "call_id"),
    [
        ("litellm", {}, "chatcmpl-1", "call-1"),
        ("litellm", {"id": "call-1"}, None, "call-1"),
        ("litellm", {"id": "chatcmpl-1_cache_hit1794312000.1", "cache_hit": True}, None, "call-1"),
        ("litellm_spend_logs", {"litellm_call_id": "call-1"}, "chatcmpl-1", "call-1"),
        ("litellm_spend_logs", {"litellm_call_id": "call-1", "request_id": "call-1"}, None, "call-1"),
        ("litellm_spend_logs", {"litellm_call_id": "call-1", "cache_hit": "True"}, None, "call-1"),
        ("openai_response", {"gateway_call_id": "call-1"}, "chatcmpl-1", "call-1"),
        ("openai_response", {"response_id": "chatcmpl-of-the-gateway"}, "chatcmpl-of-the-gateway", None),
        ("anthropic_message", {}, "msg_1", None),
        ("canonical", {"response_id": "msg_1", "gateway_call_id": "call-1"}, "msg_1", "call-1"),
        ("langfuse", {"id": "time-12-00-00-250000_chatcmpl-1"}, "chatcmpl-1", None),
        ("langfuse", {"id": "time-will-tell_1"}, None, None),
        ("helicone", {}, None, None),
        ("portkey", {}, None, None),
        ("otlp", _with_attributes(gen_ai__response__id="msg_1", litellm__call_id="call-1"), "msg_1", "call-1"),
        ("otlp", _with_attributes(gen_ai__response__id="call-1", litellm__call_id="call-1"), None, "call-1"),
    ],
)
def test_every_source_says_which_answer_it_was(
    workspace: Workspace, source: str, record: dict[str, Any], response_id: str | None, call_id: str | None
) -> None:
    path = workspace.root / "log.jsonl"
    path.write_text(json.dumps(EXAMPLES[source] | record) + "\n")
    assert workspace.land(path, source).state == "landed"
    (row,) = landed.rows(workspace, "source, response_id, gateway_call_id")
    assert row == {"source": source, "response_id": response_id, "gateway_call_id": call_id}
