"""Random histories of observations, traces and scores: what a build makes of them is what joining them row by row gives."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from pipelines.landing.erase import erase
from tests.contract.test_langfuse_source import observation, score, trace
from tests.landed import assert_conserved, listed
from tests.property.two_logs import current_rows, is_erased
from tests.workspace import Workspace
from warehouse import control as db
from warehouse import lake

Row = dict[str, Any]
FIRST = datetime(2026, 10, 5)  # noqa: DTZ001  # as the export writes it: UTC, and no zone
DAYS, TRACES = 20, 30
TENANTS, USERS, TASKS = (
    ("acme", "globex", "initech"),
    ("u1", "u2", "u3", "u4"),
    ("job-1", "job-2", "trace-3", "trace-4"),
)


class Export:
    """Lands random files of an older export; the same seed lands the same."""

    def __init__(self, workspace: Workspace, seed: int) -> None:
        self.workspace = workspace
        self.random = random.Random(seed)
        self.files = 0
        self.seen: list[Row] = []

    def begin(self) -> None:
        """Observations on every day, so that a later change is a small part of them; half of the traces, some scores."""
        self._land([self._observation(day) for day in range(DAYS) for _ in range(3)])
        self._land([self._trace(number) for number in range(0, TRACES, 2)])
        self._land([self._score() for _ in range(8)])

    def change(self) -> None:
        kinds = [self.traces, self.traces, self.late, self.repeat, self.judge, self.forget]
        for kind in self.random.sample(kinds, 2):
            kind()

    def traces(self) -> None:
        """New, corrected, or an older version that arrives last; one of no observation now and then."""
        self._land([self._trace(self.random.randrange(TRACES + 3)) for _ in range(self.random.randint(1, 2))])

    def late(self) -> None:
        self._land([self._observation(self.random.randrange(DAYS)), self._trace(self.random.randrange(TRACES))])

    def repeat(self) -> None:
        """Records again, also of whoever was erased meanwhile."""
        self._land(self.random.sample(self.seen, 3))

    def judge(self) -> None:
        self._land([self._score()])

    def forget(self) -> None:
        kind, names = self.random.choice([("user", USERS), ("tenant", TENANTS)])
        erase(self.workspace.context, kind, self.random.choice(names), "privacy@example.com")

    def _land(self, records: list[Row]) -> None:
        self.files += 1
        self.seen += records
        self.workspace.land_records(f"export-{self.files}", records)

    def _observation(self, day: int) -> Row:
        started = FIRST + timedelta(days=day, minutes=self.random.randrange(1440))
        own = {"tenant_id": self.random.choice(TENANTS), "task_id": self.random.choice(TASKS)}
        named = self.random.sample(sorted(own), self.random.choice([0, 0, 0, 1, 2]))
        return observation(
            id=f"obs-{self.random.randrange(10**9)}",
            # Near each other in time, as a trace's observations are; some are of no trace that is ever exported.
            trace_id=f"trace-{(day * TRACES // DAYS + self.random.randrange(4)) % (TRACES + 2)}",
            start_time=str(started),
            end_time=str(started + timedelta(seconds=1)),
            updated_at=str(started + timedelta(seconds=2)),
            metadata={name: own[name] for name in named},
            user_id=None,
            session_id=self.random.choice([None, None, "s-own"]),
            trace_name=None,
        )

    def _trace(self, number: int) -> Row:
        began = FIRST + timedelta(days=number * DAYS / TRACES)
        said = {"tenant_id": self.random.choice([None, *TENANTS]), "task_id": self.random.choice([None, None, *TASKS])}
        return trace(
            id=f"trace-{number}",
            timestamp=str(began),
            updated_at=str(began + timedelta(microseconds=self.random.randrange(10**9))),
            metadata={name: value for name, value in said.items() if value},
            user_id=self.random.choice([None, *USERS]),
            session_id=self.random.choice([None, "s-1", "s-2"]),
        )

    def _score(self) -> Row:
        observed = FIRST + timedelta(days=self.random.randrange(DAYS), seconds=self.random.randrange(86400))
        return score(
            id=f"score-{self.random.randrange(12)}",
            trace_id=f"trace-{self.random.randrange(TRACES)}",
            updated_at=str(observed),
            value=self.random.choice([0, 1]),
        )


@pytest.mark.parametrize("seed", [2])
def test_incremental_builds_equal_a_full_rebuild_and_the_oracle(workspace: Workspace, seed: int) -> None:
    assert "incremental" in _follow(workspace, seed, steps=2), (
        "no build of this history was incremental; it shows nothing"
    )


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(300, 330))
def test_incremental_builds_equal_a_full_rebuild_and_the_oracle_for_many_histories(
    workspace: Workspace, seed: int
) -> None:
    _follow(workspace, seed, steps=5)


def _follow(workspace: Workspace, seed: int, steps: int) -> list[str]:
    history = Export(workspace, seed)
    history.begin()
    workspace.build()
    kinds: list[str] = []
    for _ in range(steps):
        history.change()
        kinds.append(workspace.build().kind)
        _agrees_with_the_oracle(workspace)
    incremental = workspace.marts()
    workspace.build(full=True)
    full = workspace.marts()
    for name, found in incremental.items():
        assert found == full[name], name
    assert_conserved(workspace)
    return kinds


def _agrees_with_the_oracle(workspace: Workspace) -> None:
    """Of everything in the lake: who and what every request is for, and what became of every task."""
    requests = [_filled(row, _latest_traces(workspace)) for row in current_rows(_stored(workspace, lake.REQUESTS))]
    erased = {(row.kind, row.id_md5) for row in workspace.control.rows(sa.select(db.tombstone))}
    names = ("record_key", "tenant_id", "end_user_id", "task_id")
    expected = {tuple(row[name] for name in names) for row in requests if not is_erased(row, erased)}
    assert set(workspace.rows(f"select {', '.join(names)} from fct_llm_request_priced")) == expected
    judged = {task for (task,) in workspace.rows("select task_id from fct_task where outcome <> 'unknown'")}
    traces = _latest_traces(workspace)
    latest = sorted(_stored(workspace, "feed_task_outcomes"), key=lambda row: row["observed_at"])
    scored = {row["outcome_id"]: row["task_id"] for row in latest}.values()
    tasks = {(traces.get(task) or {}).get("task_id") or task for task in scored}
    assert judged == tasks & {row[3] for row in expected}


def _filled(row: Row, traces: dict[str, Row]) -> Row:
    said = traces.get(row["trace_id"]) or {}
    is_named = row["tenant_id"] != "unattributed"
    is_tasked = row["task_id"] != row["trace_id"]
    return row | {
        "tenant_id": row["tenant_id"] if is_named else said.get("tenant_id") or "unattributed",
        "end_user_id": row["end_user_id"] or said.get("end_user_id"),
        "task_id": row["task_id"] if is_tasked else said.get("task_id") or row["task_id"],
    }


def _latest_traces(workspace: Workspace) -> dict[str, Row]:
    rows = _stored(workspace, lake.TRACES)
    return {row["trace_id"]: row for row in current_rows([row | {"record_key": row["trace_id"]} for row in rows])}


def _stored(workspace: Workspace, dataset: str) -> list[Row]:
    paths = [workspace.lake.absolute(file.path) for file in listed(workspace, dataset)]
    return [row for path in paths for row in pq.read_table(path).to_pylist()]
