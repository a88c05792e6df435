"""How a file would be read, without landing it: three records before and after, what is filled, what is refused."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipelines.feeds import FeedError, read_feed
from pipelines.fetching import first as fetch_first
from pipelines.fetching import is_elsewhere, settings_of
from pipelines.landing import users
from pipelines.landing.collect import feed_of, is_readable
from pipelines.landing.detect import UnknownFormat, detect
from pipelines.landing.failures import LandingError, explained
from pipelines.landing.plan import Plan, mapping_of, plan
from pipelines.landing.read import parse, working_database
from pipelines.landing.shape import Origin
from pipelines.landing.stage import take_apart
from pipelines.settings import Settings
from pipelines.sources import Fields, Source
from warehouse.control import Control
from warehouse.schemas import REQUEST, UNATTRIBUTED

SHOWN = 3
_LOOKED_AT = 10_000
"""Records among which those that are shown are looked for."""
_MOSTLY = Decimal("0.5")
_WATCHED = {"tenant_id": "which customer it was for", "task_id": "which task it belongs to"}
# Says nothing of anyone: a number, a flag, a time.
_PLAIN = re.compile(r"[-+]?\d[-+.:\dEeTZ ]{0,39}|(?i:true|false)")


@dataclass(frozen=True)
class Explanation:
    """`before`: the fields that the source keeps, as written. `filled`: share of the readable rows with each column.

    A text that is read and not kept (an error's message decides the status) shows as its length, an object not at all.
    """

    file: str
    container: str
    source: str
    why: str
    rows: int
    refused: int
    outcomes: int
    traces: int
    passed_over: dict[str, int]
    """What the file holds beside requests, outcomes and traces -> how often."""
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
        if self.outcomes:
            console.print(f"{self.outcomes:,} of them are outcomes of tasks")
        if self.traces:
            console.print(f"{self.traces:,} of them are traces: a build takes from them what their requests do not say")
        for what, count in self.passed_over.items():
            console.print(f"{count:,} {what} would be passed over", markup=False)
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
        _print_filled(console, self.filled, self.mapping)
        for warning in self.warnings:
            console.print(f"! {warning}", markup=False)
        console.print("Nothing was landed.")


@dataclass(frozen=True)
class FeedExplanation:
    """A feed lands whole or not at all: `problems` is why it would not, and then there is nothing to show of it."""

    file: str
    feed: str
    rows: int
    duplicates: int
    problems: str
    after: list[dict[str, Any]]
    filled: dict[str, Decimal]

    def as_data(self) -> dict[str, Any]:
        return vars(self)

    def print_to(self, console: Console) -> None:
        console.print(f"{self.file}: read as feed {self.feed}", markup=False)
        if self.problems:
            console.print(f"It would be refused, all of it:\n{self.problems}", markup=False)
        else:
            console.print(f"{self.rows:,} rows, {self.duplicates:,} of them repeat another")
        for number, row in enumerate(self.after, start=1):
            table = Table("column", "as read", title=f"Row {number}", title_justify="left")
            for name, value in row.items():
                table.add_row(name, str(value)[:60])
            console.print(table)
        if self.filled:
            _print_filled(console, self.filled, {})
        console.print("Nothing was landed.")


def explain(
    settings: Settings, name: str, source: str | None = None, feed: str | None = None
) -> Explanation | FeedExplanation:
    """How what a name stands for would be read. Of what is elsewhere one file is fetched (a page of a table, an object).

    Raises LandingError, UnknownFormat, UnknownSource, FetchError.
    """
    path = fetch_first(settings, name, is_readable) if is_elsewhere(name) else Path(name)
    with explained(path):
        found = feed or (None if source else feed_of(path))
    return explain_feed(path, found) if found else explain_file(settings, path, source)


def explain_feed(path: Path, feed: str) -> FeedExplanation:
    """Read a feed file as landing would. Raises LandingError."""
    with explained(path):
        try:
            rows = read_feed(feed, path)
        except FeedError as error:
            return FeedExplanation(str(path), feed, 0, 0, str(error), [], {})
        except KeyError as error:
            raise LandingError(str(error.args[0])) from None
    table = rows.table.drop_columns(["source_line"])
    sample = table.slice(0, SHOWN).to_pylist()
    total = max(table.num_rows, 1)
    shares = {
        name: Decimal(total - table.column(name).null_count) / total for name in table.column_names if table.num_rows
    }
    return FeedExplanation(
        file=str(path),
        feed=feed,
        rows=rows.rows_in,
        duplicates=rows.duplicates,
        problems="",
        after=[{key: value for key, value in row.items() if value is not None} for row in sample],
        filled={name: share for name, share in shares.items() if share},
    )


def explain_file(settings: Settings, path: Path, source_name: str | None = None) -> Explanation:
    """Read a log file as landing would. Raises LandingError, UnknownFormat, UnknownSource."""
    settings = settings_of(settings, path)
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
        bad = parse(db, what, settings, Origin(str(what.path), "explain", settings.instance), fields_until=_LOOKED_AT)
        reasons = db.execute(
            "select problem, count(*) from parsed where problem is not null group by 1 order by 2 desc, 1 limit 10"
        ).fetchall()
        refused = db.execute("delete from parsed where problem is not null").fetchall()[0][0]
        same = db.execute("select count(*) from parsed where tenant_id = end_user_id").fetchall()[0][0]
        if settings.privacy.hash_end_user_ids:
            # Landing nothing includes creating no key.
            known = users.known_keys(settings)
            users.hash_users(db, known[-1] if known else users.Key(secrets.token_bytes(32)))
        passed_over = take_apart(db, source)
        outcomes, traces = (
            db.execute(f"select count(*) from {table}").fetchall()[0][0] if source.kind else 0
            for table in ("outcomes", "traces")
        )
        good = "from parsed"
        first = f"order by fields is null, source_line limit {SHOWN}"
        sample = db.execute(f"select fields, {', '.join(names)} {good} {first}").fetchall()
        counts = db.execute(f"select count(*), {', '.join(_filled(name) for name in names)} {good}").fetchall()[0]
    landable = outcomes or traces or passed_over
    after = [
        {n: _hidden(value) for n, value in zip(names, row[1:], strict=True) if value is not None} for row in sample
    ]
    filled = {name: Decimal(n) / Decimal(max(counts[0], 1)) for name, n in zip(names, counts[1:], strict=True)}
    return Explanation(
        file=str(what.path),
        container=what.found.container,
        source=source.name,
        why=what.found.why,
        rows=counts[0] + outcomes + traces + refused + len(bad),
        refused=refused + len(bad),
        outcomes=outcomes,
        traces=traces,
        passed_over=passed_over,
        reasons=[(str(reason), int(count)) for reason, count in reasons] + [(line.reason, 1) for line in bad[:10]],
        mapping={column: paths for column, paths in mapping.items() if column in filled},
        before=_before(what.found.source, mapping, [row[0] or [] for row in sample], after),
        after=after,
        filled={name: share for name, share in filled.items() if share},
        warnings=_warnings(filled, mapping, same if settings.privacy.hash_end_user_ids else 0)
        if counts[0]
        else []
        if landable
        else ["No record is readable."],
    )


def _print_filled(console: Console, filled: dict[str, Decimal], mapping: dict[str, tuple[str, ...]]) -> None:
    table = Table("column", "filled", "from", title="Share of rows with each column filled", title_justify="left")
    for name, share in filled.items():
        percent = (share * 100).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
        table.add_row(name, f"{percent}%", ", ".join(mapping.get(name, ())))
    console.print(table)


def _filled(name: str) -> str:
    return f"count(nullif({name}, '{UNATTRIBUTED}'))" if name == "tenant_id" else f"count({name})"


def _before(
    source: Source, mapping: dict[str, tuple[str, ...]], read: list[list[str | None]], after: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The fields of these records as they are written: nothing else of them, so that no prompt is shown."""
    fields = Fields()
    source.read(fields, mapping)
    return [
        _kept(fields, dict(zip(fields.paths, texts, strict=False)), to) for texts, to in zip(read, after, strict=True)
    ]


def _kept(fields: Fields, texts: dict[str, str | None], after: dict[str, Any]) -> dict[str, Any]:
    inside = {column: _object(texts.get(column)) for column in fields.inside}
    found: dict[str, Any] = {path: text for path, text in texts.items() if path not in fields.inside}
    found |= {f"{column}.{path}": _at(inside[column], path) for column, rest in fields.inside.items() for path in rest}
    stored = " ".join(str(value) for value in after.values())
    shown = {path: _shown(value, stored) for path, value in found.items()}
    return {path: value for path, value in shown.items() if value not in (None, "")}


def _object(value: Any) -> Any:
    """An object that is there as the text of one."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None


def _at(record: Any, path: str) -> Any:
    """What stands at a path: at its own name, or step by step inwards."""
    value = record
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _shown(value: Any, stored: str) -> Any:
    """Numbers and flags as they are, a text if it is kept, else its length; nothing of an object, a list or JSON text."""
    if isinstance(value, dict | list):
        return None
    if not isinstance(value, str) or not value or _PLAIN.fullmatch(value.strip()):
        return value
    if value.lstrip().startswith(("{", "[")):
        return None
    return value if value.strip() in stored else f"<text {len(value)}>"


def _hidden(value: Any) -> Any:
    """A stored value, but for what looks like JSON, such as tags."""
    is_json = isinstance(value, str) and value.startswith(("{", "["))
    return f"<JSON of {len(value)} characters>" if is_json else value


def _warnings(filled: dict[str, Decimal], mapping: dict[str, tuple[str, ...]], same: int) -> list[str]:
    found = [
        f"{name} is filled in {(filled[name] * 100).quantize(Decimal(1))}% of the rows only, so most cost cannot say {what}. "
        f"Looked in: {', '.join(mapping.get(name, ()))}. Name other places in margincall.toml."
        for name, what in _WATCHED.items()
        if filled[name] < _MOSTLY
    ]
    if same:
        found.append(
            f"{same:,} rows name the tenant by the end user's id, and a tenant's id is not hashed. "
            "Name other places for tenant_id or end_user_id in margincall.toml."
        )
    return found


def _cells(pairs: list[tuple[str, Any]], row: int) -> tuple[str, str]:
    if row >= len(pairs):
        return "", ""
    name, value = pairs[row]
    return name, str(value)[:60]
