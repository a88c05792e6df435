"""Publication: numbered, immutable, atomic; readers are never blocked and never see half of a build."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.building import build as building
from pipelines.building.build import BuildError
from pipelines.building.dbt import DbtFailed
from tests.workspace import Workspace, request
from warehouse import publish
from warehouse.control import Control
from warehouse.publish import PublishError
from warehouse.reader import Reader

COST = "select sum(cost_usd) from fct_task"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace of five days with one version published."""
    workspace = Workspace(tmp_path_factory.mktemp("published"))
    days = [request(task_id=f"t{day}", started_at=f"2026-11-0{day}T10:00:00Z") for day in range(1, 6)]
    workspace.land_records("first", days)
    workspace.build()
    workspace.control.close()
    return workspace


def test_versions_follow_each_other_while_readers_read_and_old_ones_go(built: Workspace) -> None:
    data_dir, folder = built.settings.data_dir, publish.serving_folder(built.settings.data_dir)
    reader, errors, seen = Reader(data_dir), list[BaseException](), set[Any]()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                seen.add(reader.query(COST).rows[0][0])
                assert reader.query("select count(*) from fct_llm_request_priced").rows[0][0] >= 5
            except BaseException as error:  # whatever it is, the test has to see it
                errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(4):
            built.land_records(
                f"more-{number}", [request(task_id=f"m{number}", started_at=f"2026-11-05T1{number}:00:00Z")]
            )
            assert built.build().kind == "incremental"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert len(seen) >= 2, "no reader saw a change"
    # One request of 1,000 tokens in and 100 out costs $0.0045; five days and four more.
    assert str(reader.query(COST).rows[0][0]) == "0.040500000000"
    assert sorted(path.name for path in folder.glob("marts-*.duckdb")) == [f"marts-00000{n}.duckdb" for n in (3, 4, 5)]
    # Only the day that changed is written again; its older files are gone with the versions that named them.
    written = sorted(str(path.relative_to(folder / "priced")) for path in (folder / "priced").rglob("*.parquet"))
    assert [name for name in written if "day=2026-11-01" in name] == ["day=2026-11-01/000001-0.parquet"]
    assert [name.partition("/")[2][:6] for name in written if "day=2026-11-05" in name] == [
        "000003",
        "000004",
        "000005",
    ]
    reader.close()


def test_a_build_that_replaces_no_day_of_requests_publishes_them_all_again(built: Workspace) -> None:
    """A cost event that names no task changes a date's costs and no request."""
    reader = Reader(built.settings.data_dir)
    (before,) = reader.query("select count(*) from fct_llm_request_priced").rows
    at = {"occurred_at": "2026-11-04T12:00:00Z", "component": "tool", "amount": "0.25", "currency": "USD"}
    built.land_feed("cost_events", [{"event_id": "late", **at}])
    assert built.build().kind == "incremental"
    assert reader.query("select count(*) from fct_llm_request_priced").rows == (before,)
    assert reader.query("select sum(cost_usd) from fct_cost_day where not is_model_call").rows == ((Decimal("0.25"),),)
    reader.close()


def test_a_build_that_fails_leaves_what_is_served_as_it_was(built: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = publish.current(built.settings.data_dir)
    built.land_records("late", [request(task_id="late", started_at="2026-11-04T12:00:00Z")])

    def fail(*_: Any, **__: Any) -> None:
        raise DbtFailed("some_check: found 1 row that should not be there")

    with monkeypatch.context() as patched:
        patched.setattr(building, "run_dbt", fail)
        with pytest.raises(BuildError, match=r"what is served stays as it was\.\nsome_check"):
            built.build()
    assert publish.current(built.settings.data_dir) == before
    assert built.build().serving_n == (before.n if before else 0) + 1


def test_a_number_is_never_used_twice_also_after_the_control_database_was_restored(built: Workspace) -> None:
    control_file = built.settings.data_dir / "control.sqlite"
    pointer = publish.current(built.settings.data_dir)
    assert pointer is not None
    kept = control_file.read_bytes()
    for name in ("control.sqlite", "control.sqlite-wal", "control.sqlite-shm"):
        (built.settings.data_dir / name).unlink(missing_ok=True)
    control = Control(built.settings.control_url)
    try:
        assert publish._next_number(control, publish.serving_folder(built.settings.data_dir), 1) == pointer.n + 1
    finally:
        control.close()
        for name in ("control.sqlite-wal", "control.sqlite-shm"):
            (built.settings.data_dir / name).unlink(missing_ok=True)
        control_file.write_bytes(kept)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"n": 1}'])
def test_a_damaged_pointer_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "serving").mkdir()
    (tmp_path / "serving" / "current.json").write_text(content)
    with pytest.raises(PublishError, match=r"damaged\. `margincall build` publishes anew"):
        Reader(tmp_path).version()


def test_a_version_of_another_release_is_refused(tmp_path: Path) -> None:
    (tmp_path / "serving").mkdir()
    pointer = {"n": 1, "file": "marts-000001.duckdb", "serving_version": 99, "published_at": "2026-11-01"}
    (tmp_path / "serving" / "current.json").write_text(json.dumps(pointer))
    with pytest.raises(PublishError, match=f"has version 99, this release reads {publish.SERVING_VERSION}"):
        Reader(tmp_path).version()


def test_a_published_file_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "serving").mkdir()
    pointer = {
        "n": 1,
        "file": "marts-000001.duckdb",
        "serving_version": publish.SERVING_VERSION,
        "published_at": "2026-11-01",
    }
    (tmp_path / "serving" / "current.json").write_text(json.dumps(pointer))
    with pytest.raises(PublishError, match="does not exist"):
        Reader(tmp_path).weeks()
