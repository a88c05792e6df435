"""Every record of a planned file, typed, in table `parsed` of a working database."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.landing.csv_rows import CsvReader
from pipelines.landing.detect import UnknownFormat
from pipelines.landing.elements import TooLarge, read_elements
from pipelines.landing.identity import stamp
from pipelines.landing.lines import BATCH, BadLine, LineReader, batch_of, in_small_batches
from pipelines.landing.plan import Plan, mapping_of, scores_of
from pipelines.landing.shape import Origin, elements_of, shape_json, shape_table
from pipelines.settings import Settings
from warehouse.connection import literal
from warehouse.schemas import ITEMS

MAX_EXPANDED = 64 * 1024 * 1024
"""Characters of one record that holds several; lines have `landing.max_line_bytes`."""
UNFINISHED = "last line has no end yet; it is read when the file grows"


@contextmanager
def working_database(data_dir: Path) -> Generator[duckdb.DuckDBPyConnection]:
    """An in-memory database that spills under the data folder."""
    db = duckdb.connect(config={"temp_directory": str(data_dir / "tmp")})
    try:
        db.execute("set timezone = 'UTC'")
        yield db
    finally:
        db.close()


def parse(
    db: duckdb.DuckDBPyConnection, plan: Plan, settings: Settings, origin: Origin, *, fields_until: int = 0
) -> list[BadLine]:
    """Fill table `parsed`; return what never became a record. Raises OSError if the file changed meanwhile.

    `fields_until`: up to which record the texts that were read are kept, in column `fields`.
    """
    readers = {"parquet": _parquet, "csv": _csv, "lines": _lines}
    bad = readers.get(plan.found.container, _elements)(db, plan, settings, origin, fields_until)
    # What lands stands in the ledger under the hash taken before.
    if not plan.is_growing and stamp(plan.path) != plan.stamp:
        raise OSError("changed while it was read")
    return bad


def _lines(
    db: duckdb.DuckDBPyConnection, plan: Plan, settings: Settings, origin: Origin, fields_until: int
) -> list[BadLine]:
    stop = plan.wanted.byte_end if plan.is_growing else None
    limit = settings.landing.max_line_bytes
    reader = LineReader(plan.path, limit, plan.wanted.byte_start, stop, plan.first_line)
    _shape_lines(db, pa.RecordBatchReader.from_batches(BATCH, iter(reader)), plan, settings, origin, fields_until)
    if not plan.is_growing:
        return reader.bad
    if reader.sha256 != plan.wanted.sha256:
        raise OSError("changed while it was read (not only appended to)")
    if not plan.tail:
        return reader.bad
    return [*reader.bad, BadLine(reader.last_line + 1, UNFINISHED, plan.tail[:4096])]


def _elements(
    db: duckdb.DuckDBPyConnection, plan: Plan, settings: Settings, origin: Origin, fields_until: int
) -> list[BadLine]:
    try:
        elements, bad = read_elements(plan.path, is_array=plan.found.container == "array")
    except TooLarge as error:
        raise UnknownFormat(str(error)) from None
    if plan.found.source.expand:
        large = [number for number, text in elements if len(text) > MAX_EXPANDED]
        bad += [
            BadLine(number, "a record of more than 64 MiB cannot be taken apart; write one per line")
            for number in large
        ]
        elements = [(number, text) for number, text in elements if len(text) <= MAX_EXPANDED]
    _shape_lines(db, batch_of(elements), plan, settings, origin, fields_until)
    return bad


def _shape_lines(
    db: duckdb.DuckDBPyConnection,
    batches: pa.RecordBatchReader,
    plan: Plan,
    settings: Settings,
    origin: Origin,
    fields_until: int,
) -> None:
    source, relation = plan.found.source, "lines"
    mapping, scores = mapping_of(settings, source), scores_of(settings, source)
    if source.expand:
        batches, relation = pa.RecordBatchReader.from_batches(BATCH, in_small_batches(batches)), "elements"
    db.register("lines", batches)
    if source.expand:
        # A step of its own: as one statement with what follows, the engine kept every record in memory several times.
        db.execute(f"create temp table elements as {elements_of(source, mapping, 'lines', scores)}")
        _number_elements(db)
    until = fields_until * ITEMS if source.expand else fields_until
    sql = shape_json(source, mapping, relation, origin, datetime.now(UTC), scores, fields_until=until)
    db.execute(f"create temp table parsed as {sql}")
    db.execute("drop table if exists elements")


def _number_elements(db: duckdb.DuckDBPyConnection) -> None:
    """A row is found again by its landing and its number, so the elements of one line need numbers of their own."""
    numbered = "select rowid as at, row_number() over (partition by source_line order by rowid) as item from elements"
    db.execute(
        f"update elements set source_line = source_line * {ITEMS} + item from ({numbered}) as n where elements.rowid = n.at"
    )


def _csv(
    db: duckdb.DuckDBPyConnection, plan: Plan, settings: Settings, origin: Origin, fields_until: int
) -> list[BadLine]:
    reader = CsvReader(plan.path, settings.landing.max_line_bytes)
    present: dict[str, str] = {}
    for index, name in enumerate(reader.header):
        present.setdefault(name.lower(), f"c{index}")
    db.register("rows", pa.RecordBatchReader.from_batches(reader.schema, iter(reader)))
    _shape_rows(db, "rows", present, plan, settings, origin, fields_until)
    return reader.bad


def _parquet(
    db: duckdb.DuckDBPyConnection, plan: Plan, settings: Settings, origin: Origin, fields_until: int
) -> list[BadLine]:
    file = f"read_parquet({literal(str(plan.path))}, file_row_number = true)"
    described = db.execute(f"describe select * exclude (file_row_number) from {file}").fetchall()
    columns = [f'"{name.replace(chr(34), chr(34) * 2)}" as c{i}' for i, (name, *_) in enumerate(described)]
    # A list or struct as JSON text, which is what the same field is in the other formats.
    present = {
        name.lower(): f"to_json(c{i})" if kind.endswith("]") or kind.startswith(("STRUCT", "MAP")) else f"c{i}"
        for i, (name, kind, *_) in enumerate(described)
    }
    relation = f"(select {', '.join(['file_row_number + 1 as source_line', *columns])} from {file})"
    _shape_rows(db, relation, present, plan, settings, origin, fields_until)
    return []


def _shape_rows(
    db: duckdb.DuckDBPyConnection,
    relation: str,
    present: dict[str, str],
    plan: Plan,
    settings: Settings,
    origin: Origin,
    fields_until: int,
) -> None:
    source = plan.found.source
    mapping, scores = mapping_of(settings, source), scores_of(settings, source)
    now = datetime.now(UTC)
    sql = shape_table(source, mapping, relation, present, origin, now, scores, fields_until=fields_until)
    db.execute(f"create temp table parsed as {sql}")
