"""A nudge when files arrive, so that they need not wait for the hour. Which of them are new, the ledger decides."""

import time

import dagster as dg

from pipelines.assets.schedules import HOURLY_JOB, default_status
from pipelines.landing.collect import find
from pipelines.landing.land import LandingError
from pipelines.settings import Settings

EVERY_S = 60
QUIET_S = 30
"""A file that changed this recently may still be being written; a busy log is left to the hourly run."""


def newest_change_ns(settings: Settings, until_ns: int) -> int:
    """When the latest of the configured files that are quiet came or changed; 0 where there is none. Raises LandingError.

    The time is that of the file's entry, which a copy or a move sets too; its content may claim to be older.
    """
    changes = [found.path.stat().st_ctime_ns for found in find([*settings.logs, *settings.feeds], settings.data_dir)]
    return max((change for change in changes if change <= until_ns), default=0)


def sensor(settings: Settings) -> dg.SensorDefinition:
    """Asks for a run; its cursor is the time of the latest change that a run was asked for."""
    is_running = default_status(settings) is dg.DefaultScheduleStatus.RUNNING

    @dg.sensor(
        name="new_files",
        job_name=HOURLY_JOB,
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING if is_running else dg.DefaultSensorStatus.STOPPED,
        description="Asks for a run when a configured log or feed file came or changed and has been quiet since.",
    )
    def new_files(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        try:
            newest = newest_change_ns(settings, time.time_ns() - QUIET_S * 10**9)
        except (LandingError, OSError) as error:
            return dg.SensorResult(skip_reason=str(error))
        if newest <= int(context.cursor or 0):
            return dg.SensorResult(skip_reason="No file came or changed.")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=str(newest))], cursor=str(newest))

    return new_files


def definitions(settings: Settings) -> dg.Definitions:
    return dg.Definitions(sensors=[sensor(settings)])
