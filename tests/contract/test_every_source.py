"""What every log source promises, whoever writes the next one: add its file, and an example of its records here."""

from __future__ import annotations

import csv
import importlib
import io
import json
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipelines import settings, sources
from pipelines.landing.explain import explain_file
from pipelines.landing.replay import listed
from pipelines.sources import Fields, Source
from tests.workspace import Workspace, request
from warehouse.schemas import REQUEST

Record = dict[str, Any]
SECRET = "Zwiebelkuchen"  # one word, as a password is; it may not pass for a name or a number either

EXAMPLES: dict[str, Record] = {
    "canonical": request(tags=["env:prod"], task_id="t-1"),
    "litellm": {
        "id": "chatcmpl-1",
        "litellm_call_id": "call-1",
        "trace_id": "trace-1",
        "call_type": "acompletion",
        "status": "failure",
        "model": "anthropic/claude-sonnet-4-5",
        "model_group": "claude-sonnet-4-5",
        "custom_llm_provider": "anthropic",
        "startTime": 1794312000.25,
        "endTime": 1794312001.25,
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "response_cost": 0.0045,
        "cost_breakdown": {"margin_total_amount": 0.0},
        # Read, as it decides the status, and not kept.
        "error_information": {"error_class": "ValueError", "error_message": f"crossed budget {SECRET}"},
        "error_str": SECRET,
        "request_tags": ["env:prod"],
        "hidden_params": {"additional_headers": {"x-litellm-attempted-retries": 0}},
        "metadata": {"usage_object": {"prompt_tokens_details": {"cached_tokens": 0}}, "spend_logs_metadata": {}},
    },
    "litellm_spend_logs": {
        "request_id": "chatcmpl-1",
        "call_type": "acompletion",
        "startTime": "2026-11-10T12:00:00.250",
        "endTime": "2026-11-10T12:00:01.250",
        "spend": 0.0045,
        "status": "failure",
        "cache_hit": "False",
        "model": "anthropic/claude-sonnet-4-5",
        "model_group": "claude-sonnet-4-5",
        "custom_llm_provider": "anthropic",
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "end_user": "acme",
        "request_tags": ["env:prod"],
        "metadata": {
            "usage_object": {"prompt_tokens": 1000, "completion_tokens": 100},
            # Read, as it decides the status, and not kept; what stands beside it is not even read.
            "error_information": {"error_class": "ValueError", "error_message": f"crossed budget {SECRET}"},
            "requester_ip_address": SECRET,
            "spend_logs_metadata": {"prompt": SECRET},
        },
    },
    "helicone": {
        "request_id": "5f8d1c2e-0001-4000-8000-000000000001",
        "response_id": "5f8d1c2e-0002-4000-8000-000000000002",
        "request_created_at": "2026-11-10 12:00:00.250",
        "response_created_at": "2026-11-10 12:00:01.250",
        "updated_at": "2026-11-10 12:00:05.000",
        "latency": 1000,
        "status": 200,
        "provider": "ANTHROPIC",
        "model": "claude-sonnet-4-5",
        "prompt_tokens": 400,
        "completion_tokens": 100,
        "prompt_cache_read_tokens": 600,
        "cost": 4500000,
        "user_id": "acme",
        "properties": {"feature": "support_reply", "Note": SECRET},
    },
    "portkey": {
        "id": "log-1",
        "trace_id": "trace-1",
        "created_at": "2026-11-10T12:00:00.250Z",
        "is_success": True,
        "ai_org": "anthropic",
        "ai_model": "claude-sonnet-4-5",
        "req_units": 1000,
        "res_units": 100,
        "cost": 0.45,
        "cost_currency": "USD",
        "response_time": 1000,
        "metadata": {"_user": "acme"},
    },
    "openai_response": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1794312000,
        "model": "claude-sonnet-4-5",
        "choices": [{"message": {"content": SECRET}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 600}},
        "tenant_id": "acme",
    },
    "anthropic_message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": SECRET}],
        "usage": {"input_tokens": 400, "output_tokens": 100, "cache_read_input_tokens": 600},
        "started_at": "2026-11-10T12:00:00.250Z",
        "latency_ms": 1000,
        "tenant_id": "acme",
    },
    "langfuse": {
        "id": "obs-1",
        "trace_id": "trace-1",
        "project_id": "project-1",
        "type": "GENERATION",
        "start_time": "2026-11-10 12:00:00.250000",
        "end_time": "2026-11-10 12:00:01.250000",
        "input": SECRET,
        "output": SECRET,
        "status_message": SECRET,
        "metadata": {"tenant_id": "acme", "note": SECRET},
        "provided_model_name": "claude-sonnet-4-5",
        "usage_details": {"input": 400, "input_cached_tokens": 600, "output": 100, "total": 1100},
        "total_cost": 0.0045,
    },
    "otlp": {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "host.name", "value": {"stringValue": SECRET}}]},
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "5B8EFFF798038103D269B633813FC60C",
                                "spanId": "EEE19B7EC3C1B174",
                                "name": SECRET,
                                "startTimeUnixNano": "1794312000250000000",
                                "attributes": [
                                    {"key": "gen_ai.request.model", "value": {"stringValue": "claude-sonnet-4-5"}},
                                    {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "1000"}},
                                    {"key": "gen_ai.input.messages", "value": {"stringValue": SECRET}},
                                ],
                                "events": [{"name": SECRET, "attributes": []}],
                                "status": {"message": SECRET},
                            }
                        ]
                    }
                ],
            }
        ]
    },
}
NUMBER = {
    "canonical": "input_tokens",
    "litellm": "prompt_tokens",
    "litellm_spend_logs": "prompt_tokens",
    "helicone": "prompt_tokens",
    "portkey": "req_units",
    "openai_response": "created",
    "anthropic_message": "latency_ms",
    "langfuse": "total_cost",
    "otlp": "resourceSpans",
}
"""A field that holds a number, or what else cannot be a text."""


TABLES = [source for source in sources.discover().values() if set(source.formats) & {"csv", "parquet"}]


@pytest.fixture(params=sorted(sources.discover()))
def source(request: pytest.FixtureRequest) -> Source:
    return sources.named(request.param)


def test_every_source_has_an_example() -> None:
    assert set(EXAMPLES) == set(NUMBER) == set(sources.discover())


def test_a_source_is_called_what_its_file_is_called_and_is_described(source: Source) -> None:
    module = importlib.import_module(f"pipelines.sources.{source.name}")
    assert module.SOURCE is source
    assert module.__doc__
    assert source.title


def test_a_source_s_columns_are_canonical_columns(source: Source) -> None:
    columns = source.read(Fields(), source.mapping).keys()
    assert columns <= {column.name for column in REQUEST} | {"source_record_id", "observed_at"}
    assert columns >= {column.name for column in REQUEST if column.required}


def test_what_companies_log_differently_can_be_set(source: Source) -> None:
    assert source.name in settings.Sources.model_fields
    assert set(source.mapping) == set(settings.Mapping.model_fields)


def test_a_source_knows_its_own_records_and_no_other_s(source: Source) -> None:
    assert source.recognise(EXAMPLES[source.name])
    assert not any(source.recognise(record) for name, record in EXAMPLES.items() if name != source.name)
    assert not source.recognise({})


def test_a_record_with_the_signs_alone_is_recognised(source: Source) -> None:
    signs = set(re.findall(r"`(\w+)`", source.signs))
    assert source.recognise({key: value for key, value in EXAMPLES[source.name].items() if key in signs})


def test_a_source_s_example_lands(source: Source, workspace: Workspace) -> None:
    result = workspace.land_records("log", [EXAMPLES[source.name]])
    assert (result.source, result.counts.landed) == (source.name, 1)


def test_nothing_that_a_source_does_not_name_is_kept(source: Source, workspace: Workspace) -> None:
    result = workspace.land_records("log", [_planted(source, EXAMPLES[source.name])])
    assert (result.counts.landed, result.counts.quarantined) == (1, 0)
    assert_nowhere(workspace)


Spoil = Callable[[Source, Record], bytes]


def _wrong_number(source: Source, record: Record) -> bytes:
    return _line(record | {NUMBER[source.name]: SECRET})


def _wrong_kind(source: Source, record: Record) -> bytes:
    return _line(record | dict.fromkeys(source.objects, SECRET) | {NUMBER[source.name]: [SECRET]})


def _no_object(_source: Source, _record: Record) -> bytes:
    return _line([SECRET])


def _cut_short(_source: Source, record: Record) -> bytes:
    return _line(record)[:-20] + b"\n"


def _no_utf8(_source: Source, record: Record) -> bytes:
    return _line(record).replace(SECRET.encode(), SECRET.encode() + b"\xff", 1)


def _too_long(_source: Source, record: Record) -> bytes:
    return _line(record | {"padding": SECRET * 2000})


def _unfinished(_source: Source, record: Record) -> bytes:
    return _line(record)[:-20]


@pytest.mark.parametrize(
    "spoil", [_wrong_number, _wrong_kind, _no_object, _cut_short, _no_utf8, _too_long, _unfinished]
)
def test_the_quarantine_of_a_spoiled_record_says_nothing_of_its_content(
    source: Source, spoil: Spoil, tmp_path: Path
) -> None:
    with opened(tmp_path, landing={"max_line_bytes": 20_000}) as workspace:
        good, bad = _line(EXAMPLES[source.name]), spoil(source, _planted(source, EXAMPLES[source.name]))
        path = tmp_path / "log.jsonl"
        path.write_bytes(good + bad)
        result = workspace.land(path)
        assert (result.counts.landed, result.counts.quarantined) == (1, 1)
        assert_nowhere(workspace)


def test_an_array_that_breaks_off_says_nothing_of_its_content(source: Source, workspace: Workspace) -> None:
    path = workspace.root / "log.json"
    text = json.dumps([EXAMPLES[source.name], _planted(source, EXAMPLES[source.name])])
    path.write_text(text[:-20])
    result = workspace.land(path)
    assert (result.counts.landed, result.counts.quarantined) == (1, 1)
    assert_nowhere(workspace)


@pytest.mark.parametrize("value", [{"prompt": SECRET}, [{"role": "user", "content": SECRET}]], ids=["object", "array"])
def test_no_text_that_a_source_reads_may_be_an_object_or_an_array(
    source: Source, value: Any, workspace: Workspace
) -> None:
    """It could hold a whole prompt: none is stored, however many of them a logger writes."""
    good, paths = EXAMPLES[source.name], _texts(source)
    assert len(paths) > 10
    result = workspace.land_records("log", [good, *(_with(source, good, path, value) for path in paths)])
    assert (result.counts.landed, result.counts.quarantined) == (1, len(paths))
    what = "an object" if isinstance(value, dict) else "an array"
    quarantined = listed(workspace.settings)
    # A row of no kind that a source knows is refused as that; what it is was read where a text should have been.
    told = [row.reason for row in quarantined if f"{what}, not a text" in row.reason or "no record of" in row.reason]
    assert len(told) == len(paths), [row.reason for row in quarantined]
    assert_nowhere(workspace)


def test_a_mapped_path_that_holds_an_object_is_refused(source: Source, tmp_path: Path) -> None:
    path = {"helicone": "properties.who", "langfuse": "metadata.who", "litellm_spend_logs": "metadata.who"}.get(
        source.name, "who"
    )
    with opened(tmp_path, sources={source.name: {"tenant_id": [path]}}) as workspace:
        good = EXAMPLES[source.name]
        # As what it is, and as the text of it.
        secrets = [{"text": SECRET}, [SECRET], json.dumps({"text": SECRET}), f' ["{SECRET}"]', "{}", "[]"]
        rows = [_with(source, good, path, value) for value in ("acme", "{acme", "[a] and b", *secrets)]
        result = workspace.land_records("log", rows)
        assert (result.counts.rows_in, result.counts.quarantined) == (9, 6)
        reasons = {row.reason for row in listed(workspace.settings)}
        assert reasons == {f"{path}: an object, not a text", f"{path}: an array, not a text"}
        assert_nowhere(workspace)


def test_explaining_shows_three_records_before_and_after_and_what_is_mostly_missing(
    source: Source, tmp_path: Path
) -> None:
    with opened(tmp_path, sources={source.name: {"tenant_id": ["nowhere"]}}) as workspace:
        path = tmp_path / "log.json"
        path.write_text(json.dumps([_planted(source, EXAMPLES[source.name])] * 4))
        explanation = explain_file(workspace.settings, path)
        console = Console(record=True, width=200, file=io.StringIO())
        explanation.print_to(console)
        assert (explanation.container, explanation.rows, explanation.refused) == ("array", 4, 0)
        assert len(explanation.before) == len(explanation.after) == 3
        assert all(len(before) >= 5 for before in explanation.before)
        assert explanation.after[2]["response_model"].endswith("claude-sonnet-4-5")
        assert explanation.filled["started_at"] == 1
        assert "tenant_id" not in explanation.filled
        assert explanation.warnings[0].startswith("tenant_id is filled in 0% of the rows only")
        told = console.export_text() + json.dumps(explanation.as_data(), default=str)
        assert "as written" in told
        assert SECRET not in told
        assert not list(workspace.settings.data_dir.rglob("*.parquet"))


@pytest.mark.parametrize("source", TABLES, ids=lambda source: source.name)
def test_no_text_of_a_table_may_be_an_object_or_an_array(source: Source, tmp_path: Path) -> None:
    flat = {key: value for key, value in EXAMPLES[source.name].items() if isinstance(value, str | int | float)}
    with opened(tmp_path, sources={source.name: {"tenant_id": ["who"]}}) as workspace:
        cells = ["acme", "{acme", "[a] and b", json.dumps({"text": SECRET}), f' ["{SECRET}"]']
        with (tmp_path / "log.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([[*flat, "who"], *[[*flat.values(), cell] for cell in cells]])
        counts = workspace.land(tmp_path / "log.csv").counts
        assert (counts.rows_in, counts.quarantined) == (5, 2)
        for number, value in enumerate(({"text": SECRET}, [SECRET], [{"text": SECRET}])):
            path = tmp_path / f"log{number}.parquet"
            texts = {key: str(item) for key, item in flat.items()}
            pq.write_table(pa.Table.from_pylist([texts | {"who": None}, texts | {"who": value}]), path)
            counts = workspace.land(path).counts
            assert (counts.rows_in, counts.quarantined) == (2, 1)
        reasons = [row.reason for row in listed(workspace.settings)]
        assert sorted(reasons) == ["who: an array, not a text"] * 3 + ["who: an object, not a text"] * 2
        assert_nowhere(workspace)


@pytest.mark.parametrize("source", TABLES, ids=lambda source: source.name)
def test_explaining_a_table_shows_its_rows_before_and_after(source: Source, workspace: Workspace) -> None:
    flat = {key: value for key, value in EXAMPLES[source.name].items() if isinstance(value, str | int | float)}
    path = workspace.root / "log.csv"
    path.write_text("\n".join([",".join([*flat, "messages"]), *[",".join([*map(str, flat.values()), SECRET])] * 2]))
    explanation = explain_file(workspace.settings, path)
    assert (explanation.container, explanation.rows) == ("csv", 2)
    written = {key: str(value) for key, value in flat.items()}
    assert len(explanation.before) == 2
    for before in explanation.before:
        assert len(before) > 5
        # A text that is read and not kept shows as its length.
        assert all(text in (written[key], f"<text {len(written[key])}>") for key, text in before.items())
    assert SECRET not in str(explanation.as_data())


def _texts(source: Source) -> list[str]:
    """Every path whose text may end up in a row, also those inside a column that holds JSON."""
    fields = Fields()
    source.read(fields, source.mapping)
    source.natural_id(fields)
    inside = {f"{column}.{path}" for column, paths in fields.inside.items() for path in paths}
    return [*fields.texts, *sorted(path for path in inside if path.rpartition(".")[2] in source.mapping)]


def _with(source: Source, record: Record, path: str, value: Any) -> Record:
    """A copy of the record with the value at a path; what stands at other paths of the same name goes."""
    copied = json.loads(json.dumps(record))
    if source.name != "otlp":
        inner, *keys = copied, *path.split(".")
        for key in keys[:-1]:
            if not isinstance(inner.get(key), dict):
                inner[key] = {}
            inner = inner[key]
        inner[keys[-1]] = value
        return copied
    span = copied["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    head, _, name = path.partition(".")
    if head == "span":
        span.update({"status": {"code": value}} if name == "status.code" else {name: value})
    else:
        span["attributes"].insert(0, {"key": path, "value": _attribute(value)})
    return copied


def _attribute(value: Any) -> Record:
    """OTLP's AnyValue."""
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": _attribute(item)} for key, item in value.items()]}}
    return (
        {"arrayValue": {"values": [_attribute(item) for item in value]}}
        if isinstance(value, list)
        else {"stringValue": value}
    )


@pytest.mark.parametrize("source", TABLES, ids=lambda source: source.name)
def test_a_table_s_other_columns_and_bad_rows_are_not_kept(source: Source, workspace: Workspace) -> None:
    flat = {key: value for key, value in EXAMPLES[source.name].items() if isinstance(value, str | int | float)}
    good = flat | {"messages": SECRET, "response": SECRET}
    bad = good | {NUMBER[source.name]: SECRET}
    if "csv" in source.formats:
        lines = [
            ",".join(good),
            *(",".join(map(str, row.values())) for row in (good, bad)),
            f"{SECRET},x",
            f'"{SECRET}',
        ]
        path = workspace.root / "log.csv"
        path.write_text("\n".join(lines))
        counts = workspace.land(path).counts
        assert (counts.rows_in, counts.landed, counts.quarantined) == (4, 1, 3)
    if "parquet" in source.formats:
        text = [{key: str(value) for key, value in row.items()} for row in (good, bad)]
        path = workspace.root / "log.parquet"
        pq.write_table(pa.Table.from_pylist(text), path)
        counts = workspace.land(path).counts
        assert (counts.rows_in, counts.landed, counts.quarantined) == (2, 1, 1)
    assert_nowhere(workspace)


def test_kept_bytes_are_kept_only_where_the_settings_say_so(tmp_path: Path) -> None:
    with opened(tmp_path, landing={"keep_quarantined_bytes": True}) as workspace:
        source = sources.named("canonical")
        path = tmp_path / "log.jsonl"
        path.write_bytes(_line(EXAMPLES["canonical"]) + _wrong_number(source, EXAMPLES["canonical"]))
        workspace.land(path)
        assert SECRET.encode() in b"".join(_stored(workspace.settings.data_dir))


def _planted(source: Source, record: Record) -> Record:
    """The record with the secret in a field of every object that the source does not read, and in whole subtrees."""
    listed = Fields()
    source.read(listed, source.mapping)
    source.natural_id(listed)
    extra: Record = {
        "messages": [{"role": "user", "content": SECRET}],
        "response": {"choices": [{"message": {"content": SECRET, "tool_calls": [{"arguments": SECRET}]}}]},
        "headers": {"authorization": f"Bearer {SECRET}", "x-forwarded-for": SECRET},
        "api_base": SECRET,
        "traceback": SECRET,
    }

    def plant(value: Any, path: str) -> Any:
        if not isinstance(value, dict) or path in listed.paths:
            return value
        prefix = f"{path}." if path else ""
        unread = {key: item for key, item in extra.items() if f"{prefix}{key}" not in listed.paths}
        assert unread, "a source that reads messages and headers is none"
        return {key: plant(item, f"{prefix}{key}") for key, item in value.items()} | unread

    return plant(record, "")


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


@contextmanager
def opened(root: Path, **changes: Any) -> Generator[Workspace]:
    workspace = Workspace(root, **changes)
    try:
        yield workspace
    finally:
        workspace.control.close()


def _stored(folder: Path) -> Iterator[bytes]:
    """Every byte under the folder as it stands there, and every value and name of its Parquet files unpacked."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.read_bytes()
            yield str(path.relative_to(folder)).encode()
        if path.suffix == ".parquet":
            table = pq.ParquetFile(path).read()
            yield repr((table.schema.metadata, table.column_names)).encode()
            yield repr(table.to_pylist()).encode()


def assert_nowhere(workspace: Workspace) -> None:
    """The secret stands nowhere in the data folder, and the model's name does: so one would have found it."""
    stored = [piece.lower() for piece in _stored(workspace.settings.data_dir)]
    assert any(b"claude-sonnet-4-5" in piece for piece in stored)
    assert not any(SECRET.lower().encode() in piece for piece in stored)
