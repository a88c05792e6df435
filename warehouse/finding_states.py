"""What people said of findings: open again, acknowledged, done. Rows are only added, so that who said what stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

import sqlalchemy as sa

from warehouse import control as db
from warehouse.control import Control, now_text

State = Literal["open", "acknowledged", "done"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Said:
    """One word on a finding. `place_md5` says what it is about without naming a tenant; `since` is None for a standing one."""

    finding_id: str
    place_md5: str
    since: date | None
    state: State
    said_by: str
    said_at: str
    note: str | None


def say(
    control: Control, finding_id: str, place_md5: str, since: date | None, state: State, said_by: str, note: str | None
) -> None:
    """Add a word; the newest of a finding counts."""
    row = {
        "finding_id": finding_id,
        "place_md5": place_md5,
        "since": None if since is None else since.isoformat(),
        "state": state,
        "said_by": said_by,
        "said_at": now_text(),
        "note": note,
    }
    with control.write() as connection:
        connection.execute(sa.insert(db.finding_state).values(**row))


def everything_said(control: Control) -> list[Said]:
    """Of all findings, the oldest first."""
    table = db.finding_state
    rows = control.rows(sa.select(table).order_by(table.c.seq))
    return [
        Said(
            row.finding_id,
            row.place_md5,
            None if row.since is None else date.fromisoformat(row.since),
            row.state,
            row.said_by,
            row.said_at,
            row.note,
        )
        for row in rows
    ]
