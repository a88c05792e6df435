"""The weekly view as a file: one row per week and metric, exact as the marts hold them."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.exports.csv_file import Cell, Column, Table
from warehouse.reader import Period, Reader, Week

NAME = "unit_economics_weekly.csv"
_COLUMNS = (
    Column("week_start", "First day of the week in the reporting time zone"),
    Column("week_end", "Last day of the week"),
    Column("is_complete", "true: the data reaches the last day"),
    Column("metric_id", "Stable name of the metric"),
    Column("label", "The metric for a reader"),
    Column("unit", "usd, ratio (1 is 100%), count, ms or multiple"),
    Column("this_week", "The value as known now, exact"),
    Column("last_week", "The week before as it stood at the same age"),
    Column("target", "From the settings"),
    Column("met", "Whether this_week meets the target"),
    Column("missing", "The input that a row without a value waits for"),
    Column(
        "bound",
        "at_least or at_most: this_week is a bound, because parts have no price or rate; neither: parts on both sides",
    ),
    Column("last_bound", "The same of last_week"),
    Column("lower_bound", "Of this_week while outcomes are unknown"),
    Column("upper_bound", "Of this_week while outcomes are unknown"),
)


def weekly_table(reader: Reader, period: Period) -> Table:
    """The weeks whose last day lies in the period. Units differ from row to row, so no column may be summed."""
    starts = [start for start in reader.weeks() if period.start <= Period.week(start).last < period.end]
    return Table(
        NAME,
        "The weekly view of the weeks that end in the period.",
        _COLUMNS,
        [row for start in starts for row in _rows(reader.weekly(start))],
    )


def _rows(week: Week) -> Iterable[tuple[Cell, ...]]:
    for metric in week.metrics:
        yield (
            week.week_start,
            week.week_end,
            week.is_complete,
            metric.metric_id,
            metric.label,
            metric.unit,
            metric.this_week,
            metric.last_week,
            metric.target,
            metric.is_met,
            metric.missing,
            metric.bound,
            metric.last_bound,
            metric.lower_bound,
            metric.upper_bound,
        )
