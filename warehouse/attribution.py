"""Outcomes that name a workflow or a conversation instead of a task, and what a change of them reaches.

Such an outcome is of the requests that came before it: each request that no task claims belongs to the first outcome of its
workflow or conversation that follows it and whose attribution window it lies in. Those requests are a task of their own,
named after the outcome; the models attribute them anew on every day that they build (`int_attributed_request`). A request
that has only its trace for a task is claimed by it once an outcome or a cost event names that trace.
"""

from __future__ import annotations

from datetime import date

import duckdb

from warehouse.connection import literal

Days = frozenset[date]
OUTCOMES = "feed_task_outcomes"
COST_EVENTS = "feed_cost_events"
PREFIX = "outcome:"
"""A task that is an outcome's requests is called by this and the outcome's id."""
TASK = f"coalesce(task_id, {literal(PREFIX)} || outcome_id)"
"""SQL of the task of a row of the feed."""


def is_any(database: duckdb.DuckDBPyConnection, outcomes: str) -> bool:
    """Whether any version of any outcome names no task; `outcomes`: SQL relation of the feed."""
    return bool(database.execute(f"select 1 from {outcomes} where task_id is null limit 1").fetchall())


def days_of_windows(database: duckdb.DuckDBPyConnection, outcomes: str, new: str) -> Days:
    """UTC days on which requests may belong to an outcome of the feed's new rows, or belonged to it before.

    `outcomes`: all rows that count, `new`: those among them that were fed since. Every version has had its window; an outcome
    that has always named its task has none.
    """
    found = database.execute(
        f"""with widest as (
            select outcome_id, max(attribution_window_hours) as hours from {outcomes}
            where outcome_id in (select outcome_id from {new}) group by outcome_id having bool_or(task_id is null)
        ),
        windows as (
            select (observed_at - to_hours(hours::integer)) as opened_at, observed_at
            from {outcomes} as outcomes join widest using (outcome_id)
        )
        select distinct unnest(generate_series({_utc_day("opened_at")}, {_utc_day("observed_at")}, interval 1 day))::date
        from windows"""
    ).fetchall()
    return frozenset(day for (day,) in found)


def days_claimed(database: duckdb.DuckDBPyConnection, new: str, requests: str) -> Days:
    """UTC days of the requests whose trace the new rows of a feed name as a task; `requests`: all of them."""
    named = f"select task_id from {new} where task_id is not null"
    found = database.execute(f"select distinct day from {requests} where task_id = trace_id and task_id in ({named})")
    return frozenset(day for (day,) in found.fetchall())


def tasks_on(outcomes: str, days: str) -> str:
    """SQL of the tasks of outcomes whose window meets one of these days; `days`: relation with a column `day`, of UTC."""
    opened = _utc_day("observed_at - to_hours(attribution_window_hours::integer)")
    return f"""select distinct {TASK} as task_id from {outcomes} as outcomes
        where task_id is null and exists (
            select 1 from {days} as days where days.day between {opened} and {_utc_day("observed_at")}
        )"""


def _utc_day(instant: str) -> str:
    return f"(({instant}) at time zone 'UTC')::date"
