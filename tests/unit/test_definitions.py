"""The Dagster code location without a run: lineage, descriptions, the cursor of its sensor, what starts by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import Settings
from tests.readme import ROOT
from tests.workspace import Workspace, request

# dagster-dbt asks sqlglot for a parser that has been renamed; goes when it asks for the new one.
pytestmark = pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated")


@pytest.fixture
def files(tmp_path: Path) -> Settings:
    """One log file, changed a minute ago as far as the sensor is told."""
    log = tmp_path / "logs" / "one.jsonl"
    log.parent.mkdir()
    log.write_text(json.dumps(request()) + "\n")
    return Settings(data_dir=tmp_path / "var", logs=(str(log.parent),))


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as quiet at once."""
    monkeypatch.setattr("pipelines.assets.new_files.QUIET_S", 0)


def evaluated(settings: Settings, cursor: str | None) -> tuple[int, str | None, str | None]:
    """Runs asked for, the cursor afterwards, and why none was asked for."""
    import dagster as dg

    from pipelines.assets.new_files import sensor

    said: Any = sensor(settings)(dg.build_sensor_context(cursor=cursor))
    return len(said.run_requests or ()), said.cursor, said.skip_reason and said.skip_reason.skip_message


@pytest.mark.usefixtures("quiet")
def test_the_sensor_asks_for_one_run_when_a_file_came_and_for_none_until_the_next(files: Settings) -> None:
    runs, cursor, _ = evaluated(files, None)
    assert runs == 1
    assert evaluated(files, cursor) == (0, None, "No file came or changed.")
    second = Path(files.logs[0]) / "two.jsonl"
    second.write_text("{}\n")
    os.utime(second, (0, 0))  # a copy that kept the times of its original
    runs, moved, _ = evaluated(files, cursor)
    assert (runs, moved) == (1, str(second.stat().st_ctime_ns))
    second.unlink()
    assert evaluated(files, moved) == (0, None, "No file came or changed.")


def test_a_file_that_is_still_being_written_asks_for_no_run(files: Settings) -> None:
    assert evaluated(files, None) == (0, None, "No file came or changed.")


def test_a_folder_without_files_is_a_reason_and_not_a_failure(files: Settings) -> None:
    (Path(files.logs[0]) / "one.jsonl").unlink()
    runs, _, why = evaluated(files, "1")
    assert runs == 0
    assert "holds no log or feed" in (why or "")


@pytest.mark.parametrize("is_configured", [True, False])
def test_schedules_and_sensor_run_by_themselves_only_where_files_are_configured(
    files: Settings, is_configured: bool
) -> None:
    from pipelines.assets import new_files, schedules

    settings = files if is_configured else files.model_copy(update={"logs": ()})
    definitions = schedules.definitions(settings)
    status = "RUNNING" if is_configured else "STOPPED"
    assert [each.default_status.value for each in definitions.schedules or ()] == [status, status]
    assert new_files.sensor(settings).default_status.value == status


def test_every_asset_is_described_and_every_model_rests_on_what_it_reads(workspace: Workspace) -> None:
    from pipelines.definitions import code_location

    graph = code_location(workspace.settings).get_repository_def().asset_graph
    nodes = {node.key.to_user_string(): node for node in graph.asset_nodes}
    assert [name for name, node in nodes.items() if not node.description] == []
    parents = {name: {key.to_user_string() for key in node.parent_keys} for name, node in nodes.items()}
    assert parents["stg_llm_request"] == {"llm_request", "stg_trace"}
    assert parents["stg_trace"] == {"trace"}
    assert parents["stg_tenant"] == {"feed_tenants"}
    assert parents["stg_model"] == {"price_book"}
    costs = {"int_llm_request_cost", "int_drawdown_segment", "price_book"}
    assert parents["fct_llm_request_priced"] == {*costs, "int_attributed_request"}
    assert parents["published_marts"] == {name for name, node in nodes.items() if node.group_name == "marts"}
    assert [name for name in nodes if name.startswith("stg_") and not parents[name]] == []
    checks = {key.name: key.asset_key.to_user_string() for key in graph.asset_check_keys}
    assert checks["tasks_equal_their_attempts"] == "fct_task"
    assert checks["tenant_days_equal_their_sources"] == "fct_tenant_day"
    assert not list((workspace.settings.data_dir / "build" / "dbt").glob(".parse*"))
    assert not list(workspace.root.rglob("*.duckdb"))


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Commands given to dbt, which here writes a manifest only."""
    commands: list[str] = []

    def parse(command: list[str], *, target_path: Path, **_: Any) -> None:
        commands.extend(command)
        (target_path / "manifest.json").write_text("{}")

    models = tmp_path / "models"
    models.mkdir()
    (models / "a.sql").write_text("select 1")
    monkeypatch.setattr("pipelines.building.dbt.MODELS", models)
    monkeypatch.setattr("pipelines.building.manifest.run_dbt", parse)
    yield commands


def test_the_manifest_is_parsed_once_and_again_when_a_model_changed(tmp_path: Path, written: list[str]) -> None:
    from pipelines.building.manifest import manifest_file

    first = manifest_file(tmp_path / "var")
    assert manifest_file(tmp_path / "var") == first
    assert written == ["parse"]
    (tmp_path / "models" / "a.sql").write_text("select 2")
    second = manifest_file(tmp_path / "var")
    assert written == ["parse", "parse"]
    assert list((tmp_path / "var" / "build" / "dbt").iterdir()) == [second]


def test_the_command_line_starts_without_dagster() -> None:
    code = "import sys, pipelines.cli; print([name for name in sys.modules if name.startswith(('dagster', 'dbt.'))])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
