"""From a raw record to a row: what each spelling means, and what sends a record to quarantine, to the unit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import pytest

from pipelines import sources
from pipelines.landing.lines import batch_of
from pipelines.landing.shape import Origin, shape_json
from tests.workspace import request

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def shaped(*lines: str) -> list[dict[str, Any]]:
    """Canonical records as rows, by line; `problem` is None for a good one."""
    source = sources.named("canonical")
    sql = shape_json(source, source.mapping, "lines", Origin("log.jsonl", "landing-1", "default"), NOW)
    database = engine()
    database.register("lines", batch_of(enumerate(lines, start=1)))
    found = database.execute(f"select * from ({sql}) order by source_line")
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@cache
def engine() -> duckdb.DuckDBPyConnection:
    database = duckdb.connect(config={"threads": 1})
    database.execute("set timezone = 'UTC'")
    return database


def row(**values: Any) -> dict[str, Any]:
    [found] = shaped(json.dumps(request(**values)))
    return found


def problem(**values: Any) -> str | None:
    return row(**values)["problem"]


def written(field: str, raw: str) -> dict[str, Any]:
    """A row whose field is this JSON text, character by character."""
    [found] = shaped(json.dumps(request(**{field: "@"})).replace('"@"', raw))
    return found


# --- what is a record ---


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "not valid JSON"),
        ('{"a": 1', "not valid JSON"),
        ('{"a": 1} {"a": 2}', "not valid JSON"),
        ('{"a": "\x00"}', "not valid JSON"),
        ("\x00", "not valid JSON"),
        ('{"a": "\\ud800"}', "not valid JSON"),
        ("[1, 2]", "not a JSON object"),
        ("1", "not a JSON object"),
        ("null", "not a JSON object"),
        ('"text"', "not a JSON object"),
    ],
)
def test_a_line_that_is_no_record_says_so_and_nothing_else(line: str, reason: str) -> None:
    [found] = shaped(line)
    assert found["problem"] == reason
    assert found["raw"] == line


@pytest.mark.parametrize("blank", ["", "\n", "\r\n", " \t\r\n"])
def test_a_blank_line_is_no_row(blank: str) -> None:
    assert shaped(blank) == []


def test_a_good_row_does_not_carry_its_raw_text() -> None:
    assert row()["raw"] is None


def test_a_line_may_end_in_any_way() -> None:
    line = json.dumps(request())
    assert [found["problem"] for found in shaped(line, line + "\n", line + "\r\n", f"  {line} ")] == [None] * 4


def test_nesting_of_any_depth_is_read_around() -> None:
    deep = '{"a":' * 20_000 + "1" + "}" * 20_000
    assert written("messages", deep)["problem"] is None


def test_a_text_with_a_nul_character_is_refused() -> None:
    # PostgreSQL stores none, and no model or tenant is called so.
    assert written("response_model", '"gpt\\u0000"')["problem"] == "a text holds a NUL character"


def test_of_two_equal_keys_the_first_counts() -> None:
    line = json.dumps(request(input_tokens=5))
    [found] = shaped(line[:-1] + ', "input_tokens": 7}')
    assert found["input_tokens"] == 5


# --- numbers ---


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("12", 12),
        ('"12"', 12),
        ('" 12 "', 12),
        ("12.0", 12),
        ("1.2e1", 12),
        ('"12.00"', 12),
        ("0", 0),
        ("null", None),
        ('""', None),
    ],
)
def test_a_count_may_be_a_number_or_its_text(raw: str, expected: int | None) -> None:
    found = written("tool_calls", raw)
    assert (found["problem"], found["tool_calls"]) == (None, expected)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("-1", " (-1)"),
        ("12.5", " (12.5)"),
        ("1e400", " (1e400)"),
        ("NaN", " (NaN)"),
        ("true", " (true)"),
        ("9999999999999999", " (9999999999999999)"),
        ("123456789012345678901234567890", ""),
        ('"twelve"', ""),
        ('"secret sentence"', ""),
        ("[1]", ""),
        ("{}", ""),
    ],
)
def test_any_other_count_is_refused_and_only_numbers_are_repeated(raw: str, shown: str) -> None:
    assert written("tool_calls", raw)["problem"] == f"tool_calls: not a whole number of at least 0{shown}"


def test_the_largest_count_has_fifteen_digits() -> None:
    assert written("tool_calls", "999999999999999")["tool_calls"] == 999_999_999_999_999
    assert written("tool_calls", "1000000000000000")["problem"] is not None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("0.0045", "0.0045"),
        ('"0.0045"', "0.0045"),
        ("5.1e-06", "0.0000051"),
        ('"5.1E-06"', "0.0000051"),
        ("-0.5", "-0.5"),
        ('".5"', "0.5"),
        ('"5."', "5"),
        ("1e25", "10000000000000000000000000"),
        ('"12345678901234.123456789012"', "12345678901234.123456789012"),
        ("1e-30", "0"),
        ('"0.0000000000004"', "0"),
        ('"0.0000000000005"', "0.000000000001"),
    ],
)
def test_money_of_any_spelling_is_exact_to_the_pico_dollar(raw: str, expected: str) -> None:
    found = written("cost_reported", raw)
    assert (found["problem"], found["cost_reported"]) == (None, Decimal(expected))


@pytest.mark.parametrize("raw", ["1e26", "1e99", "1e400", "NaN", "Infinity", "true", '"$5"', '"1,5"', '"1e"'])
def test_money_that_is_no_amount_or_too_large_is_refused_and_costs_only_its_row(raw: str) -> None:
    good = json.dumps(request())
    bad = json.dumps(request(cost_reported="@")).replace('"@"', raw)
    first, second = shaped(good, bad)
    assert first["problem"] is None
    assert second["problem"].startswith("cost_reported: not an amount of money")


@pytest.mark.parametrize("raw", ["1e12", "1e99", '"high"'])
def test_a_share_too_large_for_its_column_is_refused(raw: str) -> None:
    assert written("risk_score", raw)["problem"].startswith("risk_score: not a number")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("true", True), ('"True"', True), ("1", True), ("false", False), ('"FALSE"', False), ("0", False), ("null", None)],
)
def test_a_flag_may_be_a_boolean_a_number_or_a_text(raw: str, expected: bool | None) -> None:
    assert written("is_batch", raw)["is_batch"] is expected


def test_a_flag_that_is_neither_is_refused() -> None:
    assert written("is_batch", "2")["problem"] == "is_batch: not true or false (2)"
    assert written("is_batch", '"yes"')["problem"] == "is_batch: not true or false"


# --- times ---


@pytest.mark.parametrize(
    "text",
    ["2026-11-10T12:00:00Z", "2026-11-10 12:00:00", "2026-11-10T13:00:00+01:00", "2026-11-10T12:00:00.000000000Z"],
)
def test_an_instant_without_zone_is_utc(text: str) -> None:
    assert row(started_at=text, ended_at=text)["started_at"] == datetime(2026, 11, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["infinity", "-infinity", "yesterday", "2026-13-01", "2026-11-10T12:00:61Z"])
def test_what_is_no_instant_is_refused_and_costs_only_its_row(text: str) -> None:
    good = json.dumps(request())
    first, second = shaped(good, json.dumps(request(started_at=text, ended_at=None)))
    assert first["problem"] is None
    assert second["problem"].startswith("started_at: not an ISO 8601 time")


def test_seconds_since_1970_are_no_instant_of_the_canonical_record() -> None:
    assert written("started_at", "1794312000")["problem"].startswith("started_at: not an ISO 8601 time (1794312000)")


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00Z", "2014-12-31T23:59:59.999999Z", "0001-01-01"])
def test_a_start_before_2015_is_a_clock_gone_wrong(text: str) -> None:
    assert problem(started_at=text, ended_at=None) == "started_at: before 2015"


def test_the_first_instant_of_2015_is_taken() -> None:
    assert problem(started_at="2015-01-01T00:00:00Z", ended_at=None) is None


@pytest.mark.parametrize("column", ["started_at", "ended_at", "observed_at"])
def test_an_hour_into_the_future_is_taken_and_a_microsecond_more_is_not(column: str) -> None:
    def at(moment: datetime) -> str | None:
        values = {"started_at": "2026-11-10T12:00:00Z", "ended_at": None, column: moment.isoformat()}
        return problem(**values)

    latest = NOW + timedelta(hours=1)
    assert at(latest) is None
    assert at(latest + timedelta(microseconds=1)) == f"{column}: more than an hour in the future"


def test_a_request_may_end_when_it_starts_and_not_before() -> None:
    started = "2026-11-10T12:00:00.000001Z"
    assert problem(started_at=started, ended_at=started) is None
    assert problem(started_at=started, ended_at="2026-11-10T12:00:00Z") == "ended_at: before started_at"


def test_the_day_is_that_of_the_start_in_utc() -> None:
    assert str(row(started_at="2026-11-10T23:59:59.999999Z", ended_at="2026-11-11T00:00:01Z")["day"]) == "2026-11-10"
    assert str(row(started_at="2026-11-11T00:30:00+01:00", ended_at=None)["day"]) == "2026-11-10"


def test_the_record_key_knows_the_start_to_the_millisecond() -> None:
    def key(started: str) -> str:
        return row(source_record_id="r1", started_at=started, ended_at=None)["record_key"]

    assert key("2026-11-10T12:00:00.001Z") == key("2026-11-10T12:00:00.001499Z")
    assert key("2026-11-10T12:00:00.001500Z") == key("2026-11-10T12:00:00.002Z")
    assert key("2026-11-10T12:00:00.001Z") != key("2026-11-10T12:00:00.002Z")


def test_versions_are_ordered_by_the_source_s_time_else_the_end_else_the_start() -> None:
    started, ended, observed = "2026-11-10T12:00:00+00:00", "2026-11-10T12:00:05+00:00", "2026-11-10T13:00:00+00:00"
    assert row(started_at=started, ended_at=ended, observed_at=observed)["version_at"].isoformat() == observed
    assert row(started_at=started, ended_at=ended)["version_at"].isoformat() == ended
    assert row(started_at=started, ended_at=None)["version_at"].isoformat() == started


# --- token counts that contradict each other ---


@pytest.mark.parametrize(
    ("most", "reason"),
    [
        ({"cache_read_input_tokens": 600, "cache_creation_input_tokens": 400}, "cache tokens exceed input_tokens"),
        ({"cache_read_input_tokens": 1000}, "cache tokens exceed input_tokens"),
        ({"reasoning_output_tokens": 100}, "reasoning_output_tokens exceed output_tokens"),
        ({"input_audio_tokens": 900, "input_image_tokens": 100}, "audio and image tokens exceed input_tokens"),
        ({"output_image_tokens": 60, "output_audio_tokens": 40}, "audio and image tokens exceed output_tokens"),
        (
            {
                "cache_creation_5m_input_tokens": 300,
                "cache_creation_1h_input_tokens": 200,
                "cache_creation_input_tokens": 500,
            },
            "cache_creation 5m and 1h exceed cache_creation_input_tokens",
        ),
    ],
)
def test_a_part_may_be_the_whole_and_one_token_more_may_not(most: dict[str, int], reason: str) -> None:
    assert problem(**most) is None
    first = next(iter(most))
    assert problem(**most | {first: most[first] + 1}) == reason


def test_parts_of_no_count_at_all_exceed_it() -> None:
    assert problem(input_tokens=None, cache_read_input_tokens=1) == "cache tokens exceed input_tokens"


@pytest.mark.parametrize("column", ["input_tokens", "output_tokens"])
def test_a_billion_tokens_are_taken_and_one_more_is_not(column: str) -> None:
    assert problem(**{column: 1_000_000_000}) is None
    assert problem(**{column: 1_000_000_001}) == "more than a billion tokens in one request"


def test_at_most_three_reasons_are_told() -> None:
    found = problem(tool_calls=-1, retrieval_chunks=-1, is_batch="maybe", status="odd")
    assert found is not None
    assert found.count(";") == 2


# --- what a canonical record may leave out ---


def test_the_short_record_of_everyday_names_is_a_canonical_record() -> None:
    short = {
        "request_id": "r1",
        "user_id": "u1",
        "workspace_id": "w1",
        "feature": "search",
        "model": "gpt-4o",
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_hit": True,
        "latency_ms": 250,
        "cost_usd": 0.25,
        "timestamp": "2026-11-10T12:00:00Z",
    }
    [found] = shaped(json.dumps(short))
    assert found["problem"] is None
    assert (found["tenant_id"], found["end_user_id"], found["request_model"]) == ("w1", "u1", "gpt-4o")
    assert (found["cost_reported"], found["cost_currency"]) == (Decimal("0.25"), "USD")
    assert found["ended_at"] == datetime(2026, 11, 10, 12, 0, 0, 250_000, tzinfo=UTC)
    assert (found["status"], found["operation_name"], found["is_gateway_cache_hit"]) == ("ok", "chat", True)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("source_record_id", "source_record_id (or request_id): missing"),
        ("started_at", "started_at (or timestamp): missing"),
        ("response_model", "response_model (or model): missing"),
    ],
)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_what_every_record_needs_may_not_be_empty(missing: str, reason: str, value: str | None) -> None:
    assert problem(**{missing: value, "ended_at": None}) == reason


def test_no_tenant_is_the_unattributed_one() -> None:
    assert row(tenant_id=None)["tenant_id"] == "unattributed"


def test_no_tokens_at_all_is_usage_that_is_missing() -> None:
    assert row(input_tokens=None, output_tokens=0)["usage_quality"] == "missing"
    assert row(input_tokens=None, output_tokens=1)["usage_quality"] == "reported"
