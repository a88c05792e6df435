"""What was shown: the figures of a week as they were when somebody first read them, and what has changed in them since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import sqlalchemy as sa

from warehouse import control as db
from warehouse.control import Control, now_text
from warehouse.reader import NoSuchWeek, Reader
from warehouse.rows import Week

RESTATED = "restated_since_shown"
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class ShownChange:
    """A figure of a week that is no longer what it was when it was first shown; None: without a value."""

    metric_id: str
    label: str
    unit: str
    then: Decimal | None
    now: Decimal | None
    shown_at: str


def weekly_as_shown(reader: Reader, control: Control, day: date | None = None) -> Week:
    """The weekly view with the row that only the record of earlier showings can fill; it is remembered as shown.

    Raises NothingPublished, NoSuchWeek.
    """
    week = reader.weekly(day)
    change = restated(reader, control, week)
    if change is not None:
        metrics = tuple(
            replace(row, this_week=change, missing=None) if row.metric_id == RESTATED else row for row in week.metrics
        )
        week = replace(week, metrics=metrics)
    remember(control, week)
    return week


def remember(control: Control, week: Week) -> None:
    """Keep a complete week's figures the first time they are shown."""
    if not week.is_complete:
        return
    start, table = week.week_start.isoformat(), db.shown_figure
    rows = [
        {
            "week": start,
            "metric_id": row.metric_id,
            "value": None if row.this_week is None else str(row.this_week),
            "shown_at": now_text(),
            "serving_n": week.serving_n,
        }
        for row in week.metrics
    ]
    known = sa.select(table.c.week).where(table.c.week == start).limit(1)
    if control.rows(known):  # the usual case, without waiting for a writer
        return
    with control.write() as connection:
        if not connection.execute(known).first():
            connection.execute(sa.insert(table), rows)


def changes_since_shown(reader: Reader, control: Control, week_start: date) -> list[ShownChange]:
    """Figures of the week that begins on this day which differ from what was first shown; none where it never was.

    Raises NothingPublished.
    """
    table = db.shown_figure
    then = {row.metric_id: row for row in control.rows(sa.select(table).where(table.c.week == week_start.isoformat()))}
    if not then:
        return []
    try:
        now = reader.weekly(week_start).metrics
    except NoSuchWeek:
        return []
    changes: list[ShownChange] = []
    for row in now:
        if row.metric_id in then:
            text = then[row.metric_id].value
            before = None if text is None else Decimal(text)
            if before != row.this_week:
                at = str(then[row.metric_id].shown_at)
                changes.append(ShownChange(row.metric_id, row.label, row.unit, before, row.this_week, at))
    return changes


def restated(reader: Reader, control: Control, week: Week) -> Decimal | None:
    """The last week's gross profit as known now, less what was shown of it first; None where it was never shown."""
    before = week.week_start - _WEEK
    then = first_shown(control, before, "gross_profit")
    if then is None:
        return None
    try:
        last = reader.weekly(before)
    except NoSuchWeek:
        return None
    now = next((row.this_week for row in last.metrics if row.metric_id == "gross_profit"), None)
    return None if now is None else now - then


def first_shown(control: Control, week_start: date, metric_id: str) -> Decimal | None:
    """A figure of the week that begins on this day as it was first shown; None where it never was, or had no value."""
    table = db.shown_figure
    where = (table.c.week == week_start.isoformat(), table.c.metric_id == metric_id)
    rows = control.rows(sa.select(table.c.value).where(*where))
    return Decimal(rows[0].value) if rows and rows[0].value is not None else None
