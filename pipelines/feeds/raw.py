"""Rows as they stand in a file: every cell as text, nothing interpreted yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import pyarrow as pa

from pipelines.feeds.problems import Problem

CHUNK_ROWS = 8_192
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class RawRows:
    """Columns of text by header as written, the source line of each row, and what was found wrong on the way."""

    file: str
    columns: Mapping[str, pa.ChunkedArray[Any]]
    lines: pa.ChunkedArray[Any]
    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return len(self.lines)


@dataclass(slots=True)
class Gatherer:
    """Turns rows into columns in chunks, so that a large file never stands in memory as Python objects.

    Columns may turn up late, as in JSON lines; the rows before them are null there.
    """

    file: str
    problems: list[Problem] = field(default_factory=list)
    _chunks: list[dict[str, pa.Array[Any]]] = field(default_factory=list)
    _lines: list[pa.Array[Any]] = field(default_factory=list)
    _names: dict[str, None] = field(default_factory=dict)

    def add(self, columns: Mapping[str, Sequence[str | None]], lines: Sequence[int]) -> None:
        """Take one chunk: equally long columns and the line of each row."""
        self._names.update(dict.fromkeys(columns))
        self._chunks.append({name: self._encoded(name, cells, lines) for name, cells in columns.items()})
        self._lines.append(pa.array(lines, pa.int64()))

    def _encoded(self, name: str, cells: Sequence[str | None], lines: Sequence[int]) -> pa.Array[Any]:
        try:
            return pa.array(cells, pa.string())
        except UnicodeEncodeError:
            # JSON can escape half of a surrogate pair, which no UTF-8 can hold.
            halves = [cell is not None and _is_half(cell) for cell in cells]
            allowed = "Write the character whole, or leave it out."
            for cell, line, is_half in zip(cells, lines, halves, strict=True):
                if is_half:
                    what = "holds half of a surrogate pair"
                    self.problems.append(Problem(self.file, what, allowed, line, name, ascii(cell)))
            kept = [None if is_half else cell for cell, is_half in zip(cells, halves, strict=True)]
            return pa.array(kept, pa.string())

    def rows(self, names: Iterable[str] = (), notes: Sequence[str] = ()) -> RawRows:
        """All chunks together; `names` are headers that exist even where no row came."""
        columns = {
            name: pa.chunked_array(
                [
                    chunk[name] if name in chunk else pa.nulls(len(lines), pa.string())
                    for chunk, lines in zip(self._chunks, self._lines, strict=True)
                ],
                pa.string(),
            )
            for name in dict.fromkeys([*names, *self._names])
        }
        return RawRows(self.file, columns, pa.chunked_array(self._lines, pa.int64()), self.problems, notes)


def _is_half(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def chunks(items: Iterable[Item], size: int = CHUNK_ROWS) -> Iterable[list[Item]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
