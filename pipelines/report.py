"""The weekly view for a person and for a program, and what changed in last week's figures since they were shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import sqlalchemy as sa
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from warehouse import control as db
from warehouse.control import Control, now_text
from warehouse.reader import NoSuchWeek, Reader, Week, WeeklyMetric

RESTATED = "restated_since_shown"


@dataclass(frozen=True)
class WeeklyReport:
    """The view as it is shown: the published week with the row that only the record of earlier reports can fill."""

    week: Week


def weekly_report(reader: Reader, control: Control, week: date | None = None) -> WeeklyReport:
    """Read the weekly view and remember what was shown. Raises NothingPublished, NoSuchWeek."""
    shown = reader.weekly(week)
    change = _restatement(reader, control, shown)
    if change is not None:
        metrics = tuple(
            replace(row, this_week=change, missing=None) if row.metric_id == RESTATED else row for row in shown.metrics
        )
        shown = replace(shown, metrics=metrics)
    _remember(control, shown)
    return WeeklyReport(shown)


def _restatement(reader: Reader, control: Control, shown: Week) -> Decimal | None:
    """Last week's gross profit as known now, less what was shown of it first; None where it was never shown."""
    before = shown.week_start - timedelta(days=7)
    table = db.shown_figure
    then = control.rows(
        sa.select(table.c.value).where(table.c.week == before.isoformat(), table.c.metric_id == "gross_profit")
    )
    if not then or then[0].value is None:
        return None
    try:
        last = reader.weekly(before)
    except NoSuchWeek:
        return None
    now = next((row.this_week for row in last.metrics if row.metric_id == "gross_profit"), None)
    return None if now is None else now - Decimal(then[0].value)


def _remember(control: Control, shown: Week) -> None:
    """Keep a complete week's figures the first time they are shown."""
    if not shown.is_complete:
        return
    week, table = shown.week_start.isoformat(), db.shown_figure
    with control.write() as connection:
        if connection.execute(sa.select(table.c.week).where(table.c.week == week).limit(1)).first():
            return
        rows = [
            {
                "week": week,
                "metric_id": row.metric_id,
                "value": None if row.this_week is None else str(row.this_week),
                "shown_at": now_text(),
                "serving_n": shown.serving_n,
            }
            for row in shown.metrics
        ]
        connection.execute(sa.insert(table), rows)


def as_json(report: WeeklyReport) -> dict[str, Any]:
    """The view as data: decimals as text, nothing rounded."""
    week = report.week
    return {
        "week": week.week_start.isoformat(),
        "week_end": week.week_end.isoformat(),
        "is_complete": week.is_complete,
        "days_with_requests": week.days_with_requests,
        "serving_version": week.serving_n,
        "metrics": [
            {
                "id": row.metric_id,
                "label": row.label,
                "unit": row.unit,
                "this_week": _text(row.this_week),
                "last_week": _text(row.last_week),
                "target": _text(row.target),
                "met": row.is_met,
                "missing": row.missing,
                "bound": row.bound,
                "last_bound": row.last_bound,
                "lower_bound": _text(row.lower_bound),
                "upper_bound": _text(row.upper_bound),
            }
            for row in week.metrics
        ],
    }


def as_table(report: WeeklyReport) -> Table:
    """The view as a table for a terminal; rounded only here."""
    week = report.week
    state = "" if week.is_complete else f", {week.days_with_requests} of 7 days have requests so far"
    title = f"Unit economics, week {week.week_start} to {week.week_end}{state}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    for name in ("this week", "last week", "change", "target"):
        table.add_column(name, justify="right")
    table.add_column("", no_wrap=True)
    for row in week.metrics:
        table.add_row(row.label, *_cells(row))
    return table


def _cells(row: WeeklyMetric) -> list[str | Text]:
    needs = Text(f"needs {row.missing}", style="dim")
    this = needs if row.missing else _bounded(row.this_week, row.unit, row.bound)
    last = _bounded(row.last_week, row.unit, row.last_bound)
    verdict = {None: Text(""), True: Text("met", style="green"), False: Text("not met", style="red")}[row.is_met]
    return [this, last, _change(row), shown(row.target, row.unit), verdict]


def _bounded(value: Decimal | None, unit: str, bound: str | None) -> str:
    sign = {"at_least": "≥ ", "at_most": "≤ "}.get(bound or "", "")
    return "" if value is None else sign + shown(value, unit)


def _change(row: WeeklyMetric) -> str:
    """In points for shares; in per cent for the rest, left out where last week was zero or negative."""
    if row.this_week is None or row.last_week is None:
        return ""
    difference = row.this_week - row.last_week
    if row.unit == "ratio":
        return f"{_rounded(difference * 100, 1):+,} pt"
    if row.last_week <= 0:
        return ""
    return f"{_rounded(difference / row.last_week * 100, 1):+,}%"


def shown(value: Decimal | None, unit: str) -> str:
    """A value as a person reads it: dollars to the cent from a dollar on, else to four digits that matter."""
    if value is None:
        return ""
    if unit == "ratio":
        return f"{_rounded(value * 100, 1):,}%"
    if unit == "multiple":
        return f"{_rounded(value, 2):,}"
    if unit == "ms":
        return f"{_rounded(value / 1000, 1):,} s"
    if unit == "count":
        return f"{_rounded(value, 0):,}"
    sign, size = ("-" if value < 0 else ""), abs(value)
    places = 2 if size >= 1 or size == 0 else min(12, 3 - size.adjusted())
    return f"{sign}${_rounded(size, places):,f}"


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
