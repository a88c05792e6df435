"""Erasing a tenant or a user: their rows leave the lake, and a tombstone keeps them out of the models for good.

    rewritten files, durable --> one transaction: tombstone, files swapped, days dirty, counts --> old files deleted

Killed before the transaction nothing has happened, killed after it the next erasure deletes what is left; so it can
always be run again. What an overlapping export brings back lands, and the models leave it out.

A request that names nobody is theirs if its trace names them, in its latest version: it goes with the trace's row. If its
observations alone are exported again afterwards, they count as what they name: nobody's.

A call that several sources logged goes from all of their logs, whatever the others call its tenant or user: a copy that
did not count while the first source's row was there would otherwise begin to. If only that copy's log is exported again
afterwards, nothing tells any more whose it was, and it counts as what it names.

Not touched, because nothing in them names a tenant: task outcomes and stale reports (they name tasks), cost pools,
bills. Nor are the files that were ingested, which are not ours. Published versions keep the rows until the builds that
follow have replaced them. Of closed months the tenant's own figures go and the totals stay.

A user is erased by the clear id, whether it was stored as it is or hashed with any key that is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines.feeds.compute import pc
from pipelines.landing import ledger, quarantine, users
from pipelines.landing.land import Context
from pipelines.landing.rewrite import IsGone, Rewritten, rewrite
from pipelines.landing.sweep import sweep
from warehouse import closed, lake, told_twice, traces
from warehouse import control as db
from warehouse.connection import literal
from warehouse.control import now_text
from warehouse.lake import LakeFile
from warehouse.schemas import UNATTRIBUTED
from warehouse.told_twice import Logged

KINDS: Mapping[str, str] = {"tenant": "tenant_id", "user": "end_user_id"}
"""What can be erased -> the column that names it."""


_NONE = pa.table({"record_key": pa.array([], pa.string()), "day": pa.array([], pa.date32())})


class EraseError(Exception):
    """The erasure was refused or could not be completed; the message says what to do."""


@dataclass(frozen=True)
class Erased:
    """Rows removed by dataset, UTC days that the next build replaces, quarantined rows whose kept bytes were emptied.

    `closed`: rows of closed figures by mart.
    """

    rows: Mapping[str, int]
    days: frozenset[str]
    quarantined: int
    closed: Mapping[str, int] = field(default_factory=dict[str, int])


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
    data_dir = context.settings.data_dir
    names = _names(context, kind, identifier)
    while True:
        # Again until nothing is found: landing goes on meanwhile.
        rewritten = list(_rewrite_all(context, KINDS[kind], names))
        with context.control.write() as connection:
            _bury(connection, kind, names, by)
            done = [item for item in rewritten if lake.swap(connection, item.old.path, item.new)]
            _count(connection, done)
        for item in done:
            rows[item.old.dataset] += item.removed
            days |= {item.old.day} if item.old.day else set()
        known, names = names, _names(context, kind, identifier)
        if not rewritten and known == names:
            # Whoever landed with a newer key has read its tombstones after this one was written.
            break
    sweep(context.control, context.lake, data_dir)
    figures = _forget_closed(context, identifier) if kind == "tenant" else {}
    return Erased(dict(rows), frozenset(days), quarantine.forget(data_dir, identifier), figures)


def _names(context: Context, kind: str, identifier: str) -> list[str]:
    return users.spellings(context.settings, identifier) if kind == users.USER else [identifier]


def _forget_closed(context: Context, tenant_id: str) -> dict[str, int]:
    if not closed.holds(context.settings.data_dir, tenant_id):
        return {}
    with context.control.write() as connection:  # first: killed behind it, a build too many is all that comes of it
        _mark_everything(connection)
    return closed.forget(context.settings.data_dir, tenant_id)


def _rewrite_all(context: Context, column: str, names: list[str]) -> Iterator[Rewritten]:
    """Every file that counts and holds rows of theirs, rewritten without them beside it, durably."""
    for dataset in lake.datasets():
        if column not in lake.dataset_schema(dataset).names:
            continue
        with context.control.read() as connection:
            files = lake.files(connection, dataset)
        unnamed = _unnamed(context, files, column, names) if dataset == lake.REQUESTS else _NONE
        for old in _holding(context, files, column, names, unnamed):
            yield rewrite(context.lake, old, _theirs(old, column, names, unnamed))


def _unnamed(context: Context, files: list[LakeFile], column: str, names: list[str]) -> pa.Table:
    """Requests of theirs that do not say so themselves: their trace does, or another source's row of the same call."""
    with context.control.read() as connection:
        named_by = [context.lake.absolute(file.path) for file in lake.files(connection, lake.TRACES)]
    requests = [context.lake.absolute(file.path) for file in files]
    traced = traces.requests_naming(named_by, requests, column, names)
    return pa.concat_tables([traced, _copies(context, files, column, names, traced)])


def _copies(context: Context, files: list[LakeFile], column: str, names: list[str], traced: pa.Table) -> pa.Table:
    """Other sources' rows of the same calls: `record_key`, `day`."""
    with context.control.read() as connection:
        sources = lake.sources(connection)
    logged = [
        Logged(
            context.lake.absolute(file.path), date.fromisoformat(file.day or ""), sources[file.landing_id], file.rows
        )
        for file in files
    ]
    theirs = f"{column} in ({', '.join(map(literal, names))})"
    return told_twice.copies(logged, context.settings.sources.ranked, theirs, traced, context.lake.root.parent / "tmp")


def _holding(
    context: Context, files: list[LakeFile], column: str, names: list[str], unnamed: pa.Table
) -> list[LakeFile]:
    by_path = {str(context.lake.absolute(file.path)): file for file in files}
    if not by_path:
        return []
    listed = ", ".join(map(literal, by_path))
    relation = f"read_parquet([{listed}], filename = true, hive_partitioning = false, union_by_name = true)"
    condition = f"{column} in ({', '.join('?' for _ in names)})"
    with duckdb.connect() as database:
        if unnamed.num_rows:
            database.register("unnamed", unnamed)
            condition += " or record_key in (select record_key from unnamed)"
        found = database.execute(f"select distinct filename from {relation} where {condition}", names)
        return [by_path[path] for (path,) in found.fetchall()]


def _theirs(file: LakeFile, column: str, names: list[str], unnamed: pa.Table) -> IsGone:
    """Which rows of this file are theirs."""
    keys = unnamed.filter(pc.equal(unnamed["day"], date.fromisoformat(file.day)))["record_key"] if file.day else []

    def is_theirs(batch: pa.RecordBatch) -> Any:
        named = pc.is_in(batch.column(column), pa.array(names, pa.string()))
        return pc.or_(named, pc.is_in(batch.column("record_key"), keys)) if len(keys) else named

    return is_theirs


def _bury(connection: Connection, kind: str, names: list[str], by: str) -> None:
    """A tombstone for every spelling; an earlier one stays. Alerts that name a tenant go with it."""
    for name in names:
        users.add_tombstone(connection, kind, name, now_text(), by)
    if kind == "tenant":
        for table in (db.alert_delivery, db.alert):
            connection.execute(sa.delete(table).where(table.c.tenant_id.in_(names)))


def _count(connection: Connection, done: list[Rewritten]) -> None:
    """Counts of the landings, and what the next build replaces: the days; after a feed all of them."""
    for item in done:
        landing = sa.update(db.landing).where(db.landing.c.landing_id == item.old.landing_id)
        connection.execute(landing.values(erased=db.landing.c.erased + item.removed))
    ledger.mark_days(connection, {item.old.day for item in done if item.old.day})
    if any(item.old.dataset != lake.REQUESTS for item in done):
        _mark_everything(connection)


def _mark_everything(connection: Connection) -> None:
    connection.execute(sa.insert(db.dirty_all).values(reason="a tenant was erased"))
