"""A CSV file as runs. Every row of it becomes one; none is dropped."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from sample_data.published.cells import MISSING, Unreadable, number
from sample_data.published.columns import Asked, Columns, TableError, columns_of, folded
from sample_data.published.runs import Row, Run, run_of

MAX_TASKS = 5_000_000


@dataclass(frozen=True)
class Table:
    """What a file says, row by row, and which of its columns were read as what."""

    name: str
    columns: Columns
    runs: tuple[Run, ...]


def read_table(path: Path, asked: Asked) -> Table:
    """Raises TableError for a table that cannot be read as asked, OSError for a file that cannot."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise TableError(f"{path}: is not text in UTF-8") from None
    if not lines or not lines[0].strip():
        raise TableError(f"{path}: has no header row")
    delimiter = max(",;\t", key=lines[0].count)
    try:
        header, *rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise TableError(f"{path}: is not a CSV table: {error}") from None
    columns = columns_of(header, asked)
    filled = [(line, cells) for line, cells in enumerate(rows, start=2) if any(cell.strip() for cell in cells)]
    if not filled:
        raise TableError(f"{path}: has a header and no rows")
    whole_rows = [dict(zip(header, cells, strict=True)) for _, cells in filled if len(cells) == len(header)]
    scale = _rate_scale(whole_rows, columns, asked)
    names: Counter[str] = Counter()
    runs: list[Run] = []
    for line, cells in filled:
        is_whole = len(cells) == len(header)
        row = dict(zip(header, [*cells, *[""] * len(header)][: len(header)], strict=True))
        name = _name(row, columns) or f"line {line}"
        names[name] += 1
        unique = name if names[name] == 1 else f"{name} #{names[name]}"
        run = run_of(line, unique, row, columns, asked, scale)
        extra = ("name_repeats",) if unique != name else ()
        # Cells that moved sideways are not what their header says: nothing of such a row is logged.
        runs.append(
            replace(run, dirt=(*run.dirt, *extra))
            if is_whole
            else replace(run, tasks=None, cost_pico=None, passed=None, dirt=("row_is_not_as_wide_as_the_header",))
        )
    _refuse_what_is_no_log(runs, whole_rows, columns)
    return Table(path.stem, columns, tuple(runs))


def _refuse_what_is_no_log(runs: Sequence[Run], rows: Sequence[Row], columns: Columns) -> None:
    """A column that was taken for something else, and a table of which nothing can be logged."""
    for role, header in columns.by_role.items():
        told = sum(row[header].strip().lower() not in MISSING for row in rows)
        if told and told == sum(f"unreadable_{role}" in run.dirt for run in runs):
            raise TableError(
                f"{header!r} was read as {role}, and no cell of it is one; say what it is: --column ROLE={header}"
            )
    if all(run.day is None for run in runs):
        raise TableError("no row has a date: --date YYYY-MM-DD, the day whose list prices count")
    if not any(run.is_logged for run in runs):
        raise TableError("no row has a number of tasks: --tasks N, or --tasks DOMAIN=N")
    if sum(run.tasks or 0 for run in runs) > MAX_TASKS:
        raise TableError(f"more than {MAX_TASKS:,} tasks: is the column of tasks one of tokens?")


def _name(row: Row, columns: Columns) -> str:
    """The run, or its model where the table names no runs; with the domain where one run has several rows."""
    first = columns.by_role.get("run") or columns.by_role["model"]
    parts = (row[first].strip(), row[columns.by_role["domain"]].strip() if "domain" in columns.by_role else "")
    return "/".join(part for part in parts if part)


def _rate_scale(rows: Sequence[Row], columns: Columns, asked: Asked) -> int:
    """0 for rates in per cent, 2 for fractions of one. Raises TableError where the table leaves it open."""
    header = columns.by_role.get("pass_rate")
    if header is None or asked.rates:
        return 2 if asked.rates == "fraction" else 0
    cells = [row[header] for row in rows]
    if "percent" in folded(header) or any("%" in cell for cell in cells):
        return 0
    largest = max((value for cell in cells if (value := _number_or_none(cell)) is not None), default=None)
    if largest is not None and largest <= 1:
        raise TableError(
            f"the rates in {header!r} may be per cent or fractions of one: say --rates percent or fraction"
        )
    return 0


def _number_or_none(cell: str) -> Decimal | None:
    try:
        return number(cell)
    except Unreadable:
        return None
