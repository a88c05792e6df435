"""One call from several logs: what is left out equals an oracle's answer, and no day beyond the planned ones changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from pipelines.landing.erase import erase
from tests.property.two_logs import PRECEDENCE, Logs, TwoLogs, current_rows, is_erased, told_twice
from tests.workspace import Workspace
from warehouse import control as db
from warehouse import lake
from warehouse import told_twice as subject

ERASED = [("tenant", "50c1f58be7f5e47e0f53d64c094783c2"), ("user", "bee94de3101a0ea783f1251f37a10103")]
"""md5 of `gone` and of `gone-user`."""
Found = dict[str, tuple[Any, str, str]]


def found(logs: Logs, days: Iterable[date], erased: Iterable[tuple[str, str]] = ()) -> Found:
    target = logs.folder / "told_twice.parquet"
    subject.write(target, logs.logged, days, PRECEDENCE, erased, logs.folder / "tmp")
    rows = pq.read_table(target).to_pylist()
    answer = {row["record_key"]: (row["day"], row["source"], row["counted_from"]) for row in rows}
    assert len(answer) == len(rows)
    return answer


def days_of(logs: Logs) -> set[date]:
    return {logged.day for logged in logs.logged}


@pytest.mark.parametrize("rows_at_once", [1, 1_500_000])
@pytest.mark.parametrize("seed", range(8))
def test_what_is_told_twice_is_what_the_oracle_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, rows_at_once: int
) -> None:
    monkeypatch.setattr(subject, "_ROWS_AT_ONCE", rows_at_once)
    logs = Logs(tmp_path, seed)
    for _ in range(4):
        for source in PRECEDENCE:
            logs.land(source, 8)
    expected = told_twice(logs.rows, PRECEDENCE)
    assert len(expected) > 10
    assert found(logs, days_of(logs)) == expected
    without = told_twice(logs.rows, PRECEDENCE, ERASED)
    assert 0 < len(without) < len(expected)
    assert found(logs, days_of(logs), ERASED) == without


def test_a_history_built_day_by_day_equals_one_built_at_once(tmp_path: Path) -> None:
    spared = 0
    for seed in range(12):
        (tmp_path / str(seed)).mkdir()
        logs, kept = Logs(tmp_path / str(seed), seed), Found()
        for step in range(8):
            sources = ("litellm", "otlp", "otlp") if seed % 2 else PRECEDENCE
            dirty = (
                logs.remove() if step > 4 and logs.random.random() < 0.5 else logs.land(logs.random.choice(sources), 3)
            )
            by_day = defaultdict[date, set[str]](set)
            for logged in logs.logged:
                by_day[logged.day].add(logged.source)
            told_before = frozenset(day for day, _, _ in kept.values())
            replaced = dirty | subject.neighbours(frozenset(dirty), by_day, told_before)
            spared += len(days_of(logs) - replaced)
            kept = {key: row for key, row in kept.items() if row[0] not in replaced} | found(logs, replaced)
            assert kept == told_twice(logs.rows, PRECEDENCE), (seed, step)
    assert spared > 0, "every build replaced every day; it shows nothing"


def test_one_source_opens_no_file(tmp_path: Path) -> None:
    logged = [subject.Logged(tmp_path / "not-there.parquet", date(2026, 11, day), "litellm", 10) for day in (9, 10)]
    apart = [subject.Logged(tmp_path / "not-there.parquet", date(2026, 11, 12), "otlp", 10)]
    subject.write(
        tmp_path / "out.parquet", logged + apart, [date(2026, 11, 9), date(2026, 11, 12)], PRECEDENCE, [], tmp_path
    )
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("sources", "told_before", "expected"),
    [
        ({9: {"litellm"}, 10: {"litellm"}, 11: {"litellm"}}, set(), set()),
        ({9: {"litellm"}, 10: {"litellm"}, 11: {"otlp"}}, set(), {11}),
        ({9: {"litellm"}, 10: {"otlp"}, 11: {"litellm"}}, set(), {9, 11}),
        ({8: {"otlp"}, 10: {"litellm"}, 12: {"otlp"}}, set(), set()),
        ({9: {"otlp"}, 11: {"otlp"}}, {11}, {11}),
        ({9: {"otlp"}}, {9, 11}, {9}),
    ],
    ids=[
        "one source",
        "another beside it",
        "another itself",
        "two days away",
        "the master's day is gone",
        "so is the copy's",
    ],
)
def test_only_days_on_which_something_may_differ_are_replaced(
    sources: dict[int, set[str]], told_before: set[int], expected: set[int]
) -> None:
    def days(numbers: Iterable[int]) -> frozenset[date]:
        return frozenset(date(2026, 11, number) for number in numbers)

    by_day = {date(2026, 11, number): names for number, names in sources.items()}
    assert subject.neighbours(days({10}), by_day, days(told_before)) == days(expected)


@pytest.mark.parametrize("seed", [1])
def test_incremental_builds_equal_a_full_rebuild_and_the_oracle(workspace: Workspace, seed: int) -> None:
    _follow(workspace, seed, steps=2)


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(200, 230))
def test_incremental_builds_equal_a_full_rebuild_and_the_oracle_for_many_histories(
    workspace: Workspace, seed: int
) -> None:
    _follow(workspace, seed, steps=4)


def test_the_order_of_landing_does_not_change_what_counts(tmp_path: Path, workspace: Workspace) -> None:
    history = TwoLogs(workspace, seed=3)
    history.begin()
    history.correct()
    history.trace(20)
    workspace.build()
    other = Workspace(tmp_path / "other")
    try:
        for path in sorted([*tmp_path.glob("requests-*.jsonl"), *tmp_path.glob("spans-*.jsonl")], reverse=True):
            other.land(path)
        other.build()
        counted = "select record_key, cost_pico from fct_llm_request_priced order by 1"
        assert other.rows(counted) == workspace.rows(counted)
        left_out = "from fct_told_twice_day order by all"
        assert other.rows(left_out) == workspace.rows(left_out) != []
    finally:
        other.control.close()


def _follow(workspace: Workspace, seed: int, steps: int) -> None:
    history = TwoLogs(workspace, seed)
    history.begin()
    workspace.build()
    for _ in range(steps):
        history.change()
        workspace.build()
    erase(workspace.context, "tenant", "umbrella", "privacy@example.com")
    workspace.build()
    incremental = workspace.marts()
    assert incremental["fct_told_twice_day"]
    _agrees_with_the_oracle(workspace)
    workspace.build(full=True)
    assert incremental == workspace.marts()


def _agrees_with_the_oracle(workspace: Workspace) -> None:
    """Of everything in the lake: what counts, what is told twice and what is erased."""
    landed = _lake_rows(workspace)
    erased = {(row.kind, row.id_md5) for row in workspace.control.rows(sa.select(db.tombstone))}
    twice = told_twice(landed, workspace.settings.sources.ranked, erased)
    kept = {row["record_key"] for row in current_rows(landed) if not is_erased(row, erased)}
    assert {key for (key,) in workspace.rows("select record_key from fct_llm_request_priced")} == kept - twice.keys()
    counts = defaultdict[tuple[Any, str, str], int](int)
    for row in twice.values():
        counts[row] += 1
    stored = workspace.rows("select day, source, counted_from, requests from fct_told_twice_day")
    assert {(day, *names): count for day, *names, count in stored} == counts


def _lake_rows(workspace: Workspace) -> list[dict[str, Any]]:
    with workspace.control.read() as connection:
        files = lake.files(connection, lake.REQUESTS)
    return [row for file in files for row in pq.read_table(workspace.lake.absolute(file.path)).to_pylist()]
