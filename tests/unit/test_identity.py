"""The same file is the same bytes; a growing log is the same file as far as its complete lines go."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from pipelines.landing.identity import grows, head_hash, identify, newlines, stamp


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def test_a_log_is_known_by_its_complete_lines(log: Path) -> None:
    log.write_bytes(b'{"a":1}\n{"a":2}\n{"a":')
    found = identify(log, growing=True)
    assert (found.stop, found.sha256, found.tail) == (16, sha(b'{"a":1}\n{"a":2}\n'), b'{"a":')


def test_a_complete_last_record_needs_no_newline(log: Path) -> None:
    log.write_bytes(b'{"a":1}\n{"a":2}')
    found = identify(log, growing=True)
    assert (found.stop, found.tail) == (15, b"")


@pytest.mark.parametrize("tail", [b"", b"  ", b"\r"])
def test_blanks_at_the_end_wait_for_nothing(log: Path, tail: bytes) -> None:
    log.write_bytes(b'{"a":1}\n' + tail)
    assert identify(log, growing=True).tail == b""


def test_a_last_record_nested_deeper_than_can_be_parsed_is_complete_if_it_closes(log: Path) -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    log.write_bytes(deep)
    assert identify(log, growing=True).tail == b""
    log.write_bytes(deep[:-50_001])
    assert identify(log, growing=True).tail != b"" or log.read_bytes().endswith(b"}")


def test_an_unfinished_line_longer_than_a_block_is_found_whole(log: Path) -> None:
    log.write_bytes(b'{"a":1}\n{"a":"' + b"x" * (3 << 20))
    found = identify(log, growing=True)
    assert (found.stop, len(found.tail)) == (8, 6 + (3 << 20))


def test_what_does_not_grow_is_known_whole(log: Path) -> None:
    log.write_bytes(b'[{"a":1},\n{"a":')
    found = identify(log, growing=False)
    assert (found.stop, found.sha256, found.tail) == (15, sha(b'[{"a":1},\n{"a":'), b"")


def test_prefixes_are_hashed_up_to_the_last_complete_line_and_not_beyond(log: Path) -> None:
    log.write_bytes(b"1\n2\n{")
    assert identify(log, [0, 2, 4, 5, 99], growing=True).prefixes == {2: sha(b"1\n"), 4: sha(b"1\n2\n")}


def test_an_empty_file_has_the_hash_of_nothing(log: Path) -> None:
    log.write_bytes(b"")
    assert identify(log, growing=True).sha256 == sha(b"")


def test_the_head_is_the_first_line_without_its_end(log: Path) -> None:
    log.write_bytes(b"first\nsecond\n")
    assert head_hash(log) == sha(b"first")
    log.write_bytes(b"first")
    assert head_hash(log) == sha(b"first")


def test_newlines_are_counted_before_a_position(log: Path) -> None:
    log.write_bytes(b"1\n2\n3\n")
    assert [newlines(log, stop) for stop in (0, 1, 2, 6)] == [0, 0, 1, 3]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", b"{}\n", True),
        ("a.NDJSON", b"{}\n", True),
        ("a.jsonl", gzip.compress(b"{}\n", mtime=0), False),
        ("a.jsonl.gz", gzip.compress(b"{}\n", mtime=0), False),
        ("a.csv", b"a,b\n", False),
        ("a.parquet", b"PAR1", False),
    ],
)
def test_only_plain_text_logs_grow(tmp_path: Path, name: str, content: bytes, expected: bool) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert grows(path) is expected


def test_a_stamp_changes_when_a_file_is_written_to_or_replaced(log: Path) -> None:
    log.write_bytes(b"one\n")
    before = stamp(log)
    assert stamp(log) == before
    with log.open("ab") as file:
        file.write(b"two\n")
    assert stamp(log) != before
    appended = stamp(log)
    other = log.with_name("other")
    other.write_bytes(log.read_bytes())
    other.replace(log)
    assert stamp(log) != appended
