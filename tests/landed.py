"""What landing left behind, read from the ledger and from exactly the lake files that it lists."""

from __future__ import annotations

from typing import Any

import duckdb
import sqlalchemy as sa

from pipelines.landing import quarantine
from pipelines.landing.ledger import Counts
from tests.workspace import Workspace
from warehouse import control as db
from warehouse import lake

Row = dict[str, Any]


def listed(workspace: Workspace, dataset: str = lake.REQUESTS) -> list[lake.LakeFile]:
    """The files that count."""
    with workspace.control.read() as connection:
        return lake.files(connection, dataset)


def rows(workspace: Workspace, columns: str = "*", order: str = "source_file, source_line") -> list[Row]:
    """Rows of the requests that count, as name -> value."""
    relation = lake.scan(lake.REQUESTS, [workspace.lake.absolute(file.path) for file in listed(workspace)])
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        found = database.execute(f"select {columns} from {relation} order by {order}")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def landings(workspace: Workspace, state: str = "landed") -> list[sa.Row[Any]]:
    """Rows of the ledger in this state, in the order of their claims."""
    query = sa.select(db.landing).where(db.landing.c.state == state).order_by(db.landing.c.seq)
    return workspace.control.rows(query)


def refused(workspace: Workspace) -> list[tuple[int, str]]:
    """Line and reason of every quarantined row of landings that count."""
    ids = [row.landing_id for row in landings(workspace)]
    return [(row.line, row.reason) for row in quarantine.read(workspace.settings.data_dir, ids)]


def dirty_days(workspace: Workspace) -> set[str]:
    return {row.day for row in workspace.control.rows(sa.select(db.dirty_day))}


def clear_dirt(workspace: Workspace) -> None:
    with workspace.control.write() as connection:
        connection.execute(sa.delete(db.dirty_day))


def assert_conserved(workspace: Workspace) -> None:
    """Every landing's counts add up and agree with its lake files and its quarantine; every listed file is there."""
    stored: dict[str, int] = {}
    for file in (file for dataset in lake.datasets() for file in listed(workspace, dataset)):
        path = workspace.lake.absolute(file.path)
        assert lake.fsync_and_hash(path) == file.sha256
        stored[file.landing_id] = stored.get(file.landing_id, 0) + file.rows
    for row in landings(workspace):
        Counts(row.rows_in, row.landed, row.duplicate, row.quarantined)
        assert stored.pop(row.landing_id, 0) == row.landed - row.erased
        kept = list(quarantine.read(workspace.settings.data_dir, [row.landing_id]))
        assert len(kept) == row.quarantined, kept
    assert stored == {}
