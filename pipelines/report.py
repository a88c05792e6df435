"""The weekly view as a table for a terminal, and as data for a program."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from pipelines.economics.figures import NO_BOUND, shown, shown_bound, shown_change
from pipelines.economics.intervals import Interval, interval_words
from warehouse.rows import Week, WeeklyMetric


def as_json(week: Week, interval: Interval | None) -> dict[str, Any]:
    """The view as data: decimals as text, nothing rounded. `interval` is that of the cost per successful task."""
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
                "interval": _interval(interval) if row.metric_id == "cost_per_successful_task" else None,
            }
            for row in week.metrics
        ],
    }


def as_table(week: Week, interval: Interval | None) -> Table:
    """The view as a table for a terminal; rounded only here."""
    state = "" if week.is_complete else f", {week.days_with_requests} of 7 days have requests so far"
    title = f"Unit economics, week {week.week_start} to {week.week_end}{state}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    for name in ("this week", "last week", "change", "target"):
        table.add_column(name, justify="right")
    table.add_column("", no_wrap=True)
    for row in week.metrics:
        table.add_row(row.label, *_cells(row))
    notes = [f"Cost per successful task: {interval_words(interval)}."] if interval is not None else []
    notes += [NO_BOUND] if any("neither" in (row.bound, row.last_bound) for row in week.metrics) else []
    if notes:
        table.caption, table.caption_justify = "\n".join(notes), "left"
    return table


def _interval(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {
        "level": _text(interval.level),
        "low": _text(interval.low),
        "high": _text(interval.high),
        "tenants": interval.clusters,
    }


def _cells(row: WeeklyMetric) -> list[str | Text]:
    needs = Text(f"needs {row.missing}", style="dim")
    this = needs if row.missing else shown_bound(row.this_week, row.unit, row.bound)
    last = shown_bound(row.last_week, row.unit, row.last_bound)
    change = shown_change(row.this_week, row.last_week, row.unit)
    verdict = {None: Text(""), True: Text("met", style="green"), False: Text("not met", style="red")}[row.is_met]
    return [this, last, change, shown(row.target, row.unit), verdict]


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
