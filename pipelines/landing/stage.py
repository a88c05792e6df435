"""From table `parsed` to staged Parquet: what is refused, what is passed over, what repeats, what is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.landing import quarantine
from pipelines.landing.lines import BadLine
from pipelines.landing.quarantine import Quarantined
from pipelines.landing.shape import OUTCOMES
from pipelines.sources import OUTCOME, REQUEST, TRACE, Source
from warehouse.connection import literal
from warehouse.feed_schemas import LINEAGE
from warehouse.schemas import COLUMNS, ITEMS, SCHEMA_VERSION, sql_type
from warehouse.schemas import TRACE as TRACE_COLUMNS

UNJUDGED = "scores that say neither success nor failure"
UNLINKED = "scores of no task or conversation"


@dataclass(frozen=True)
class Staged:
    """Of every record read: how many are staged, how many repeat another; the days and models of those staged."""

    total: int
    kept: int
    duplicates: int
    days: frozenset[str]
    models: frozenset[tuple[str, str]]


def take_rejected(
    db: duckdb.DuckDBPyConnection, bad: Iterable[BadLine], file: str, source: Source, keep_bytes: bool
) -> list[Quarantined]:
    """Take the unreadable rows out of `parsed`; they and the lines that never became records, by line of the file."""
    rows = [Quarantined(file, b.source_line, source.name, b.reason, quarantine.body(b.body, keep_bytes)) for b in bad]
    line = f"source_line // {ITEMS}" if source.expand else "source_line"
    found = db.execute(f"select {line}, problem, raw from parsed where problem is not null order by source_line")
    rows += [
        Quarantined(file, line, source.name, why, quarantine.body(raw, keep_bytes))
        for line, why, raw in found.fetchall()
    ]
    db.execute("delete from parsed where problem is not null")
    return sorted(rows, key=lambda row: row.line)


def take_apart(db: duckdb.DuckDBPyConnection, source: Source) -> dict[str, int]:
    """Move outcomes and traces from `parsed` to tables `outcomes` and `traces`, and drop what else is no request: what
    it is -> rows.

    After `take_rejected`: what is left in `parsed` are requests.
    """
    if source.kind is None:
        return {}
    is_linked = f"coalesce({', '.join(f'o_{name}' for name in OUTCOMES.any_of)}) is not null"
    judged = f"kind = '{OUTCOME}' and o_outcome is not null and {is_linked}"
    columns = ", ".join(f"o_{column.name} as {column.name}" for column in OUTCOMES.columns)
    lineage = "source_file, source_line, row_hash"
    db.execute(f"create temp table outcomes as select {columns}, {lineage} from parsed where {judged}")
    db.execute(f"create temp table traces as select * from parsed where kind = '{TRACE}'")
    unlanded = f"case when kind <> '{OUTCOME}' then kind when o_outcome is null then '{UNJUDGED}' else '{UNLINKED}' end"
    passed_over = db.execute(
        f"select {unlanded} as what, count(*) from parsed "
        f"where kind not in ('{REQUEST}', '{TRACE}') and not ({judged}) group by 1 order by 1"
    ).fetchall()
    db.execute(f"delete from parsed where kind <> '{REQUEST}'")
    return dict(passed_over)


def stage_outcomes(db: duckdb.DuckDBPyConnection, folder: Path, name: str, landing_id: str) -> Staged:
    """Write table `outcomes` as one Parquet file of the feed `task_outcomes`, as part of that landing; none for no row."""
    total = _count(db, "outcomes")
    if total:
        _drop_duplicates(db, "outcomes", "outcome_id, observed_at, row_hash")
        kinds = {column.name: sql_type(column.arrow_type) for column in (*OUTCOMES.columns, *LINEAGE)}
        lineage = {"landing_id": literal(landing_id)}
        columns = ", ".join(f"({lineage.get(name, name)})::{kind} as {name}" for name, kind in kinds.items())
        _write(db, f"select {columns} from outcomes order by source_line", folder / f"{name}.parquet")
    kept = _count(db, "outcomes")
    return Staged(total, kept, total - kept, frozenset(), frozenset())


def stage_traces(db: duckdb.DuckDBPyConnection, folder: Path, name: str, landing_id: str) -> Staged:
    """Write table `traces` as one Parquet file of the dataset `trace`, as part of that landing; none for no row."""
    total = _count(db, "traces")
    if total:
        _drop_duplicates(db, "traces", "trace_id, version_at, row_hash")
        columns = ", ".join(
            f"{literal(landing_id)} as landing_id" if column.name == "landing_id" else column.name
            for column in TRACE_COLUMNS
        )
        _write(db, f"select {columns} from traces order by source_line", folder / f"{name}.parquet")
    kept = _count(db, "traces")
    return Staged(total, kept, total - kept, frozenset(), frozenset())


def stage(db: duckdb.DuckDBPyConnection, folder: Path, name: str) -> Staged:
    """Write what is left of `parsed` as Parquet, one folder per day, in a file called `name`-0."""
    total = _count(db, "parsed")
    _drop_duplicates(db, "parsed", "record_key, version_at, row_hash")
    days = db.execute("select distinct day from parsed").fetchall()
    models = db.execute(
        "select distinct coalesce(provider_name, ''), coalesce(base_model, response_model) from parsed "
        "where coalesce(base_model, response_model) is not null"
    ).fetchall()
    columns = ", ".join(column.name for column in COLUMNS)
    for (day,) in days:
        # Rows are in the order of the file already, and stay in it: one statement for all days would have to sort them.
        path = folder / f"day={day}" / f"{name}-0.parquet"
        path.parent.mkdir()
        _write(db, f"select {columns} from parsed where day = date '{day}'", path)
    kept = _count(db, "parsed")
    return Staged(total, kept, total - kept, frozenset(str(day) for (day,) in days), frozenset(models))


def _write(db: duckdb.DuckDBPyConnection, rows: str, path: Path) -> None:
    db.execute(
        f"""copy ({rows}) to {literal(str(path))} (
            format parquet, compression zstd, kv_metadata {{'margincall.schema_version': '{SCHEMA_VERSION}'}})"""
    )


def _count(db: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(db.execute(f"select count(*) from {table}").fetchall()[0][0])


def _drop_duplicates(db: duckdb.DuckDBPyConnection, table: str, key: str) -> None:
    """Remove repeated copies of a row within the file; the first one stays."""
    repeated = f"select {key} from {table} group by {key} having count(*) > 1"
    db.execute(
        f"""delete from {table} where ({key}) in ({repeated}) and ({key}, source_line) not in (
            select ({key}, min(source_line)) from {table} where ({key}) in ({repeated}) group by {key})"""
    )
