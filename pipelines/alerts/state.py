"""What has fired and what is still to be sent: the alert tables of the control database.

A firing and its deliveries are written in one transaction, so a message that could not be sent is sent by a later run. Whoever
sends claims first, for some minutes: two runs at once do not send the same, and what a killed run had claimed comes free.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines.economics.alerting import Alert, Facts, Fired, Judged, Limit, Memory, due, judge
from warehouse import control as db
from warehouse.control import Control

LEASE_S = 300
"""Longer than a message can take with all its retries."""


class AlertError(Exception):
    """There is no such alert; the message names the nearest."""


@dataclass(frozen=True)
class Firing:
    """An alert that fired, for the `firing`-th time; key and number together are its identity wherever it is told."""

    key: str
    firing: int
    rule: str
    text: str
    fired_at: str


@dataclass(frozen=True)
class Known:
    """An alert as the control database has it. `undelivered`: sinks that have not taken its last firing yet."""

    key: str
    rule: str
    text: str
    is_open: bool
    firings: int
    first_fired_at: str
    last_fired_at: str
    acknowledged_at: str | None
    acknowledged_by: str | None
    acknowledged_note: str | None
    undelivered: tuple[str, ...]


def memory(control: Control) -> Memory:
    with control.read() as connection:
        return _memory(connection)


def record(
    control: Control, facts: Facts, now: datetime, cool_down: timedelta, sinks: Sequence[str]
) -> tuple[list[Firing], Judged]:
    """Judge the facts and keep what fires, each firing with a delivery for every sink. A second run at once fires nothing."""
    with control.write() as connection:
        before = _memory(connection)
        judged = _without_erased(connection, judge(facts, before))
        fired = [(alert, _fire(connection, alert, now)) for alert in due(judged.alerts, before, now, cool_down)]
        _keep_open(connection, judged.alerts)
        for limit in facts.limits:
            _keep_hard(connection, limit)
        rows = [
            {**asdict(firing), "sink": sink, "tenant_id": alert.tenant_id, "claimed_until": 0, "attempts": 0}
            for alert, firing in fired
            for sink in sinks
        ]
        if rows:
            connection.execute(sa.insert(db.alert_delivery), rows)
    return [firing for _, firing in fired], judged


def claim(control: Control, sink: str, now: datetime, most: int) -> list[Firing]:
    """Take up to `most` undelivered firings of a sink, oldest first, which nobody else then sends before the lease is over."""
    table, epoch_s = db.alert_delivery, int(now.timestamp())
    free = (table.c.sink == sink, table.c.delivered_at.is_(None), table.c.claimed_until <= epoch_s)
    with control.write() as connection:
        rows = connection.execute(
            sa.select(table).where(*free).order_by(table.c.fired_at, table.c.key, table.c.firing).limit(most)
        ).fetchall()
        found = [Firing(row.key, row.firing, row.rule, row.text, row.fired_at) for row in rows]
        _change(connection, sink, found, claimed_until=epoch_s + LEASE_S)
    return found


def delivered(control: Control, sink: str, firings: Iterable[Firing], now: datetime) -> None:
    with control.write() as connection:
        attempts = db.alert_delivery.c.attempts + 1
        _change(connection, sink, firings, delivered_at=_text(now), last_error=None, claimed_until=0, attempts=attempts)


def refused(control: Control, sink: str, firings: Iterable[Firing], error: str) -> None:
    """Give them back: the next run tries again."""
    with control.write() as connection:
        attempts = db.alert_delivery.c.attempts + 1
        _change(connection, sink, firings, last_error=error, claimed_until=0, attempts=attempts)


def pending(control: Control) -> dict[str, int]:
    """Undelivered firings by sink."""
    table = db.alert_delivery
    rows = control.rows(
        sa.select(table.c.sink, sa.func.count().label("waiting"))
        .where(table.c.delivered_at.is_(None))
        .group_by(table.c.sink)
        .order_by(table.c.sink)
    )
    return {row.sink: row.waiting for row in rows}


def listed(control: Control, *, with_closed: bool) -> list[Known]:
    """Alerts that hold and that nobody has acknowledged; with the others, all that ever fired. The newest first."""
    table, outbox = db.alert, db.alert_delivery
    query = sa.select(table).order_by(table.c.last_fired_at.desc(), table.c.key)
    if not with_closed:
        query = query.where(table.c.is_open, table.c.acknowledged_at.is_(None))
    with control.read() as connection:
        rows = connection.execute(query).fetchall()
        waiting: dict[tuple[str, int], list[str]] = {}
        for row in connection.execute(sa.select(outbox).where(outbox.c.delivered_at.is_(None)).order_by(outbox.c.sink)):
            waiting.setdefault((row.key, row.firing), []).append(row.sink)
    return [
        Known(
            key=row.key,
            rule=row.rule,
            text=row.text,
            is_open=row.is_open,
            firings=row.firings,
            first_fired_at=row.first_fired_at,
            last_fired_at=row.last_fired_at,
            acknowledged_at=row.acknowledged_at,
            acknowledged_by=row.acknowledged_by,
            acknowledged_note=row.acknowledged_note,
            undelivered=tuple(waiting.get((row.key, row.firings), ())),
        )
        for row in rows
    ]


def acknowledge(control: Control, key: str, by: str, note: str | None, now: datetime) -> Known:
    """Keep who has taken an alert on; the first one stays. Raises AlertError for a key that never fired."""
    table = db.alert
    with control.write() as connection:
        connection.execute(
            sa.update(table)
            .where(table.c.key == key, table.c.acknowledged_at.is_(None))
            .values(acknowledged_at=_text(now), acknowledged_by=by, acknowledged_note=note)
        )
    known = {alert.key: alert for alert in listed(control, with_closed=True)}
    if key not in known:
        near = difflib.get_close_matches(key, known, n=3, cutoff=0.5)
        hint = f"Nearest: {', '.join(near)}." if near else "`margincall alerts list --all` shows what has fired."
        raise AlertError(f"No alert has the key {key}. {hint}")
    return known[key]


def _without_erased(connection: Connection, judged: Judged) -> Judged:
    """Until the next build the published version still has a tenant that was erased."""
    tombstones = sa.select(db.tombstone.c.id_md5).where(db.tombstone.c.kind == "tenant")
    gone = {row.id_md5 for row in connection.execute(tombstones)}
    alerts = (alert for alert in judged.alerts if alert.tenant_id is None or _md5(alert.tenant_id) not in gone)
    return Judged(tuple(alerts), judged.undecided)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _memory(connection: Connection) -> Memory:
    alert, limit = db.alert, db.alert_limit
    fired = {
        row.key: Fired(datetime.fromisoformat(row.last_fired_at), row.acknowledged_at is not None)
        for row in connection.execute(sa.select(alert.c.key, alert.c.last_fired_at, alert.c.acknowledged_at))
    }
    hard_usd = {
        (row.limit_id, date.fromisoformat(row.window_start)): Decimal(row.hard_usd)
        for row in connection.execute(sa.select(limit))
    }
    return Memory(fired, hard_usd)


def _fire(connection: Connection, alert: Alert, now: datetime) -> Firing:
    table, at = db.alert, _text(now)
    before = connection.execute(sa.select(table.c.firings).where(table.c.key == alert.key)).scalar()
    if before is None:
        connection.execute(
            sa.insert(table).values(
                key=alert.key,
                rule=alert.rule,
                text=alert.text,
                tenant_id=alert.tenant_id,
                is_open=True,
                firings=1,
                first_fired_at=at,
                last_fired_at=at,
            )
        )
        return Firing(alert.key, 1, alert.rule, alert.text, at)
    again = sa.update(table).where(table.c.key == alert.key)
    connection.execute(again.values(text=alert.text, firings=before + 1, last_fired_at=at))
    return Firing(alert.key, before + 1, alert.rule, alert.text, at)


def _keep_open(connection: Connection, holding: Iterable[Alert]) -> None:
    """What no longer holds is no longer open, but stays fired."""
    table, keys = db.alert, {alert.key for alert in holding}
    for key, is_open in connection.execute(sa.select(table.c.key, table.c.is_open)).fetchall():
        if is_open != (key in keys):
            connection.execute(sa.update(table).where(table.c.key == key).values(is_open=key in keys))


def _keep_hard(connection: Connection, limit: Limit) -> None:
    table, hard = db.alert_limit, format(limit.hard_usd, "f")
    which = (table.c.limit_id == limit.limit_id, table.c.window_start == limit.window_start.isoformat())
    if not connection.execute(sa.update(table).where(*which).values(hard_usd=hard)).rowcount:
        start = limit.window_start.isoformat()
        connection.execute(sa.insert(table).values(limit_id=limit.limit_id, window_start=start, hard_usd=hard))


def _change(connection: Connection, sink: str, firings: Iterable[Firing], **values: object) -> None:
    table = db.alert_delivery
    for one in firings:
        which = (table.c.key == one.key, table.c.firing == one.firing, table.c.sink == sink)
        connection.execute(sa.update(table).where(*which).values(values))


def _text(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds")
