"""Bytes to lines: what is packed, cut, too long or no text lands as far as it can be read, and the rest says why."""

from __future__ import annotations

import codecs
import gzip
import random
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard

from pipelines.landing import lines as lines_module
from pipelines.landing import streams
from pipelines.landing.lines import BadLine, LineReader
from pipelines.landing.streams import read_start

LIMIT = 1024


def read(path: Path, **options: int) -> tuple[list[tuple[int, str]], list[BadLine]]:
    """Numbered lines without their newlines, and what was refused."""
    reader = LineReader(path, options.pop("max_line_bytes", LIMIT), **options)
    table = pa.Table.from_batches(list(reader), schema=lines_module.BATCH)
    numbers, texts = table.column(0).to_pylist(), table.column(1).to_pylist()
    return [(number, text.removesuffix("\n")) for number, text in zip(numbers, texts, strict=True)], reader.bad


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def random_lines(count: int) -> bytes:
    """Lines that do not pack to nothing, so that a cut falls into the middle of them."""
    source = random.Random(7)
    return b"".join(b"%032x\n" % source.getrandbits(128) for _ in range(count))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_content_decides_how_a_file_is_unpacked_not_its_name(log: Path, pack: type[bytes]) -> None:
    log.write_bytes(pack(b"one\ntwo\n"))
    assert read(log) == ([(1, "one"), (2, "two")], [])


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_packed_files_put_one_behind_the_other_are_one_log(log: Path, pack: type[bytes]) -> None:
    log.write_bytes(pack(b"one\nt") + pack(b"wo\n"))
    assert read(log) == ([(1, "one"), (2, "two")], [])


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_file_cut_short_yields_its_readable_lines_and_one_damage(log: Path, pack: type[bytes]) -> None:
    # More than one block of either format, so that something comes out before the cut.
    whole = random_lines(20_000)
    packed = pack(whole)
    log.write_bytes(packed[: len(packed) * 3 // 4])
    found, bad = read(log)
    assert [text for _, text in found] == whole.decode().splitlines()[: len(found)]
    assert 10_000 < len(found) < 20_000
    [damage] = bad
    assert damage.source_line == len(found) + 1
    assert damage.reason.startswith("compressed stream is damaged or cut short")


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_file_that_lacks_only_its_end_is_damaged_too(log: Path, pack: type[bytes]) -> None:
    log.write_bytes(pack(b"one\ntwo\n" * 5)[:-1])
    found, bad = read(log)
    assert len(bad) == 1
    assert len(found) <= 10


def test_rubbish_behind_a_gzip_is_damage_and_costs_no_line(log: Path) -> None:
    log.write_bytes(gzip.compress(b"one\ntwo\n") + b"rubbish")
    found, bad = read(log)
    assert [text for _, text in found] == ["one", "two"]
    assert len(bad) == 1


def test_a_byte_order_mark_is_no_part_of_the_first_line(log: Path) -> None:
    log.write_bytes(codecs.BOM_UTF8 + b"one\n" + codecs.BOM_UTF8 + b"two\n")
    assert read(log)[0] == [(1, "one"), (2, "\ufefftwo")]


def test_a_last_line_without_newline_is_read(log: Path) -> None:
    log.write_bytes(b"one\ntwo")
    assert read(log) == ([(1, "one"), (2, "two")], [])


def test_empty_lines_keep_their_numbers(log: Path) -> None:
    log.write_bytes(b"one\n\n\r\nfour\n")
    assert read(log)[0] == [(1, "one"), (2, ""), (3, "\r"), (4, "four")]


def test_an_empty_file_has_no_line(log: Path) -> None:
    log.write_bytes(b"")
    assert read(log) == ([], [])


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_of_exactly_the_limit_is_read_and_one_byte_more_is_not(log: Path, end: bytes) -> None:
    log.write_bytes(b"a\n" + b"x" * LIMIT + end)
    assert read(log) == ([(1, "a"), (2, "x" * LIMIT)], [])
    log.write_bytes(b"a\n" + b"x" * (LIMIT + 1) + end)
    assert read(log) == (
        [(1, "a")],
        [BadLine(2, "line is longer than landing.max_line_bytes (1,024)", b"x" * (LIMIT + 1))],
    )


@pytest.mark.parametrize("block_bytes", [1, 7, 1000, 1 << 20])
def test_lines_do_not_depend_on_where_blocks_end(log: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    monkeypatch.setattr(streams, "BLOCK_BYTES", block_bytes)
    log.write_bytes(b"one\n" + b"x" * 3000 + b"\n\nfour\n" + b"y" * 1025 + b"\nsix")
    found, bad = read(log)
    assert found == [(1, "one"), (3, ""), (4, "four"), (6, "six")]
    assert [line.source_line for line in bad] == [2, 5]


def test_a_line_of_fifty_megabytes_costs_only_itself(log: Path) -> None:
    with log.open("wb") as file:
        file.write(b"one\n")
        file.writelines(b"x" * (1 << 20) for _ in range(50))
        file.write(b"\nthree\n")
    found, [bad] = read(log, max_line_bytes=16 << 20)
    assert found == [(1, "one"), (3, "three")]
    assert (bad.source_line, len(bad.body)) == (2, 4096)
    assert read(log, max_line_bytes=50 << 20)[0][1] == (2, "x" * (50 << 20))


def test_a_line_that_is_no_utf8_costs_only_itself(log: Path) -> None:
    log.write_bytes("eins\nzw\xf6lf\ndrei\n".encode("latin-1"))
    found, bad = read(log)
    assert found == [(1, "eins"), (3, "drei")]
    assert bad == [BadLine(2, "not valid UTF-8", b"zw\xf6lf")]


def test_a_line_too_long_and_no_utf8_is_refused_once(log: Path) -> None:
    log.write_bytes(b"\xff" * (LIMIT + 1) + b"\nb\n")
    found, bad = read(log)
    assert found == [(2, "b")]
    assert [line.source_line for line in bad] == [1]


def test_reading_from_within_a_file_goes_on_with_its_numbers(log: Path) -> None:
    log.write_bytes(b"one\ntwo\nthree\nfour\n")
    assert read(log, start=8, stop=14, first_line=3) == ([(3, "three")], [])


def test_the_start_of_a_file_comes_with_what_is_wrong_with_it(log: Path) -> None:
    log.write_bytes(gzip.compress(b"one\n"))
    assert read_start(log) == (b"one\n", "")
    log.write_bytes(gzip.compress(b"one\n")[:8])
    start, damage = read_start(log)
    assert start == b""
    assert damage.startswith("compressed stream is damaged or cut short")
