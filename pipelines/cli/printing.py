"""Results as tables and as JSON."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from pipelines.cli.app import FAILED, THRESHOLD, err, out

_CELLS = (str, int, bool, Decimal, date, type(None))


def print_files(results: list[Any], as_json: bool) -> None:
    if as_json:
        print_json({"files": [file_data(result) for result in results]})
        return
    table = Table("file", "format", "state", "rows in", "landed", "duplicate", "quarantined")
    total = [0, 0, 0, 0]
    for result in results:
        counts = [result.counts.rows_in, result.counts.landed, result.counts.duplicate, result.counts.quarantined]
        if result.state == "landed":
            total = [a + b for a, b in zip(total, counts, strict=True)]
        if len(results) <= 30 or result.state not in ("landed", "already"):
            table.add_row(short(result.path), result.source, result.state, *(f"{count:,}" for count in counts))
    table.add_section()
    new = sum(result.state == "landed" for result in results)
    table.add_row(f"{len(results)} files", "", f"{new} landed", *(f"{count:,}" for count in total))
    out.print(table)
    for result in results:
        if result.message and result.state != "already":
            where = "" if result.path in result.message else f"{short(result.path)}: "
            err.print(where + result.message, markup=False)


def file_data(result: Any) -> dict[str, Any]:
    told = {"path": result.path, "source": result.source, "state": result.state, "message": result.message}
    return told | vars(result.counts)


def exit_for_files(results: list[Any], strict: bool) -> None:
    if any(result.state == "failed" for result in results):
        raise typer.Exit(FAILED)
    if strict and any(result.counts.quarantined or result.state == "unknown" for result in results):
        raise typer.Exit(THRESHOLD)


def build_sentence(result: Any) -> str:
    if result.kind == "nothing":
        return f"Up to date: version {result.serving_n} is published and nothing changed."
    return f"Published version {result.serving_n}: {result.kind} build of {result.days} days ({result.reason})."


def print_json(data: Any) -> None:
    sys.stdout.write(json.dumps(data, default=plain, ensure_ascii=False) + "\n")


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    from pipelines.exports.csv_file import cell

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([cell(name) for name in columns])
    for row in rows:
        # Instants, lists and other values of the database are told as texts are.
        writer.writerow([cell(value if type(value) in _CELLS else plain(value)) for value in row])


def plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else str(value)


def short(path: str | Path) -> str:
    """A path below the working folder without it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return str(path)
