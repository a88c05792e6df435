"""The ten tasks of the worked example of cost per successful task, as log records and feeds, in any week.

Prices: L is claude-sonnet-4-5 (3/15 USD per million tokens), S is claude-3-5-haiku (0.80/4), a gateway lookup 0.00001.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.workspace import Workspace, request

Row = dict[str, Any]

L, S = "claude-sonnet-4-5", "claude-3-5-haiku-latest"
UNPRICED = "acme-embedding-unknown"
LOOKUP_USD = "0.00001"
SUCCESSES = ("t1", "t2", "t4", "t7", "t9", "t10")
NO_USAGE = {"status": "error", "input_tokens": None, "output_tokens": None}
# day of the week, seconds of the day, task, logical call, model, input and output tokens, and what else is said
ATTEMPTS: tuple[tuple[int, int, str, str, str, int, int, Row], ...] = (
    (0, 36_000, "t1", "a", S, 1000, 200, {}),
    (0, 40_000, "t2", "a", L, 0, 0, {**NO_USAGE, "http_status": 429}),
    (0, 40_010, "t2", "a", L, 2000, 100, {"status": "cancelled"}),
    (0, 40_020, "t2", "a", L, 2000, 300, {}),
    (1, 36_000, "t3", "a", L, 0, 0, {**NO_USAGE, "http_status": 500}),
    (1, 36_005, "t3", "a", S, 2000, 400, {"is_fallback": True}),
    (1, 50_000, "t4", "a", L, 4000, 500, {}),
    (2, 36_000, "t5", "a", L, 1000, 100, {}),
    (2, 50_000, "t6", "a", S, 3000, 500, {}),
    (3, 36_000, "t7", "a", L, 1000, 200, {"is_gateway_cache_hit": True}),
    (3, 50_000, "t8", "a", L, 2000, 0, {"status": "cancelled"}),
    (3, 50_030, "t8", "a", S, 500, 50, {}),
    (6, 86_280, "t9", "a", S, 1000, 300, {"status": "error"}),
    (7, 180, "t9", "a", S, 1000, 550, {}),
    (4, 36_000, "t10", "a", L, 1000, 100, {}),
    (4, 36_001, "t10", "b", UNPRICED, 500, 0, {"operation_name": "embeddings"}),
)
COST_EVENTS = (("tool", "0.010"), ("rerank", "0.002"), ("human_review", "0.75"))


def instant(week: datetime, day: int, second: int) -> str:
    return (week + timedelta(days=day, seconds=second)).isoformat()


def attempts(week: datetime, *, with_unpriced: bool = True) -> list[Row]:
    """The records of all ten tasks; task ids carry the week, so that two weeks are twenty tasks."""
    return [
        request(
            source_record_id=f"{week:%m%d}-{number}",
            started_at=instant(week, day, second),
            ended_at=instant(week, day, second + 2),
            task_id=f"{week:%m%d}-{task}",
            gateway_call_id=f"{week:%m%d}-{task}-{call}",
            response_model=model,
            **{"input_tokens": inputs, "output_tokens": outputs, **said},
        )
        for number, (day, second, task, call, model, inputs, outputs, said) in enumerate(ATTEMPTS)
        if with_unpriced or model != UNPRICED
    ]


def outcome(week: datetime, task: str, verdict: str, day: int, second: int) -> Row:
    name = f"{week:%m%d}-{task}"
    return {"outcome_id": f"o-{name}", "task_id": name, "outcome": verdict, "observed_at": instant(week, day, second)}


def outcomes_by_monday(week: datetime) -> list[Row]:
    """What is known on the Monday after, 09:00: six successes, a failure, a task that its user left."""
    rows = [outcome(week, task, "success", 5, 0) for task in SUCCESSES if task not in ("t9", "t10")]
    rows += [outcome(week, "t9", "success", 7, 600), outcome(week, "t10", "success", 7, 9 * 3600)]
    return [*rows, outcome(week, "t3", "failure", 5, 0), outcome(week, "t8", "abandoned", 5, 0)]


def late_outcome(week: datetime) -> Row:
    """t6 turns out a success, on the Wednesday after the week."""
    return outcome(week, "t6", "success", 9, 36_000)


def cost_events(week: datetime) -> list[Row]:
    return [
        {
            "event_id": f"{week:%m%d}-{component}",
            "occurred_at": instant(week, 1, 50_060),
            "task_id": f"{week:%m%d}-t4",
            "component": component,
            "amount": amount,
            "currency": "USD",
        }
        for component, amount in COST_EVENTS
    ]


def land(workspace: Workspace, week: datetime, *, with_unpriced: bool = True) -> None:
    """The week as its logs and feeds stand on the Monday after."""
    name = f"-{week:%m%d}"
    workspace.land_records(f"requests{name}", attempts(week, with_unpriced=with_unpriced))
    workspace.land_feed("cost_events", cost_events(week), name)
    workspace.land_feed("task_outcomes", outcomes_by_monday(week), name)


NOVEMBER_2 = datetime(2026, 11, 2, tzinfo=UTC)
NOVEMBER_9 = datetime(2026, 11, 9, tzinfo=UTC)
