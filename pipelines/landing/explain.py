"""How a file would be read, without landing it: three records before and after, what is filled, what is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipelines.landing.detect import UnknownFormat, detect
from pipelines.landing.failures import explained
from pipelines.landing.plan import Plan, mapping_of, plan
from pipelines.landing.read import parse, working_database
from pipelines.landing.shape import Origin
from pipelines.landing.streams import read_start
from pipelines.settings import Settings
from pipelines.sources import Fields
from warehouse.control import Control
from warehouse.schemas import REQUEST, UNATTRIBUTED

SHOWN = 3
_MOSTLY = Decimal("0.5")
_WATCHED = {"tenant_id": "which customer it was for", "task_id": "which task it belongs to"}


@dataclass(frozen=True)
class Explanation:
    """`before`: the fields that the source keeps, as written. `filled`: share of the readable rows with each column."""

    file: str
    container: str
    source: str
    why: str
    rows: int
    refused: int
    reasons: list[tuple[str, int]]
    mapping: dict[str, tuple[str, ...]]
    before: list[dict[str, Any]]
    after: list[dict[str, Any]]
    filled: dict[str, Decimal]
    warnings: list[str]

    def as_data(self) -> dict[str, Any]:
        return vars(self)

    def print_to(self, console: Console) -> None:
        console.print(f"{self.file}: {self.container}, read as {self.source} ({self.why})", markup=False)
        console.print(f"{self.rows:,} records, {self.refused:,} of them would go to quarantine")
        for reason, count in self.reasons:
            console.print(f"  {count:,} × {reason}", markup=False)
        for number, (before, after) in enumerate(zip(self.before, self.after, strict=True), start=1):
            table = Table(
                "field kept", "as written", "column", "as read", title=f"Record {number}", title_justify="left"
            )
            left, right = list(before.items()), list(after.items())
            for row in range(max(len(left), len(right))):
                cells = [*_cells(left, row), *_cells(right, row)]
                table.add_row(*cells)
            console.print(table)
        table = Table("column", "filled", "from", title="Share of rows with each column filled", title_justify="left")
        for name, share in self.filled.items():
            percent = (share * 100).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
            table.add_row(name, f"{percent}%", ", ".join(self.mapping.get(name, ())))
        console.print(table)
        for warning in self.warnings:
            console.print(f"! {warning}", markup=False)
        console.print("Nothing was landed.")


def explain_file(settings: Settings, path: Path, source_name: str | None = None) -> Explanation:
    """Read a log file as landing would. Raises LandingError, UnknownFormat, UnknownSource."""
    with explained(path):
        found = detect(path, source_name)
        if found is None:
            raise UnknownFormat(f"{path}: is empty.")
        control = Control(settings.control_url)
        try:
            what = plan(control, settings, path, found, again=True)
        finally:
            control.close()
        return _explain(settings, what)


def _explain(settings: Settings, what: Plan) -> Explanation:
    source, mapping = what.found.source, mapping_of(settings, what.found.source)
    names = ["source_record_id", *(column.name for column in REQUEST)]
    with working_database(settings.data_dir.resolve()) as db:
        bad = parse(db, what, settings, Origin(str(what.path), "explain", settings.instance))
        reasons = db.execute(
            "select problem, count(*) from parsed where problem is not null group by 1 order by 2 desc, 1 limit 10"
        ).fetchall()
        total, refused = db.execute("select count(*), count(problem) from parsed").fetchall()[0]
        good = "from parsed where problem is null"
        shown = ["source_line", *names]
        sample = db.execute(f"select {', '.join(shown)} {good} order by source_line limit {SHOWN}").fetchall()
        counts = db.execute(f"select count(*), {', '.join(_filled(name) for name in names)} {good}").fetchall()[0]
    filled = {name: Decimal(n) / Decimal(max(counts[0], 1)) for name, n in zip(names, counts[1:], strict=True)}
    return Explanation(
        file=str(what.path),
        container=what.found.container,
        source=source.name,
        why=what.found.why,
        rows=total + len(bad),
        refused=refused + len(bad),
        reasons=[(str(reason), int(count)) for reason, count in reasons] + [(line.reason, 1) for line in bad[:10]],
        mapping={column: paths for column, paths in mapping.items() if column in filled},
        before=_before(what, mapping, [row[0] for row in sample]),
        after=[{n: value for n, value in zip(names, row[1:], strict=True) if value is not None} for row in sample],
        filled={name: share for name, share in filled.items() if share},
        warnings=_warnings(filled, mapping) if counts[0] else ["No record is readable."],
    )


def _filled(name: str) -> str:
    return f"count(nullif({name}, '{UNATTRIBUTED}'))" if name == "tenant_id" else f"count({name})"


def _before(what: Plan, mapping: dict[str, tuple[str, ...]], numbers: list[int]) -> list[dict[str, Any]]:
    """The kept fields of these records as they are written; only lines have a text of their own to show."""
    if what.found.container != "lines":
        return [{} for _ in numbers]
    fields = Fields()
    what.found.source.read(fields, mapping)
    lines = read_start(what.path)[0].split(b"\n")
    return [_kept(lines[number - 1], fields.paths) if number <= len(lines) else {} for number in numbers]


def _kept(raw: bytes, paths: list[str]) -> dict[str, Any]:
    """Nothing else of a record than what is kept, so that no prompt is shown."""
    try:
        record = json.loads(raw)
    except ValueError:
        return {}  # cut off by the end of what was read for the sample
    found: dict[str, Any] = {}
    for path in paths:
        value: Any = record
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value not in (None, "") and not path.endswith(("error_message", "error_str")):
            found[path] = value
    return found


def _warnings(filled: dict[str, Decimal], mapping: dict[str, tuple[str, ...]]) -> list[str]:
    return [
        f"{name} is filled in {(filled[name] * 100).quantize(Decimal(1))}% of the rows only, so most cost cannot say {what}. "
        f"Looked in: {', '.join(mapping.get(name, ()))}. Name other places in margincall.toml."
        for name, what in _WATCHED.items()
        if filled[name] < _MOSTLY
    ]


def _cells(pairs: list[tuple[str, Any]], row: int) -> tuple[str, str]:
    if row >= len(pairs):
        return "", ""
    name, value = pairs[row]
    return name, str(value)[:60]
