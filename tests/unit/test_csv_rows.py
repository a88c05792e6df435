"""A CSV log without guessing: a row that does not fit the header is named with its line, and costs only itself."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.landing.csv_rows import CsvReader

HEAD = "a,b,c\n"
OPEN_QUOTE = "CSV: a quote that is not closed, or text behind one that is"


def read(tmp_path: Path, content: str | bytes) -> tuple[list[tuple[object, ...]], list[tuple[int, str]]]:
    """(line, a, b, c) of every row, and line and reason of every bad one."""
    path = tmp_path / "log.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    reader = CsvReader(path, 10_000)
    table = pa.Table.from_batches(list(reader), schema=reader.schema)
    rows = [tuple(row.values()) for row in table.to_pylist()]
    return rows, sorted((line.source_line, line.reason) for line in reader.bad)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_header_says_what_separates(tmp_path: Path, delimiter: str, end: str) -> None:
    text = "a,b,c\n1,2,3\n".replace(",", delimiter).replace("\n", end)
    assert read(tmp_path, text) == ([(2, "1", "2", "3")], [])


@pytest.mark.parametrize(
    "content", ["\ufeffa,b,c\n1,2,3", "\n\na,b,c\n\n1,2,3\n\n", gzip.compress(b"a,b,c\n1,2,3\n", mtime=0)]
)
def test_marks_blank_lines_packing_and_a_missing_last_newline_are_no_matter(
    tmp_path: Path, content: str | bytes
) -> None:
    [row], bad = read(tmp_path, content)
    assert (row[1:], bad) == (("1", "2", "3"), [])


def test_a_quoted_field_may_hold_separators_quotes_and_line_breaks(tmp_path: Path) -> None:
    text = HEAD + '"x,y","say ""hi""","two\nlines"\n1,2,3\n'
    assert read(tmp_path, text) == ([(2, "x,y", 'say "hi"', "two\nlines"), (4, "1", "2", "3")], [])


def test_a_quote_inside_an_unquoted_field_is_a_character(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD + '5" pipe,2,3\n') == ([(2, '5" pipe', "2", "3")], [])


@pytest.mark.parametrize(("row", "fields"), [("1,2", 2), ("1,2,3,4", 4), ("1", 1)])
def test_a_row_with_more_or_fewer_fields_than_the_header_is_refused(tmp_path: Path, row: str, fields: int) -> None:
    assert read(tmp_path, f"{HEAD}{row}\n1,2,3\n") == (
        [(3, "1", "2", "3")],
        [(2, f"CSV: {fields} fields, the header has 3")],
    )


@pytest.mark.parametrize("row", ['"1,2,3', '"1"x,2,3'])
def test_a_broken_quote_costs_its_own_row_and_none_behind_it(tmp_path: Path, row: str) -> None:
    good = "1,2,3\n" * 2000
    found, bad = read(tmp_path, f"{HEAD}{row}\n{good}")
    assert len(found) == 2000
    assert bad == [(2, OPEN_QUOTE)]


def test_a_broken_quote_may_be_the_last_row(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD + '1,2,3\n"1,2,3') == ([(2, "1", "2", "3")], [(3, OPEN_QUOTE)])


def test_lines_that_are_too_long_or_no_text_are_refused_alone(tmp_path: Path) -> None:
    text = HEAD.encode() + b"1,\xff,3\n" + b"1,2," + b"x" * 10_000 + b"\n1,2,3\n"
    assert read(tmp_path, text) == (
        [(4, "1", "2", "3")],
        [(2, "not valid UTF-8"), (3, "line is longer than landing.max_line_bytes (10,000)")],
    )


def test_a_packed_file_cut_short_yields_its_readable_rows(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x},3\n" for n in range(20_000))
    packed = gzip.compress((HEAD + rows).encode())
    found, bad = read(tmp_path, packed[: len(packed) * 3 // 4])
    assert [row[1] for row in found] == [str(n) for n in range(len(found))]
    assert len(found) > 10_000
    assert len(bad) == 1


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD) == ([], [])


def test_a_field_may_be_longer_than_the_library_s_own_limit(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(HEAD + f'"{"x" * 200_000}",2,3\n')
    reader = CsvReader(path, 1_000_000)
    assert [len(batch.column(1)[0].as_py()) for batch in reader] == [200_000]
    assert reader.bad == []
