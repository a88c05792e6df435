"""Cells and files that every spreadsheet and every database reads alike."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.exports.csv_file import Column, Table, cell, encode

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def table(*rows: tuple[Any, ...]) -> Table:
    columns = (Column("name", "A name"), Column("cost_usd", "A cost", is_summed=True), Column("note", "A note"))
    return Table("a.csv", "A table", columns, rows)


def test_a_file_has_a_header_crlf_and_quotes_where_they_are_needed_and_no_byte_order_mark() -> None:
    rows = [
        ("Acme, Inc.", Decimal("-12.50"), None),
        ('the "best"', Decimal("0E-6"), "two\nlines"),
        ("Søren 🦊", 3, "two\r\nlines"),
    ]
    assert encode(table(*rows)).decode() == (
        'name,cost_usd,note\r\n"Acme, Inc.",-12.50,\r\n"the ""best""",0.000000,"two\nlines"\r\n'
        'Søren 🦊,3,"two\r\nlines"\r\n'
    )


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-Acme", "@sum", "\tx", "\rx", "\nx", " =cmd()", "\u00a0=x", "＝1", "＋1", "－1", "＠x", "'=x", "-"],
)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["Acme-Corp", "a=b", "O'Brien", "'tis", "", "12-3", "(=1)", "é=", "'"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("-12.50"), "-12.50"),
        (Decimal("1E-12"), "0.000000000001"),
        (Decimal("-0.00"), "0.00"),
        (Decimal("12345678901234567890123456.123456789012"), "12345678901234567890123456.123456789012"),
        (Decimal("1E+3"), "1000"),
        (-7, "-7"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        (date(2026, 11, 9), "2026-11-09"),
    ],
)
def test_numbers_dates_and_nulls_are_never_text(value: Any, text: str) -> None:
    assert cell(value) == text


@pytest.mark.parametrize("value", [0.1, datetime(2026, 11, 9, tzinfo=UTC), b"x", ["x"]])
def test_a_value_of_another_type_is_refused_a_float_above_all(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be written"):
        cell(value)


@given(TEXT, TEXT)
def test_two_texts_never_become_one_cell(one: str, other: str) -> None:
    assert (cell(one) == cell(other)) is (one == other)
    assert cell(f"'{one}") != cell(one)


@given(st.lists(st.tuples(TEXT, st.decimals(allow_nan=False, allow_infinity=False, places=6), TEXT), max_size=5))
def test_another_reader_gets_every_cell_back(rows: list[tuple[str, Decimal, str]]) -> None:
    header, *found = csv.reader(io.StringIO(encode(table(*rows)).decode(), newline=""), strict=True)
    assert header == ["name", "cost_usd", "note"]
    assert [(name, Decimal(cost), note) for name, cost, note in found] == [
        (cell(name), cost, cell(note)) for name, cost, note in rows
    ]


def test_totals_are_exact_beyond_28_digits_and_of_summed_columns_only() -> None:
    rows = [
        ("a", Decimal("12345678901234567890123456.000000000001"), "5"),
        ("b", Decimal("0.000000000001"), "5"),
        ("c", 2, ""),
    ]
    assert table(*rows).totals() == {"cost_usd": Decimal("12345678901234567890123458.000000000002")}
    assert table().totals() == {"cost_usd": 0}


@pytest.mark.parametrize("value", [None, "1", True])
def test_a_summed_column_holds_numbers_only(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be summed"):
        table(("a", value, "")).totals()


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cells in a row of 3 columns"):
        encode(table(("a", Decimal(1))))
