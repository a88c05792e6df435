"""What the doctor finds when something is broken on purpose, and that it finds nothing when nothing is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipelines.building.lock import build_lock
from pipelines.doctor import Check, examine
from pipelines.settings import Settings
from tests.workspace import Workspace, request
from warehouse import control as db
from warehouse.control import Control
from warehouse.publish import current


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder with a landed file, a quarantined row and a published version."""
    workspace = Workspace(tmp_path_factory.mktemp("doctor"))
    workspace.land_records("log", [request(environment="production"), {"source_record_id": "no start"}])
    workspace.build()
    workspace.control.close()
    yield workspace.root


@pytest.fixture
def settings(built: Path, tmp_path: Path) -> Settings:
    shutil.copytree(built, tmp_path / "copy")
    return Settings(data_dir=tmp_path / "copy" / "var")


def unwell(settings: Settings, *, is_deep: bool = False) -> dict[str, Check]:
    return {check.name: check for check in examine(settings, is_deep=is_deep) if not check.is_well}


def change(settings: Settings, statement: sa.Executable) -> None:
    control = Control(settings.control_url)
    with control.write() as connection:
        connection.execute(statement)
    control.close()


def lake_file(settings: Settings) -> Path:
    return next((settings.data_dir / "lake" / "llm_request").rglob("*.parquet"))


def test_a_healthy_installation_has_nothing_to_mend(settings: Settings) -> None:
    checks = examine(settings, is_deep=True)
    assert [check for check in checks if not check.is_well] == []
    assert len(checks) >= 18
    assert next(check.detail for check in checks if check.name == "quarantine").startswith("1 rows to look at")


def test_an_empty_folder_is_healthy_too(tmp_path: Path) -> None:
    assert unwell(Settings(data_dir=tmp_path / "new"), is_deep=True) == {}


def test_every_break_is_found_by_its_own_check_and_says_how_to_mend_it(settings: Settings) -> None:
    for name, harm in BREAKS.items():
        found = unwell(harm(settings), is_deep=True)
        assert name in found, f"{name} not found; found: {sorted(found)}"
        assert found[name].mend and found[name].mend != "see the message", name


def test_a_changed_byte_is_found_only_by_the_deep_look(settings: Settings) -> None:
    path = lake_file(settings)
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(bytes(data))
    assert unwell(settings) == {}
    assert set(unwell(settings, is_deep=True)) == {"lake content"}


def test_a_build_at_work_is_well_and_one_whose_process_is_gone_is_not(settings: Settings) -> None:
    change(
        settings, sa.insert(db.build).values(state="running", kind="full", days=1, fingerprint="f", started_at="now")
    )
    assert "its process is gone" in unwell(settings)["last build"].detail
    with build_lock(settings.data_dir):
        assert "last build" not in unwell(settings)


def _lose_lake_file(settings: Settings) -> Settings:
    lake_file(settings).unlink()
    return settings


def _cut_lake_file(settings: Settings) -> Settings:
    path = next((settings.data_dir / "lake" / "llm_request").rglob("*.parquet"), None)
    if path is None:
        folder = settings.data_dir / "lake"
        control = Control(settings.control_url)
        path = folder / control.rows(sa.select(db.lake_file.c.path))[0].path
        control.close()
    path.write_bytes(b"PAR1")
    return settings


def _lose_quarantine(settings: Settings) -> Settings:
    shutil.rmtree(settings.data_dir / "quarantine")
    return settings


def _lose_rows(settings: Settings) -> Settings:
    change(settings, sa.update(db.landing).values(rows_in=9))
    return settings


def _abandon(settings: Settings) -> Settings:
    change(settings, sa.update(db.landing).values(state="claimed"))
    return settings


def _lose_priced(settings: Settings) -> Settings:
    shutil.rmtree(settings.data_dir / "serving" / "priced")
    return settings


def _forget_publication(settings: Settings) -> Settings:
    change(settings, sa.delete(db.serving))
    return settings


def _lose_marts(settings: Settings) -> Settings:
    pointer = current(settings.data_dir)
    assert pointer is not None
    (settings.data_dir / "serving" / pointer.file).unlink()
    return settings


def _fail_build(settings: Settings) -> Settings:
    change(settings, sa.update(db.build).values(state="failed", message="a test failed"))
    return settings


def _no_such_logs(settings: Settings) -> Settings:
    return settings.model_copy(update={"logs": ("/no/such/folder",)})


def _open_to_all(settings: Settings) -> Settings:
    (settings.data_dir / "control.sqlite").chmod(0o666)
    return settings


# In an order in which none hides the next.
BREAKS: dict[str, Callable[[Settings], Settings]] = {
    "configuration": _no_such_logs,
    "permissions": _open_to_all,
    "rows in": _lose_rows,
    "quarantine": _lose_quarantine,
    "landings": _abandon,
    "lake files": _lose_lake_file,
    "lake sizes": _cut_lake_file,
    "published requests": _lose_priced,
    "published against ledger": _forget_publication,
    "published marts": _lose_marts,
    "last build": _fail_build,
}
