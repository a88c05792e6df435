"""Raw rows of a feed -> its typed table, or every problem that they have, at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.feeds.casts import Fault, cast_column, rows_where
from pipelines.feeds.compute import pc
from pipelines.feeds.duplicates import without_duplicates
from pipelines.feeds.headers import Headed, canonical_columns
from pipelines.feeds.periods import with_periods
from pipelines.feeds.problems import FeedError, Problem
from pipelines.feeds.raw import RawRows
from pipelines.feeds.rules import Rows, row_faults
from warehouse.feed_schemas import FEEDS, Column, Feed


@dataclass(frozen=True, slots=True)
class FeedRows:
    """The rows of one file; `table` has the feed's columns and source_line, rows_in = its rows + duplicates."""

    feed_name: str
    table: pa.Table
    rows_in: int
    duplicates: int
    notes: tuple[str, ...] = ()


def validate(feed_name: str, raw: RawRows) -> FeedRows:
    """Cast, check and deduplicate. Raises FeedError with all problems of the file, in the order of its lines."""
    feed = FEEDS[feed_name]
    headed = canonical_columns(feed, with_periods(feed, raw))
    lines = _combined(raw.lines, pa.int64())
    text = {name: _trimmed(cells) for name, cells in headed.columns.items()}
    filled = {column.name: _filled(column, text.get(column.name), len(lines)) for column in feed.columns}
    # Two columns that stand for each other being absent altogether is one problem of the header, not one of every row.
    absent = {column.name for column in feed.columns if column.name not in text}
    typed: dict[str, pa.Array[Any]] = {}
    faults: list[Fault] = []
    for column in feed.columns:
        typed[column.name], found = cast_column(column, filled[column.name])
        faults += [*found, *([] if column.name in absent else _empty(column, filled[column.name]))]
    rows = Rows(typed, {name: pc.is_valid(cells) for name, cells in filled.items()})
    faults += [fault for fault in row_faults(feed, rows) if not _is_headless(feed, fault, absent)]
    known = [*raw.problems, *headed.problems]
    problems = [*known, *_problems(raw, headed, faults, filled, lines)]
    table = pa.Table.from_arrays([*(typed[c.name] for c in feed.columns), lines], schema=feed.row_schema())
    clean = _without(table, {row for fault in faults for row in fault.rows})
    told = {problem.column for problem in known}
    if told.isdisjoint(headed.written.get(name, name) for name in (*feed.key, "observed_at")):
        clean, repeated = without_duplicates(feed, raw.file, clean)
        problems += repeated
    if problems:
        order = {name: place for place, name in enumerate(feed.column_names)}
        raise FeedError(sorted(problems, key=lambda p: (p.line or 0, order.get(p.column or "", -1))))
    return FeedRows(
        feed_name, clean, table.num_rows, table.num_rows - clean.num_rows, (*raw.notes, *_notes(feed, clean))
    )


def _combined(values: pa.ChunkedArray[Any], kind: pa.DataType) -> pa.Array[Any]:
    combined = values.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined.cast(kind)


def _trimmed(values: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """Text without blanks around it; what is then empty is null."""
    text = pc.utf8_trim_whitespace(_combined(values, pa.string()))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _filled(column: Column, text: pa.Array[Any] | None, rows: int) -> pa.Array[Any]:
    cells = pa.nulls(rows, pa.string()) if text is None else text
    return cells if column.default is None else pc.fill_null(cells, column.default)


def _empty(column: Column, text: pa.Array[Any]) -> list[Fault]:
    rows = rows_where(pc.is_null(text)) if column.is_required else []
    return [Fault(column.name, rows, "is empty", f"Every row needs it: {column.description}")] if rows else []


def _is_headless(feed: Feed, fault: Fault, absent: set[str]) -> bool:
    return bool(feed.any_of) and fault.column == feed.any_of[0] and absent.issuperset(feed.any_of)


def _problems(
    raw: RawRows, headed: Headed, faults: Sequence[Fault], text: Mapping[str, pa.Array[Any]], lines: pa.Array[Any]
) -> list[Problem]:
    """A problem for every faulty cell, save those that are null because reading them already was one."""
    told = {(problem.line, problem.column) for problem in raw.problems}
    found: list[Problem] = []
    for fault in faults:
        rows = pa.array(fault.rows, pa.int64())
        column = headed.written.get(fault.column, fault.column)
        for line, value in zip(lines.take(rows).to_pylist(), text[fault.column].take(rows).to_pylist(), strict=True):
            if told.isdisjoint({(line, column), (None, column)}):
                found.append(Problem(raw.file, fault.what, fault.allowed, line, column, value))
    return found


def _without(table: pa.Table, rows: set[int]) -> pa.Table:
    if not rows:
        return table
    faulty = pc.is_in(pa.array(range(table.num_rows)), value_set=pa.array(sorted(rows)))
    return table.filter(pc.invert(faulty))


def _notes(feed: Feed, table: pa.Table) -> list[str]:
    """What is taken but looks like a slip: values that are none of the usual ones of an open column."""
    notes: list[str] = []
    for column in feed.columns:
        found = pc.unique(table[column.name]).drop_null().to_pylist() if column.known else []
        strange = sorted({str(value) for value in found} - set(column.known))
        if strange:
            usual = ", ".join(column.known)
            notes.append(f"{column.name}: kept as written, but not among the usual {usual}: {', '.join(strange[:10])}.")
    return notes
