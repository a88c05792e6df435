"""A table as CSV bytes that every tool reads alike: RFC 4180, UTF-8, a header row, ISO dates, dot decimals.

Text that a spreadsheet would run as a formula gets an apostrophe in front; numbers never do. Null is an empty cell.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from pipelines.economics.apportion import EXACT

Cell = str | Decimal | int | bool | date | None
Bound = Literal["at_least", "at_most"]

# Also behind blanks, as full-width signs, and behind apostrophes, so that no two texts come out as the same cell.
_FORMULA = re.compile(r"[\s']*[=+\-@＝＋－＠]|'*[\t\r\n]")


@dataclass(frozen=True)
class Column:
    """One column. `bound`: what its total is a bound of while parts of it have no price."""

    name: str
    meaning: str
    is_summed: bool = False
    bound: Bound | None = None


@dataclass(frozen=True)
class Table:
    """One file before it is written: every row has a cell per column, and a summed column has numbers only."""

    name: str
    description: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]

    def totals(self) -> dict[str, Decimal]:
        """The sum of every column that may be summed, exactly."""
        return {
            column.name: _sum([row[position] for row in self.rows])
            for position, column in enumerate(self.columns)
            if column.is_summed
        }


def encode(table: Table) -> bytes:
    """The table as CSV. Raises TypeError for a cell of another type, a float above all."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        if len(row) != len(table.columns):
            raise ValueError(f"{table.name}: {len(row)} cells in a row of {len(table.columns)} columns")
        writer.writerow([cell(value) for value in row])
    return text.getvalue().encode()


def cell(value: Cell) -> str:
    """One value as it stands in a file."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(abs(value) if value.is_zero() else value, "f")
    if isinstance(value, date) and not isinstance(value, datetime):  # pyright: ignore[reportUnnecessaryIsInstance]
        return value.isoformat()
    raise TypeError(f"{value!r} ({type(value).__name__}) cannot be written to a file")


def _sum(values: Sequence[Cell]) -> Decimal:
    total = Decimal(0)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise TypeError(f"{value!r} cannot be summed")
        total = EXACT.add(total, Decimal(value))
    return total
