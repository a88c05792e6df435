"""Retention: requests that are older than so many days leave the lake, quarantined bytes go, leftovers are swept.

    figures of closed months, durable --> one transaction: files off the ledger, days dirty, counts --> files deleted

What the marts say of months that retention reaches into is closed first and stays as it was: a full refresh cannot lose
it, and a later correction does not change it. The closing reaches as far beyond the removed days as a task can and as
the weekly view looks back; so everything behind it is worked out from days that are all there.

Killed anywhere it can be run again: closed figures are those that are published anyway, and what left the ledger is
nobody's and is swept. Feeds stay. Published versions keep removed requests until the builds that follow replaced them.

A trace goes by the day on which it began. A request that stays takes nothing from it any more; it is at most as much younger
as a task is long, so its figures are closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines.feeds.compute import pc
from pipelines.landing import ledger, quarantine
from pipelines.landing.land import Context
from pipelines.landing.rewrite import Rewritten, rewrite
from pipelines.landing.sweep import leftovers, sweep
from warehouse import closed, lake, publish, traces
from warehouse import control as db
from warehouse.connection import literal
from warehouse.lake import LakeFile

_LOOK_BACK_DAYS = 7  # the weekly view's last week
_ZONE_DAYS = 1  # a UTC day meets two dates of another zone
_LONGEST_MONTH = 31


class RetentionError(Exception):
    """Nothing was removed; the message says what to do."""


@dataclass(frozen=True)
class Removed:
    """What was removed, or of a dry run would be."""

    requests: int
    days: tuple[str, ...]
    lake_files: int
    closed_before: date | None
    """Figures of dates before it are closed; None while none are."""
    closed_rows: Mapping[str, int]
    """Mart -> rows that were closed by this run; empty in a dry run."""
    quarantined: int
    """Quarantined rows of which nothing but file, line and reason is left."""
    leftovers: int
    """Files of the lake that counted no longer."""
    traces: int = 0


def apply(
    context: Context, request_days: int | None, quarantine_days: int | None, *, today: date, is_dry_run: bool = False
) -> Removed:
    """Remove what is older. The caller holds the build lock. Raises RetentionError.

    None removes nothing of that kind. `today`: the UTC day.
    """
    data_dir = context.settings.data_dir.resolve()
    files: list[LakeFile] = []
    older: dict[LakeFile, int] = {}
    before, rows = closed.closed_before(data_dir), dict[str, int]()
    if request_days is not None:
        limit, closing = _reach(context, request_days, today)
        files, older = _older(context, limit), _older_traces(context, limit)
        if (files or older) and (before is None or before < closing):
            published = _ready(context, limit)
            before = closing
            if not is_dry_run:
                rows = closed.close(data_dir, published, closing)
        if (files or older) and not is_dry_run:
            files = _remove(context, files, list(older), limit)
    emptied = 0
    if quarantine_days is not None:
        until = datetime.combine(today, datetime.min.time(), UTC) - timedelta(days=quarantine_days)
        emptied = _empty(context, until, is_dry_run)
    left = leftovers(context.control, context.lake)
    if not is_dry_run:
        sweep(context.control, context.lake, data_dir)
    return Removed(
        requests=sum(file.rows for file in files),
        days=tuple(sorted({file.day for file in files if file.day})),
        lake_files=len(files),
        closed_before=before,
        closed_rows=rows,
        quarantined=emptied,
        leftovers=len(left) - (0 if is_dry_run else len(files) + len(older)),
        traces=sum(older.values()),
    )


def shortest_days(context: Context) -> int:
    """The shortest retention whose closing does not reach into a month or week that is not over."""
    return _lead(context) + _LONGEST_MONTH + _LOOK_BACK_DAYS + 1


def _reach(context: Context, request_days: int, today: date) -> tuple[date, date]:
    """First day that stays in the lake, and first date whose figures stay open: the first of a month."""
    shortest = shortest_days(context)
    if request_days < shortest:
        raise RetentionError(
            f"Cannot remove requests after {request_days} days: figures of a month are closed before its requests go, "
            f"with tasks of up to {context.settings.tasks.max_span_days} days. The least is {shortest} days."
        )
    limit = today - timedelta(days=request_days)
    earliest = limit + timedelta(days=_lead(context))
    is_first = earliest.day == 1
    return limit, earliest if is_first else (earliest.replace(day=1) + timedelta(days=32)).replace(day=1)


def _lead(context: Context) -> int:
    return context.settings.tasks.max_span_days + _LOOK_BACK_DAYS + _ZONE_DAYS


def _older(context: Context, limit: date) -> list[LakeFile]:
    with context.control.read() as connection:
        files = lake.files(connection, lake.REQUESTS)
    return [file for file in files if file.day and file.day < limit.isoformat()]


def _older_traces(context: Context, limit: date) -> dict[LakeFile, int]:
    """Files with traces that began before that day -> how many."""
    with context.control.read() as connection:
        files = {str(context.lake.absolute(file.path)): file for file in lake.files(connection, lake.TRACES)}
    if not files:
        return {}
    listed = ", ".join(map(literal, files))
    with duckdb.connect() as database:
        found = database.execute(
            f"select filename, count(*) from read_parquet([{listed}], filename = true, union_by_name = true) "
            "where day < ? group by 1 order by 1",
            [limit],
        )
        return {files[path]: rows for path, rows in found.fetchall()}


def _remove(context: Context, files: list[LakeFile], older: list[LakeFile], limit: date) -> list[LakeFile]:
    """Let these files, and the traces before that day in those, count no more; the files of requests that did count."""

    def is_older(batch: pa.RecordBatch) -> Any:
        return pc.less(batch.column("day"), pa.scalar(limit))

    days = _days_of(context, older, limit)
    rewritten = [rewrite(context.lake, file, is_older) for file in older]
    with context.control.write() as connection:
        gone = [file for file in files if lake.swap(connection, file.path, None)]
        done = [item for item in rewritten if lake.swap(connection, item.old.path, item.new)]
        _count(connection, [*(Rewritten(file, None) for file in gone), *done])
        ledger.mark_days(connection, days)
    return gone


def _days_of(context: Context, older: list[LakeFile], limit: date) -> set[str]:
    """Days that have requests of the traces which go."""
    with context.control.read() as connection:
        requests = [context.lake.absolute(file.path) for file in lake.files(connection, lake.REQUESTS)]
    going = lake.scan(lake.TRACES, [context.lake.absolute(file.path) for file in older])
    with duckdb.connect() as database:
        theirs = f"(select * from {going} where day < date '{limit}')"
        days = traces.days_of(database, theirs, lake.scan(lake.REQUESTS, requests if older else []))
    return {day.isoformat() for day in days}


def _ready(context: Context, limit: date) -> Path:
    """The published version, if it says of the dates to close what the lake has."""
    data_dir = context.settings.data_dir.resolve()
    pointer = publish.current(data_dir)
    why = "nothing is published yet" if pointer is None else _waiting(context)
    if pointer is None or why:
        raise RetentionError(
            f"Requests before {limit} are due to go, but their figures are not all published: {why}. "
            "Run `margincall build` first; nothing was removed."
        )
    return publish.serving_folder(data_dir) / pointer.file


def _waiting(context: Context) -> str:
    with context.control.read() as connection:
        counts = [
            int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() or 0)
            for table in (db.dirty_day, db.dirty_feed, db.dirty_all, db.build_day)
        ]
    return "changes wait for a build" if any(counts) else ""


def _count(connection: Connection, done: list[Rewritten]) -> None:
    """Counts of the landings, and the days that the next build leaves out."""
    for item in done:
        landing = sa.update(db.landing).where(db.landing.c.landing_id == item.old.landing_id)
        connection.execute(landing.values(erased=db.landing.c.erased + item.removed))
    ledger.mark_days(connection, {item.old.day for item in done if item.old.day})


def _empty(context: Context, until: datetime, is_dry_run: bool) -> int:
    """Empty what is kept of unreadable rows that landed before; how many there were."""
    table, data_dir = db.landing, context.settings.data_dir
    query = sa.select(table.c.landing_id).where(
        table.c.state == "landed", table.c.quarantined > 0, table.c.landed_at < until.isoformat(timespec="seconds")
    )
    emptied = 0
    for found in context.control.rows(query):
        rows = list(quarantine.read(data_dir, [found.landing_id]))
        full = sum(bool(row.body) for row in rows)
        if full and not is_dry_run:
            quarantine.write(data_dir, found.landing_id, [replace(row, body="") for row in rows])
        emptied += full
    return emptied
