"""An incremental build equals a full rebuild, to the last digit, whatever the history was and wherever a build died."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.building import build as building
from pipelines.building.build import BuildError
from pipelines.building.dbt import DbtFailed, run_dbt
from pipelines.settings import Revenue
from tests.property.histories import History
from tests.workspace import Workspace

STEPS = 3
REVENUE = Revenue(usage_unit="tokens", accrue_outcomes=True)
"""With these the revenue of a day depends on most of what happens on others."""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(tmp_path, revenue=REVENUE)
    yield made
    made.control.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_incremental_builds_equal_a_full_rebuild(workspace: Workspace, seed: int) -> None:
    assert "incremental" in _follow(workspace, seed), "no build of this history was incremental; it shows nothing"


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(100, 160))
def test_incremental_builds_equal_a_full_rebuild_for_many_histories(workspace: Workspace, seed: int) -> None:
    _follow(workspace, seed)


@pytest.mark.parametrize("built_before_it_died", [["fct_llm_request_priced"], ["fct_llm_request_priced", "fct_task"]])
def test_a_build_that_died_halfway_is_finished_by_the_next(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, built_before_it_died: list[str]
) -> None:
    history = History(workspace, seed=17)  # after a death its days and their neighbours are still fewer than half
    history.begin()
    workspace.build()
    before = workspace.marts()
    history.correct()

    def die(_: list[str], **kwargs: Any) -> None:
        run_dbt(["run", "--select", *built_before_it_died], **kwargs)
        raise DbtFailed("died here")

    with monkeypatch.context() as patched:
        patched.setattr(building, "run_dbt", die)
        with pytest.raises(BuildError, match="died here"):
            workspace.build()
    finished = workspace.build()
    assert finished.kind == "incremental", finished.reason
    found = workspace.marts()
    assert found != before
    workspace.build(full=True)
    assert found == workspace.marts()


def test_the_order_of_landing_does_not_change_a_mart(tmp_path: Path, workspace: Workspace) -> None:
    history = History(workspace, seed=11)
    history.begin()
    for _ in range(4):
        history.correct()
        history.repeat()
    workspace.build()
    other = Workspace(tmp_path / "other", revenue=REVENUE)
    try:
        for path in sorted(tmp_path.glob("requests-*.jsonl"), reverse=True):
            other.land(path)
        for feed in ("task_outcomes", "cost_events", "revenue_lines", "contracts", "credit_burns"):
            for path in sorted(tmp_path.glob(f"{feed}-*.jsonl"), reverse=True):
                other.land_feed_file(feed, path)
        other.build()
        assert _without_lineage(other.marts()) == _without_lineage(workspace.marts())
    finally:
        other.control.close()


def _follow(workspace: Workspace, seed: int) -> list[str]:
    """Follow a history and compare at its end; the kinds of its builds (one that touches most days is full anyway)."""
    history = History(workspace, seed)
    history.begin()
    workspace.build()
    kinds = []
    for _ in range(STEPS):
        history.change()
        kinds.append(workspace.build().kind)
    incremental = workspace.marts()
    workspace.build(full=True)
    full = workspace.marts()
    assert incremental == full
    return kinds


def _without_lineage(marts: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Which of two equal copies of a record stands for it may differ; what it says may not."""
    return dict(_numbers(marts))


def _numbers(marts: dict[str, list[tuple[Any, ...]]]) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    for name, rows in marts.items():
        if name == "fct_llm_request_priced":
            yield name, sorted((row[:6] + row[8:] for row in rows), key=str)
        else:
            yield name, rows
