"""What a file is, told by its content, and messages that say what was seen and what is known."""

from __future__ import annotations

import codecs
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.landing.detect import UnknownFormat, detect
from pipelines.sources import UnknownSource

RECORD = {"request_id": "r1", "timestamp": "2026-11-10T12:00:00Z", "model": "m", "input_tokens": 1, "output_tokens": 2}
LINE = json.dumps(RECORD)
PRETTY = json.dumps(RECORD, indent=2)
KNOWN = "anthropic_message, canonical, helicone, langfuse, litellm, litellm_spend_logs, openai_response, otlp, portkey"


def found(tmp_path: Path, content: str | bytes, name: str = "log.json", source: str | None = None) -> str | None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    detected = detect(path, source)
    return None if detected is None else f"{detected.source.name} {detected.container}"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (LINE + "\n" + LINE + "\n", "canonical lines"),
        (LINE, "canonical lines"),
        ("\n\n" + LINE + "\n", "canonical lines"),
        ("not JSON\n" + LINE + "\n", "canonical lines"),
        (LINE + " rubbish\n" + LINE + "\n", "canonical lines"),
        ("{}\n" + LINE + "\n", "canonical lines"),
        (LINE[:-5] + "\n" + LINE + "\n", "canonical lines"),
        (LINE + LINE + "\n", "canonical document"),
        (PRETTY, "canonical document"),
        (PRETTY + "\n" + PRETTY, "canonical document"),
        (PRETTY.replace("{\n", "{", 1), "canonical document"),
        (f"[{LINE}, {LINE}]", "canonical array"),
        (f"[\n{PRETTY},\n{PRETTY}\n]", "canonical array"),
        (f"[{LINE}, {LINE[:20]}", "canonical array"),
        ("", None),
        (" \n\r\n", None),
    ],
)
def test_the_container_is_told_by_the_content(tmp_path: Path, content: str, expected: str | None) -> None:
    assert found(tmp_path, content) == expected
    assert found(tmp_path, codecs.BOM_UTF8 + content.encode()) == expected
    assert found(tmp_path, gzip.compress(content.encode())) == expected


def test_a_first_record_longer_than_the_sample_is_known_by_its_first_keys(tmp_path: Path) -> None:
    long = RECORD | {"messages": "x" * (2 << 20)}
    assert found(tmp_path, json.dumps([long])) == "canonical array"
    assert found(tmp_path, json.dumps(long)) == "canonical lines"
    hidden = {"messages": "x" * (2 << 20)} | RECORD
    with pytest.raises(UnknownFormat, match="first record: messages"):
        found(tmp_path, json.dumps([hidden]))
    assert found(tmp_path, json.dumps([hidden]), source="canonical") == "canonical array"


@pytest.mark.parametrize(
    "first",
    [
        "{}{}", '{"a": 1}{"a": 2}', LINE + LINE, '[{"a": 1}]', f"[{LINE}, {LINE}]", "[INFO] the proxy starts",
        "\n \n[1, 2]\n{", "not JSON\n" * 300,
    ],
)  # fmt: skip
def test_an_odd_beginning_does_not_hide_the_rest(tmp_path: Path, first: str) -> None:
    assert found(tmp_path, f"{first}\n{LINE}\n{LINE}\n{LINE}\n") == "canonical lines"


def test_records_that_say_nothing_do_not_hide_those_behind_them(tmp_path: Path) -> None:
    assert found(tmp_path, f'{{"a": 1}}{{"a": 2}}{LINE}') == "canonical document"
    assert found(tmp_path, f'[{{"a": 1}}, 7, "text", {LINE}]') == "canonical array"


def test_the_source_of_most_records_is_chosen_and_the_reason_says_of_how_many(tmp_path: Path) -> None:
    portkey = json.dumps({"id": "1", "created_at": "2026-11-10T12:00:00Z", "req_units": 1, "res_units": 2})
    path = tmp_path / "log.jsonl"
    path.write_text(f'{{"a": 1}}\n{portkey}\n{LINE}\n{LINE}\n')
    detected = detect(path)
    assert detected is not None
    assert (detected.source.name, detected.why) == (
        "canonical",
        "has input_tokens, output_tokens, request_id, timestamp; 2 of the first 4 records",
    )
    path.write_text(f"{LINE}\n")
    detected = detect(path)
    assert detected is not None
    assert detected.why == "has input_tokens, output_tokens, request_id, timestamp"


def test_csv_and_parquet_are_told_by_name_and_by_magic(tmp_path: Path) -> None:
    text = ",".join(RECORD) + "\n" + ",".join(map(str, RECORD.values())) + "\n"
    assert found(tmp_path, text, "log.csv") == "canonical csv"
    assert found(tmp_path, gzip.compress(text.encode()), "log.csv.gz") == "canonical csv"
    pq.write_table(pa.Table.from_pylist([RECORD]), tmp_path / "log.bin")
    assert found(tmp_path, (tmp_path / "log.bin").read_bytes(), "log.bin") == "canonical parquet"


def test_an_unknown_format_says_what_was_seen_and_lists_the_sources(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat) as caught:
        found(tmp_path, '{"colour": "red", "size": 2}\n')
    assert str(caught.value) == (
        f"{tmp_path / 'log.json'}: no known log format (first record: colour, size). "
        f"Tried: {KNOWN}; name one with --source if you know better."
    )
    with pytest.raises(
        UnknownFormat, match="Tried: canonical, helicone, langfuse, litellm_spend_logs; name one with --source"
    ):
        found(tmp_path, "colour,size\nred,2\n", "log.csv")


@pytest.mark.parametrize(
    "content", [b"\x00\xff\xfe garbage \x80" * 50, b"PK\x03\x04" + bytes(200), b"hello\nworld\n", b"[1, 2]"]
)
def test_garbage_is_an_unknown_format(tmp_path: Path, content: bytes) -> None:
    for name in ("log.json", "log.csv"):
        with pytest.raises(UnknownFormat, match="no known log format"):
            found(tmp_path, content, name)


@pytest.mark.parametrize(
    "content", [gzip.compress(LINE.encode(), mtime=0)[:10], b"\x1f\x8bnot gzip at all", b"\x28\xb5\x2f\xfd\x00"]
)
def test_a_packed_file_damaged_from_its_start_is_not_taken_for_an_empty_one(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnknownFormat, match="damaged or cut short"):
        found(tmp_path, content)


def test_an_empty_packed_file_is_an_empty_file(tmp_path: Path) -> None:
    assert found(tmp_path, gzip.compress(b"")) is None


def test_a_parquet_file_cut_short_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([RECORD]), tmp_path / "whole")
    with pytest.raises(UnknownFormat, match="a Parquet file that is damaged or cut short"):
        found(tmp_path, (tmp_path / "whole").read_bytes()[:-10], "log.parquet")


def test_a_named_source_is_taken_at_its_word(tmp_path: Path) -> None:
    assert found(tmp_path, '{"colour": "red"}\n', source="litellm") == "litellm lines"


def test_a_named_source_that_does_not_read_the_container_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match=r"log\.csv: is csv; source litellm reads json\."):
        found(tmp_path, "a,b\n1,2\n", "log.csv", source="litellm")


def test_an_unknown_source_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownSource, match=rf"Unknown source 'lite_llm'\. Known sources: {KNOWN}\."):
        found(tmp_path, LINE, source="lite_llm")
