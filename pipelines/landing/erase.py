"""Erasing a tenant or a user: their rows leave the lake, and a tombstone keeps them out of the models for good.

    rewritten files, durable --> one transaction: tombstone, files swapped, days dirty, counts --> old files deleted

Killed before the transaction nothing has happened, killed after it the next erasure deletes what is left; so it can
always be run again. What an overlapping export brings back lands, and the models leave it out.

Not touched, because nothing in them names a tenant: task outcomes and stale reports (they name tasks), cost pools,
bills. Nor are the files that were ingested, which are not ours. Published versions keep the rows until the builds that
follow have replaced them.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines.feeds.compute import pc
from pipelines.landing import ledger, quarantine
from pipelines.landing.land import Context
from pipelines.landing.sweep import sweep
from warehouse import control as db
from warehouse import lake
from warehouse.connection import literal
from warehouse.control import now_text
from warehouse.lake import LakeFile
from warehouse.schemas import UNATTRIBUTED

KINDS: Mapping[str, str] = {"tenant": "tenant_id", "user": "end_user_id"}
"""What can be erased -> the column that names it."""


class EraseError(Exception):
    """The erasure was refused or could not be completed; the message says what to do."""


@dataclass(frozen=True)
class Erased:
    """Rows removed by dataset, UTC days that the next build replaces, quarantined rows whose kept bytes were emptied."""

    rows: Mapping[str, int]
    days: frozenset[str]
    quarantined: int


@dataclass(frozen=True)
class _Rewritten:
    """A file that held rows of theirs, and what is left of it (None: nothing)."""

    old: LakeFile
    new: LakeFile | None

    @property
    def erased(self) -> int:
        return self.old.rows - (self.new.rows if self.new else 0)


def erase(context: Context, kind: str, identifier: str, by: str) -> Erased:
    """Erase a tenant or a user, named as the logs name them. The caller holds the build lock: a build reads these files.

    Raises EraseError.
    """
    if kind not in KINDS:
        raise EraseError(f"Cannot erase {kind!r}. What can be erased: {', '.join(KINDS)}.")
    if not identifier.strip() or (kind == "tenant" and identifier == UNATTRIBUTED):
        raise EraseError(f"Cannot erase {kind} {identifier!r}: that is everyone whom the logs do not name.")
    try:
        return _erase(context, kind, identifier, by)
    except (OSError, duckdb.Error) as error:
        # The engine's own words may quote a row.
        what = str(error) if isinstance(error, OSError) else type(error).__name__
        raise EraseError(f"Erasing was not completed ({what}). Run it again when that is mended.") from None


def _erase(context: Context, kind: str, identifier: str, by: str) -> Erased:
    rows: Counter[str] = Counter()
    days: set[str] = set()
    while True:
        # Again until nothing is found: landing goes on meanwhile.
        rewritten = list(_rewrite_all(context, KINDS[kind], identifier))
        with context.control.write() as connection:
            _bury(connection, kind, identifier, by)
            done = [item for item in rewritten if lake.swap(connection, item.old.path, item.new)]
            _count(connection, done)
        for item in done:
            rows[item.old.dataset] += item.erased
            days |= {item.old.day} if item.old.day else set()
        if not rewritten:
            break
    sweep(context.control, context.lake, context.settings.data_dir)
    return Erased(dict(rows), frozenset(days), quarantine.forget(context.settings.data_dir, identifier))


def _rewrite_all(context: Context, column: str, identifier: str) -> Iterator[_Rewritten]:
    """Every file that counts and holds rows of theirs, rewritten without them beside it, durably."""
    for dataset in lake.datasets():
        if column not in lake.dataset_schema(dataset).names:
            continue
        with context.control.read() as connection:
            files = lake.files(connection, dataset)
        for old in _holding(context, files, column, identifier):
            yield _Rewritten(old, _rewrite(context, old, column, identifier))


def _holding(context: Context, files: list[LakeFile], column: str, identifier: str) -> list[LakeFile]:
    by_path = {str(context.lake.absolute(file.path)): file for file in files}
    if not by_path:
        return []
    listed = ", ".join(map(literal, by_path))
    relation = f"read_parquet([{listed}], filename = true, hive_partitioning = false, union_by_name = true)"
    with duckdb.connect() as database:
        found = database.execute(f"select distinct filename from {relation} where {column} = ?", [identifier])
        return [by_path[path] for (path,) in found.fetchall()]


def _rewrite(context: Context, old: LakeFile, column: str, identifier: str) -> LakeFile | None:
    token = uuid.uuid4().hex[:8]
    staging = context.lake.stage(old.landing_id, token)
    target = staging / (f"day={old.day}" if old.day else "") / f"{old.landing_id}-{token}.parquet"
    target.parent.mkdir(exist_ok=True)
    if not _write_without(context.lake.absolute(old.path), target, column, identifier):
        target.unlink()
    new = context.lake.admit(old.landing_id, token, old.dataset)
    return new[0] if new else None


def _write_without(source: Path, target: Path, column: str, identifier: str) -> int:
    """Copy a file but for those rows, with its schema and its metadata; the rows that are left."""
    kept = 0
    with pq.ParquetFile(source) as file, pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
        for batch in file.iter_batches():
            others = batch.filter(pc.fill_null(pc.not_equal(batch.column(column), identifier), True))
            kept += others.num_rows
            if others.num_rows:
                writer.write_batch(others)
    return kept


def _bury(connection: Connection, kind: str, identifier: str, by: str) -> None:
    """The tombstone; an earlier one stays."""
    key = {"kind": kind, "id_md5": hashlib.md5(identifier.encode(), usedforsecurity=False).hexdigest()}
    table = db.tombstone
    where = sa.and_(table.c.kind == kind, table.c.id_md5 == key["id_md5"])
    if connection.execute(sa.select(table).where(where)).first() is None:
        connection.execute(sa.insert(table).values(**key, erased_at=now_text(), erased_by=by))


def _count(connection: Connection, done: list[_Rewritten]) -> None:
    """Counts of the landings, and what the next build replaces: the days; after a feed all of them."""
    for item in done:
        landing = sa.update(db.landing).where(db.landing.c.landing_id == item.old.landing_id)
        connection.execute(landing.values(erased=db.landing.c.erased + item.erased))
    ledger.mark_days(connection, {item.old.day for item in done if item.old.day})
    if any(item.old.dataset != lake.REQUESTS for item in done):
        connection.execute(sa.insert(db.dirty_all).values(reason="a tenant was erased"))
