"""Outcomes that name a workflow or a conversation: whose requests they are, whenever they arrive."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.building.build import build
from pipelines.explain.answer import explain
from tests.workspace import WEEK, Workspace, request
from warehouse.reader import Reader

START = WEEK - timedelta(days=28)
"""A Monday, so long ago that none of what follows is in the future."""


def call(name: str, hours: float, **values: Any) -> dict[str, Any]:
    return request(
        **{"task_id": None, "input_tokens": 1000, "output_tokens": 0, "response_model": "claude-haiku-4-5"} | values,
        source_record_id=name,
        gateway_call_id=name,
        started_at=(START + timedelta(hours=hours)).isoformat(),
    )


def outcome(name: str, hours: float, what: str = "success", **values: Any) -> dict[str, Any]:
    return {"outcome_id": name, "outcome": what, "observed_at": (START + timedelta(hours=hours)).isoformat()} | values


def tasks_of(workspace: Workspace) -> dict[str, str | None]:
    """Call -> its task."""
    return dict(workspace.rows("select logical_call_id, task_id from fct_llm_request_priced"))


def test_the_cost_of_a_conversation_is_of_the_outcome_that_follows(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    # Conversation c at hours 1, 2 and 30, another one, a call after everything was judged, and days on which nothing changes.
    calls = [
        call("first", 1, conversation_id="c"),
        call("second", 2, conversation_id="c"),
        call("next-day", 30, conversation_id="c"),
        call("other", 3, conversation_id="d"),
        call("too-late", 100, conversation_id="c"),
        *(call(f"day-{day}", 24 * day, task_id="t") for day in range(5, 15)),
    ]
    workspace.land_records("calls", calls)
    workspace.land_feed("task_outcomes", [outcome("solved", 40, conversation_id="c", value_usd="2.00")])
    build(workspace.settings)
    # 24 hours before hour 40 begin at hour 16.
    rest = dict.fromkeys(("first", "second", "other", "too-late")) | {f"day-{day}": "t" for day in range(5, 15)}
    assert tasks_of(workspace) == {**rest, "next-day": "outcome:solved"}

    # A day later it becomes known what the first two came to; the hour of the news counts, and not when it landed.
    workspace.land_feed("task_outcomes", [outcome("failed", 5, "failure", conversation_id="c")], name="-2")
    assert build(workspace.settings).kind == "incremental"
    first = {"first": "outcome:failed", "second": "outcome:failed"}
    assert tasks_of(workspace) == {**rest, **first, "next-day": "outcome:solved"}

    # 1,000 tokens at a dollar per million each: the second is no success after all, under its own id.
    workspace.land_feed("task_outcomes", [outcome("solved", 200, "failure", conversation_id="c")], name="-3")
    build(workspace.settings)
    tasks = workspace.rows(
        "select task_id, outcome, attempts, cost_usd from fct_task where task_id <> 't' order by task_id"
    )
    cost = Decimal("0.001")
    assert tasks == [("outcome:failed", "failure", 2, 2 * cost), ("outcome:solved", "failure", 1, cost)]
    untasked_cost = workspace.rows("select sum(without_task_cost_pico) from fct_cost_day")
    assert untasked_cost == [(2 * 10**9,)]


def test_a_trace_is_a_task_of_its_own_once_something_names_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    traced = [call(f"trace-{n}", n, conversation_id="c", trace_id=f"t{n}", task_id=f"t{n}") for n in (1, 2, 3)]
    own = call("own", 4, conversation_id="c", trace_id="t4", task_id="ticket")
    workspace.land_records("calls", [*traced, own])
    workspace.land_feed("task_outcomes", [outcome("whole", 10, conversation_id="c")])
    build(workspace.settings)
    whole = {f"trace-{n}": "outcome:whole" for n in (1, 2, 3)}
    assert tasks_of(workspace) == {**whole, "own": "ticket"}
    workspace.land_feed("task_outcomes", [outcome("part", 11, task_id="t2")], name="-2")
    event = {"event_id": "e", "occurred_at": START.isoformat(), "task_id": "t3", "component": "tool", "amount": "1"}
    workspace.land_feed("cost_events", [event | {"currency": "USD"}])
    build(workspace.settings)
    assert tasks_of(workspace) == {**whole, "trace-2": "t2", "trace-3": "t3", "own": "ticket"}


def test_an_explained_success_names_the_line_of_its_outcome(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    week = [call(f"d{day}", 24 * day + 1, conversation_id=f"c{day}") for day in range(7)]
    workspace.land_records("calls", week)
    rows = [outcome(f"o{day}", 24 * day + 2, conversation_id=f"c{day}") for day in range(7)]
    workspace.land_feed("task_outcomes", rows)
    build(workspace.settings)
    reader = Reader(workspace.settings.data_dir)
    answer = explain(workspace.settings.data_dir, reader, workspace.control, "success_rate", START.date(), rows=10)
    lines = {
        row["task_id"]: place.line
        for behind in answer.behind
        for row, place in zip(behind.rows, behind.origins, strict=True)
        if place is not None and place.file.endswith("task_outcomes.jsonl")
    }
    reader.close()
    assert lines == {f"outcome:o{day}": day + 1 for day in range(7)}


def test_requests_go_where_a_plain_search_sends_them(tmp_path: Path) -> None:
    """An independent search, request by request, over outcomes that land in portions, some of them corrections."""
    rng = random.Random(4)
    workspace = Workspace(tmp_path)
    calls: list[dict[str, Any]] = []
    for n in range(300):
        trace = rng.choice([None, "t1", "t2"])
        names = {"conversation_id": rng.choice([None, "c1", "c2"]), "workflow_key": rng.choice([None, None, "w1"])}
        task = {"trace_id": trace, "task_id": rng.choice([trace, trace, "named"])}
        calls.append(call(f"r{n}", rng.uniform(0, 24 * 29), **names, **task))
    workspace.land_records("calls", calls)
    told: list[dict[str, Any]] = []
    kinds: list[str] = []
    for portion, size in enumerate((40, 2, 2, 2)):
        rows = {}
        for _ in range(size):
            name = rng.choice([{"conversation_id": "c1"}, {"conversation_id": "c2"}, {"workflow_key": "w1"}])
            row = outcome(f"o{rng.randrange(40):02}", rng.uniform(0, 24 * 30), **name)
            rows[row["outcome_id"]] = row | {"attribution_window_hours": rng.choice([5, 30])}
        if portion == 3:
            rows["judged"] = outcome("judged", 20, task_id="t2") | {"attribution_window_hours": 24}
        workspace.land_feed("task_outcomes", rows.values(), name=f"-{portion}")
        told += rows.values()
        kinds.append(build(workspace.settings).kind)
        assert tasks_of(workspace) == {record["source_record_id"]: _searched(record, told) for record in calls}
    assert kinds[:3] == ["full", "incremental", "incremental"]


def _searched(record: dict[str, Any], told: list[dict[str, Any]]) -> str | None:
    latest: dict[str, dict[str, Any]] = {}
    first: dict[str, str] = {}
    for row in told:
        name = row["outcome_id"]
        if name not in latest or row["observed_at"] >= latest[name]["observed_at"]:
            latest[name] = row
        first[name] = min(first.get(name, row["observed_at"]), row["observed_at"])
    task = record["task_id"]
    judged = {row.get("task_id") for row in latest.values()} - {None}
    if task is not None and (task != record["trace_id"] or task in judged):
        return task
    started = datetime.fromisoformat(record["started_at"])
    found = []
    for name, row in latest.items():
        if row.get("task_id"):
            continue
        column = "workflow_key" if row.get("workflow_key") else "conversation_id"
        told_at = datetime.fromisoformat(first[name])
        is_within = timedelta(0) <= told_at - started <= timedelta(hours=row["attribution_window_hours"])
        if row[column] == record.get(column) and is_within:
            found.append((told_at, column != "workflow_key", f"outcome:{name}"))
    return min(found)[2] if found else task
