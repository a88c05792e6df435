"""From table `parsed` to staged Parquet: what is refused, what repeats, what is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.landing import quarantine
from pipelines.landing.lines import BadLine
from pipelines.landing.quarantine import Quarantined
from warehouse.connection import literal
from warehouse.schemas import COLUMNS, SCHEMA_VERSION


@dataclass(frozen=True)
class Staged:
    """Of every record read: how many are staged, how many repeat another; the days and models of those staged."""

    total: int
    kept: int
    duplicates: int
    days: frozenset[str]
    models: frozenset[tuple[str, str]]


def take_rejected(
    db: duckdb.DuckDBPyConnection, bad: Iterable[BadLine], file: str, source: str, keep_bytes: bool
) -> list[Quarantined]:
    """Take the unreadable rows out of `parsed`; they and the lines that never became records, by line."""
    rows = [Quarantined(file, b.source_line, source, b.reason, quarantine.body(b.body, keep_bytes)) for b in bad]
    found = db.execute("select source_line, problem, raw from parsed where problem is not null").fetchall()
    rows += [Quarantined(file, line, source, why, quarantine.body(raw, keep_bytes)) for line, why, raw in found]
    db.execute("delete from parsed where problem is not null")
    return sorted(rows, key=lambda row: row.line)


def stage(db: duckdb.DuckDBPyConnection, folder: Path, name: str) -> Staged:
    """Write what is left of `parsed` as Parquet, one folder per day, files called `name`-0, -1, …"""
    total = _count(db)
    _drop_duplicates(db)
    days = db.execute("select distinct day from parsed").fetchall()
    models = db.execute(
        "select distinct coalesce(provider_name, ''), coalesce(base_model, response_model) from parsed "
        "where coalesce(base_model, response_model) is not null"
    ).fetchall()
    columns = ", ".join(column.name for column in COLUMNS)
    db.execute(
        f"""copy (select {columns} from parsed order by source_line) to {literal(str(folder))} (
            format parquet, compression zstd, partition_by (day), write_partition_columns true, overwrite_or_ignore true,
            filename_pattern '{name}-{{i}}', kv_metadata {{'margincall.schema_version': '{SCHEMA_VERSION}'}})"""
    )
    kept = _count(db)
    return Staged(total, kept, total - kept, frozenset(str(day) for (day,) in days), frozenset(models))


def _count(db: duckdb.DuckDBPyConnection) -> int:
    return int(db.execute("select count(*) from parsed").fetchall()[0][0])


def _drop_duplicates(db: duckdb.DuckDBPyConnection) -> None:
    """Remove repeated copies of a record within the file; the first line stays."""
    repeated = "select record_key from parsed group by record_key, version_at, row_hash having count(*) > 1"
    db.execute(
        f"""delete from parsed where record_key in ({repeated}) and (record_key, version_at, row_hash, source_line) not in (
            select (record_key, version_at, row_hash, min(source_line)) from parsed where record_key in ({repeated})
            group by record_key, version_at, row_hash)"""
    )
