"""A CSV log as Arrow batches of text columns. No guessing: the header decides, a row that does not fit it is named.

Column i of the file is `c<i>`, whatever the header calls it, so that no header can clash with a name of ours.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import cast

import pyarrow as pa

from pipelines.landing.lines import BATCH_ROWS, BadLine, LineReader

_DELIMITERS = ",;\t|"
_MAX_LINES = 1000
"""Of one record: a quote that is never closed costs its own record, not the rest of the file."""

Line = tuple[int, str]


@dataclass
class CsvReader:
    """Reads the header at once and the rows when iterated; then `bad` is complete."""

    path: Path
    max_line_bytes: int
    header: list[str] = field(default_factory=list)
    delimiter: str = ","
    problems: list[BadLine] = field(default_factory=list)

    def __post_init__(self) -> None:
        csv.field_size_limit(max(csv.field_size_limit(), self.max_line_bytes))
        self._text = LineReader(self.path, self.max_line_bytes)
        self._lines = self._unpacked()
        first = next(self._lines, (1, ""))[1]
        self.delimiter = max(_DELIMITERS, key=first.count)
        self.header = [name.strip() for name in _split(first, self.delimiter) or []]

    @property
    def bad(self) -> list[BadLine]:
        return [*self._text.bad, *self.problems]

    @property
    def schema(self) -> pa.Schema:
        columns = [(f"c{index}", pa.string()) for index in range(len(self.header))]
        return pa.schema([("source_line", pa.int64()), *columns])

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        numbers: list[int] = []
        rows: list[list[str]] = []
        for number, row in self._rows():
            numbers.append(number)
            rows.append(row)
            if len(rows) == BATCH_ROWS:
                yield self._batch(numbers, rows)
                numbers, rows = [], []
        yield self._batch(numbers, rows)

    def _batch(self, numbers: list[int], rows: list[list[str]]) -> pa.RecordBatch:
        columns = list(zip(*rows, strict=True)) or [()] * len(self.header)
        arrays = [pa.array(column, pa.string()) for column in columns]
        return pa.record_batch([pa.array(numbers, pa.int64()), *arrays], schema=self.schema)

    def _unpacked(self) -> Iterator[Line]:
        for batch in self._text:
            numbers, texts = cast("tuple[list[int], list[str]]", (c.to_pylist() for c in batch.columns))
            for number, text in zip(numbers, texts, strict=True):
                if text.strip():
                    yield number, text.removesuffix("\n").removesuffix("\r")

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        waiting: Iterator[Line] = self._lines
        while (line := next(waiting, None)) is not None:
            number, text = line
            row, behind = _split(text, self.delimiter), list[Line]()
            while row is None and len(behind) < _MAX_LINES and (more := next(waiting, None)) is not None:
                behind.append(more)
                if '"' in more[1]:
                    row = _split("\n".join([text, *(t for _, t in behind)]), self.delimiter)
            if row is None:
                self._refuse(number, "CSV: a quote that is not closed, or text behind one that is", text)
                waiting = chain(behind, waiting)
            elif len(row) != len(self.header):
                self._refuse(number, f"CSV: {len(row)} fields, the header has {len(self.header)}", text)
            else:
                yield number, row

    def _refuse(self, number: int, reason: str, text: str) -> None:
        self.problems.append(BadLine(number, reason, text.encode()[:4096]))


def _split(text: str, delimiter: str) -> list[str] | None:
    """The fields of one record; None if it is none (yet)."""
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
