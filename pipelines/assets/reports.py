"""The Monday report: what a person reads of the latest complete week, and the record of what was shown."""

from typing import Any

import dagster as dg

from pipelines.assets.failures import told
from pipelines.assets.published import PUBLISHED, reading
from pipelines.economics.figures import shown, shown_bound, shown_change
from pipelines.settings import Settings
from warehouse.rows import Week, WeeklyMetric
from warehouse.shown import weekly_as_shown


@dg.asset(deps=[PUBLISHED], group_name="reports")
def weekly_report(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[Any]:
    """The weekly view of the latest complete week. It is remembered as shown, so that later changes of it can be told."""
    with told(context), reading(settings) as (reader, control):
        week = weekly_as_shown(reader, control)
    return dg.MaterializeResult(
        metadata={
            "week": f"{week.week_start} to {week.week_end}",
            "complete": week.is_complete,
            "version": week.serving_n,
            "view": dg.MetadataValue.md(_table(week)),
        }
    )


def _table(week: Week) -> str:
    head = "| metric | this week | last week | change | target | |\n| :-- | --: | --: | --: | --: | :-- |"
    return "\n".join([head, *(f"| {' | '.join(_cells(row))} |" for row in week.metrics)])


def _cells(row: WeeklyMetric) -> list[str]:
    return [
        row.label,
        f"needs {row.missing}" if row.missing else shown_bound(row.this_week, row.unit, row.bound),
        shown_bound(row.last_week, row.unit, row.last_bound),
        shown_change(row.this_week, row.last_week, row.unit),
        shown(row.target, row.unit),
        {None: "", True: "met", False: "**not met**"}[row.is_met],
    ]


def definitions(_: Settings) -> dg.Definitions:
    return dg.Definitions(assets=[weekly_report])
