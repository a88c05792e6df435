"""When what runs: everything every hour, the report and the exports on Monday."""

from __future__ import annotations

import dagster as dg

from pipelines.settings import Settings

MONDAY = ("reports", "exports")
"""Groups that a person reads on Monday; every other group is kept up to date by the hour."""
HOURLY_JOB, MONDAY_JOB = "hourly_run", "monday_report"


def default_status(settings: Settings) -> dg.DefaultScheduleStatus:
    """Running where there is something to ingest; elsewhere a person starts it in Dagster's pages."""
    is_configured = bool(settings.logs or settings.feeds)
    return dg.DefaultScheduleStatus.RUNNING if is_configured else dg.DefaultScheduleStatus.STOPPED


def definitions(settings: Settings) -> dg.Definitions:
    on_monday = dg.AssetSelection.groups(*MONDAY)
    hourly_run = dg.define_asset_job(
        HOURLY_JOB,
        selection=dg.AssetSelection.all() - on_monday,
        description="Ingest what is new, build the days that changed, publish: `margincall run`.",
    )
    monday_report = dg.define_asset_job(
        MONDAY_JOB,
        selection=on_monday,
        description="The weekly view and the exports, of what is published.",
    )
    zone, status = settings.reporting.zone, default_status(settings)
    return dg.Definitions(
        jobs=[hourly_run, monday_report],
        schedules=[
            dg.ScheduleDefinition(
                name="hourly",
                job=hourly_run,
                cron_schedule="0 * * * *",
                execution_timezone=zone,
                default_status=status,
            ),
            # Half an hour after an hourly run, so that Sunday's last requests are in it.
            dg.ScheduleDefinition(
                name="monday",
                job=monday_report,
                cron_schedule="30 6 * * 1",
                execution_timezone=zone,
                default_status=status,
            ),
        ],
    )
