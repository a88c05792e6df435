"""The demo on a fresh machine: prints what the README shows; a second time it is quick and changes nothing."""

from __future__ import annotations

from pathlib import Path

from tests.readme import demo_output, table_in_readme


def test_the_demo_prints_the_table_of_the_readme_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    first = demo_output(tmp_path)
    assert first == table_in_readme(), "the README's table is not what the demo prints: make readme"
    before = _state(tmp_path / "var" / "demo")
    assert demo_output(tmp_path) == first
    assert _state(tmp_path / "var" / "demo") == before
    assert {path.name for path in tmp_path.iterdir()} == {"var"}


def _state(folder: Path) -> dict[str, int]:
    """Every file that holds data, with the time of its last change; the lock and the open database's log change."""
    volatile = {"build.lock", "control.sqlite-shm", "control.sqlite-wal"}
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in volatile)
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in files}
