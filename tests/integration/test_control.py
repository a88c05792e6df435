"""The control database: the schema that the code believes in, and writers that lose nothing to each other."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from pipelines.settings import Settings
from tests.landers import add_one, in_processes, open_and_close
from tests.workspace import Workspace
from warehouse import control as db
from warehouse.control import HEAD, MIGRATIONS, Control, ControlError

WRITERS, WRITES = 8, 50


def test_a_new_database_is_at_the_revision_of_this_release(workspace: Workspace) -> None:
    assert workspace.control.revision() == HEAD


def test_the_revision_of_this_release_is_the_newest_migration() -> None:
    files = sorted(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    assert files[-1].partition("_")[0] == HEAD
    text = (MIGRATIONS / "versions" / f"{files[-1]}.py").read_text()
    assert re.search(rf'^revision = "{HEAD}"$', text, re.MULTILINE)


def test_the_migrated_schema_is_the_one_the_code_describes(workspace: Workspace) -> None:
    with workspace.control.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []


def test_opening_again_changes_nothing(workspace: Workspace) -> None:
    with workspace.control.write() as connection:
        connection.execute(sa.insert(db.dirty_day).values(day="2026-11-10"))
    assert open_and_close(workspace.settings) == HEAD
    assert [row.day for row in workspace.control.rows(sa.select(db.dirty_day))] == ["2026-11-10"]


def test_a_newer_schema_is_refused_with_what_to_do(workspace: Workspace) -> None:
    with workspace.control.write() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    with pytest.raises(ControlError) as caught:
        Control(workspace.settings.control_url)
    assert f"schema 9999 is newer than this release ({HEAD}). Upgrade margincall" in str(caught.value)


def test_a_database_that_cannot_be_opened_is_named_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "control.sqlite").write_text("this is no database, but it is long enough to look like one\n" * 50)
    with pytest.raises(ControlError, match=r"control\.sqlite: the control database cannot be opened: file is not"):
        Control(f"sqlite:///{tmp_path / 'control.sqlite'}")
    (tmp_path / "file").write_text("")
    with pytest.raises(ControlError, match="the control database cannot be opened"):
        Control(f"sqlite:///{tmp_path / 'file' / 'control.sqlite'}")


def test_eight_processes_may_create_the_database_at_once(tmp_path: Path) -> None:
    assert in_processes([(Settings(data_dir=tmp_path / "var"),)] * 8, open_and_close) == [HEAD] * 8


def test_eight_processes_of_fifty_transactions_each_lose_none(workspace: Workspace) -> None:
    with workspace.control.write() as connection:
        figure = {"week": "2026-11-09", "metric_id": "count", "value": "0", "shown_at": "now", "serving_n": 1}
        connection.execute(sa.insert(db.shown_figure).values(**figure))
    assert sum(in_processes([(workspace.settings, WRITES)] * WRITERS, add_one)) == WRITERS * WRITES
    [row] = workspace.control.rows(sa.select(db.shown_figure))
    assert row.value == str(WRITERS * WRITES)
    [count] = workspace.control.rows(sa.select(sa.func.count()).select_from(db.dirty_day))
    assert count[0] == WRITERS * WRITES


def test_a_transaction_that_fails_leaves_nothing(workspace: Workspace) -> None:
    with pytest.raises(RuntimeError), workspace.control.write() as connection:
        connection.execute(sa.insert(db.dirty_day).values(day="2026-11-10"))
        raise RuntimeError
    assert workspace.control.rows(sa.select(db.dirty_day)) == []


def test_a_reader_sees_one_moment_and_does_not_wait_for_a_writer(workspace: Workspace) -> None:
    table = sa.select(sa.func.count()).select_from(db.dirty_day)
    with workspace.control.read() as reader:
        before = reader.execute(table).scalar()
        with workspace.control.write() as writer:
            writer.execute(sa.insert(db.dirty_day).values(day="2026-11-10"))
            assert reader.execute(table).scalar() == before == 0
        assert reader.execute(table).scalar() == 0
    assert workspace.control.rows(table)[0][0] == 1


def test_one_control_serves_many_threads(workspace: Workspace) -> None:
    def write() -> None:
        for _ in range(10):
            with workspace.control.write() as connection:
                connection.execute(sa.insert(db.dirty_day).values(day="2026-11-10"))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(workspace.control.rows(sa.select(db.dirty_day))) == 40
