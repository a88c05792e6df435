"""The landing ledger: who lands what, and the one transaction that makes it count.

    claimed --(files renamed, then one transaction)--> landed --(the same bytes under a newer mapping)--> replaced

A claim whose lease ran out was left by a process that died; the next one takes it over. Committing checks that the
claim is still ours, so that a process thought dead cannot land a second time.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse import control, lake
from warehouse.control import Control, now_text
from warehouse.lake import LakeFile

LANDING = control.landing


@dataclass(frozen=True)
class Claim:
    """The right to land one byte range of one content under one mapping."""

    landing_id: str
    token: str
    dataset: str
    source: str
    path: str
    sha256: str
    head_sha256: str
    mapping_version: str
    byte_start: int
    byte_end: int
    is_takeover: bool = False
    """An earlier try, killed or given up for dead, may have left files behind."""


@dataclass(frozen=True)
class Counts:
    """`rows_in = landed + duplicate + quarantined`, always.

    A row is a request, an outcome or a trace, after a record that holds several was taken apart, or a piece that cannot
    be read (these count with the requests). What a source passes over is no row; landing says how many of what.
    """

    rows_in: int = 0
    landed: int = 0
    duplicate: int = 0
    quarantined: int = 0

    def __post_init__(self) -> None:
        if self.rows_in != self.landed + self.duplicate + self.quarantined:
            raise AssertionError(f"rows were lost or invented while landing: {self}")

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


NO_ROWS = Counts()


@dataclass(frozen=True)
class Beside:
    """Rows of another dataset that the same bytes held: they land in the same transaction, as a landing of their own."""

    landing_id: str
    dataset: str
    files: list[LakeFile]
    counts: Counts


@dataclass(frozen=True)
class Refused:
    """Why there is nothing to land: `already` landed, or `busy` in another process."""

    state: str
    by: str
    counts: Counts


@dataclass(frozen=True)
class Landed:
    """What changes besides the rows themselves when a landing counts."""

    files: list[LakeFile]
    counts: Counts
    models: frozenset[tuple[str, str]] = frozenset()
    dirty_days: frozenset[str] = frozenset()
    dirty_feed: bool = False
    dirty_all: str | None = None
    replaces: tuple[str, ...] = ()
    quarantined_still: tuple[tuple[str, int], ...] = ()
    """Earlier landings that this one continues -> quarantined rows they have left."""
    beside: tuple[Beside, ...] = ()


def landing_id(sha256: str, mapping_version: str, byte_start: int, dataset: str) -> str:
    """A landing's name follows from what it lands, so that a second try of it finds the leftovers of the first."""
    return hashlib.sha256(f"{sha256}/{mapping_version}/{byte_start}/{dataset}".encode()).hexdigest()[:20]


def earlier(ledger: Control, head_sha256: str, dataset: str) -> list[sa.Row[tuple[object, ...]]]:
    """Landings that begin with the same first line: an earlier state of this file may be among them."""
    query = sa.select(LANDING).where(
        LANDING.c.head_sha256 == head_sha256, LANDING.c.dataset == dataset, LANDING.c.state == "landed"
    )
    return ledger.rows(query.order_by(LANDING.c.byte_end))


def claim(ledger: Control, wanted: Claim, lease_s: int) -> Claim | Refused:
    """Take the right to land, or say why not. Safe against any number of processes asking at once."""
    owner = f"pid {os.getpid()} on {os.uname().nodename}"
    token, now = uuid.uuid4().hex[:8], int(time.time())
    with ledger.write() as connection:
        row = connection.execute(sa.select(LANDING).where(LANDING.c.landing_id == wanted.landing_id)).one_or_none()
        if row is not None and row.state == "landed":
            return Refused("already", row.path, Counts(row.rows_in, row.landed, row.duplicate, row.quarantined))
        if row is not None and row.state == "claimed" and _is_live(row, now):
            return Refused("busy", _who(row.owner), NO_ROWS)
        if row is not None:
            connection.execute(sa.delete(LANDING).where(LANDING.c.landing_id == wanted.landing_id))
        ours = replace(wanted, token=token, is_takeover=row is not None)
        values = {key: value for key, value in vars(ours).items() if key not in ("token", "is_takeover")}
        holder = {"state": "claimed", "lease_until": now + lease_s, "owner": f"{owner} #{token}"}
        connection.execute(sa.insert(LANDING).values(**values, **holder))
    return ours


def drop_abandoned(ledger: Control, discard: Callable[[str], None]) -> None:
    """Let go of claims whose holders are gone, and of their files: inside the transaction, so that nobody takes over."""
    with ledger.write() as connection:
        for row in connection.execute(sa.select(LANDING).where(LANDING.c.state == "claimed")).fetchall():
            if not _is_live(row, int(time.time())):
                discard(row.landing_id)
                connection.execute(sa.delete(LANDING).where(LANDING.c.seq == row.seq))


def renew(ledger: Control, held: Claim, lease_s: int) -> None:
    """Say that a long landing is still alive."""
    with ledger.write() as connection:
        _check_held(connection, held)
        until = int(time.time()) + lease_s
        connection.execute(sa.update(LANDING).where(LANDING.c.landing_id == held.landing_id).values(lease_until=until))


def release(ledger: Control, held: Claim) -> bool:
    """Give a claim back after a failure; nothing of it counts. False if it was no longer ours."""
    mine = sa.and_(LANDING.c.landing_id == held.landing_id, LANDING.c.owner.endswith(f"#{held.token}"))
    with ledger.write() as connection:
        deleted = connection.execute(sa.delete(LANDING).where(mine, LANDING.c.state == "claimed"))
        return deleted.rowcount > 0


def commit(ledger: Control, held: Claim, landed: Landed) -> None:
    """Make a landing count: files, dirty marks, counts and state in one transaction."""
    with ledger.write() as connection:
        _check_held(connection, held)
        lake.record(connection, landed.files)
        for old in landed.replaces:
            retire(connection, old)
        for old, left in landed.quarantined_still:
            counts = {"quarantined": left, "rows_in": LANDING.c.landed + LANDING.c.duplicate + left}
            connection.execute(sa.update(LANDING).where(LANDING.c.landing_id == old).values(**counts))
        mark_days(connection, landed.dirty_days)
        if landed.dirty_feed:
            _mark_feed(connection, landed.files)
        for beside in landed.beside:
            _land_beside(connection, held, beside)
        if landed.dirty_all:
            connection.execute(sa.insert(control.dirty_all).values(reason=landed.dirty_all))
        _remember_models(connection, landed.models)
        connection.execute(
            sa.update(LANDING)
            .where(LANDING.c.landing_id == held.landing_id)
            .values(state="landed", landed_at=now_text(), **vars(landed.counts))
        )


def _land_beside(connection: Connection, held: Claim, beside: Beside) -> None:
    """The claim covers the bytes, whatever they hold; so this landing needs none of its own."""
    connection.execute(
        sa.delete(LANDING).where(LANDING.c.landing_id == beside.landing_id, LANDING.c.state == "replaced")
    )
    values = {key: value for key, value in vars(held).items() if key not in ("token", "is_takeover")}
    values |= {"landing_id": beside.landing_id, "dataset": beside.dataset, "state": "landed", "landed_at": now_text()}
    values |= {"lease_until": 0, "owner": "", **vars(beside.counts)}
    connection.execute(sa.insert(LANDING).values(**values))
    lake.record(connection, beside.files)
    _mark_feed(connection, beside.files)


def _beside(connection: Connection, landing_id: str) -> list[str]:
    """Landings of what else the same bytes held, under the same mapping."""
    one, other = LANDING.alias(), LANDING.alias()
    same = [one.c[name] == other.c[name] for name in ("sha256", "mapping_version", "byte_start", "source")]
    query = sa.select(other.c.landing_id).where(one.c.landing_id == landing_id, other.c.dataset != one.c.dataset, *same)
    return [row.landing_id for row in connection.execute(query.where(other.c.state == "landed"))]


def _mark_feed(connection: Connection, files: list[LakeFile]) -> None:
    marks = [{"dataset": file.dataset, "path": file.path} for file in files]
    if marks:
        connection.execute(sa.insert(control.dirty_feed), marks)


def retire(connection: Connection, old_id: str) -> None:
    """Stop counting a landing whose bytes were landed again under a newer mapping, and what landed beside it."""
    table = control.lake_file
    beside = _beside(connection, old_id)
    days = connection.execute(sa.select(table.c.day).where(table.c.landing_id == old_id, table.c.day.is_not(None)))
    mark_days(connection, {row.day for row in days})
    for one in (old_id, *beside):
        connection.execute(sa.delete(table).where(table.c.landing_id == one))
        connection.execute(sa.update(LANDING).where(LANDING.c.landing_id == one).values(state="replaced"))
    if beside:
        # Which tasks the outcomes judged, and which requests the traces were of, stands in no file that counts any more.
        connection.execute(sa.insert(control.dirty_all).values(reason="outcomes or traces were read again"))


def mark_days(connection: Connection, days: Iterable[str]) -> None:
    """The next build will replace these days."""
    rows = [{"day": day} for day in sorted(days)]
    if rows:
        connection.execute(sa.insert(control.dirty_day), rows)


class LostClaim(Exception):
    """Another process took this landing over; nothing of ours counts."""


def _check_held(connection: Connection, held: Claim) -> None:
    query = sa.select(LANDING.c.owner).where(LANDING.c.landing_id == held.landing_id, LANDING.c.state == "claimed")
    owner = connection.execute(query).scalar()
    if owner is None or not owner.endswith(f"#{held.token}"):
        raise LostClaim(f"{held.path}: another process took over ({owner or 'it is landed'})")


def _remember_models(connection: Connection, models: Iterable[tuple[str, str]]) -> None:
    table = control.seen_model
    known = {(row.provider_name, row.model) for row in connection.execute(sa.select(table))}
    rows = [{"provider_name": provider, "model": model} for provider, model in sorted(set(models) - known)]
    if rows:
        connection.execute(sa.insert(table), rows)


def _is_live(row: sa.Row[Any], now: int) -> bool:
    return row.lease_until > now and _is_alive(row.owner)


def _is_alive(owner: str) -> bool:
    """False only if the owner ran on this machine and is gone: then nobody need wait for its lease."""
    pid, _, host = owner.partition(" on ")
    if host.partition(" #")[0] != os.uname().nodename:
        return True
    try:
        os.kill(int(pid.removeprefix("pid ")), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _who(owner: str) -> str:
    return owner.partition(" #")[0]
