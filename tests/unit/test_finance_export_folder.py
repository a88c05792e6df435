"""An export's folder is replaced as a whole, and nothing of anyone else's is ever deleted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.exports import ExportError, folder
from pipelines.exports.folder import MANIFEST, replace_folder


def export(kind: str = "finance", **files: bytes) -> dict[str, bytes]:
    named = {f"{name}.csv": content for name, content in files.items()}
    manifest = {"export": kind, "files": [{"name": name} for name in named]}
    return {**named, MANIFEST: json.dumps(manifest).encode()}


def held(path: Path) -> dict[str, bytes]:
    return {found.name: found.read_bytes() for found in path.iterdir()}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "finance" / "2026-10"
    replace_folder(path, export(a=b"old", gone=b"old"))
    return path


def test_a_folder_holds_the_new_files_only(target: Path) -> None:
    replace_folder(target, export(a=b"new", b=b"new"))
    assert held(target) == export(a=b"new", b=b"new")
    assert [path.name for path in target.parent.iterdir()] == ["2026-10"]


def test_a_folder_that_holds_the_files_already_is_not_touched(target: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (target, *target.iterdir())}
    replace_folder(target, export(a=b"old", gone=b"old"))
    assert {path: path.stat().st_mtime_ns for path in (target, *target.iterdir())} == before


def test_a_writer_that_dies_half_way_leaves_the_earlier_folder(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def second_fails(path: Path, data: bytes) -> None:
        if written:
            raise OSError("disk full")
        written.append(path)
        path.write_bytes(data)

    monkeypatch.setattr(folder, "write_atomically", second_fails)
    with pytest.raises(OSError, match="disk full"):
        replace_folder(target, export(a=b"new", b=b"new"))
    assert written
    assert held(target) == export(a=b"old", gone=b"old")
    assert [path.name for path in target.parent.iterdir()] == ["2026-10"]


def test_interrupted_between_the_two_renames_the_earlier_folder_returns(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def second_fails(path: Path, to: Path) -> Path:
        if path.name.endswith(".new"):
            raise KeyboardInterrupt
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises(KeyboardInterrupt):
        replace_folder(target, export(a=b"new"))
    assert held(target) == export(a=b"old", gone=b"old")


@pytest.mark.parametrize("is_new_there", [False, True])
def test_what_a_killed_exchange_left_is_put_right_by_the_next_call(target: Path, is_new_there: bool) -> None:
    target.rename(target.with_name(".2026-10.old"))
    if is_new_there:
        replace_folder(target.with_name("made"), export(a=b"newer"))
        target.with_name("made").rename(target)
    (target.with_name(".2026-10.new")).mkdir()
    with pytest.raises(ExportError, match="no such export"):  # a call that itself replaces nothing
        replace_folder(target, export("focus", a=b"new"))
    assert held(target) == (export(a=b"newer") if is_new_there else export(a=b"old", gone=b"old"))
    replace_folder(target, export(a=b"new"))
    assert [path.name for path in target.parent.iterdir()] == ["2026-10"]


def test_a_file_of_someone_s_own_keeps_the_folder(target: Path) -> None:
    (target / "comments.xlsx").write_bytes(b"mine")
    with pytest.raises(ExportError, match=r"not of the export: comments\.xlsx"):
        replace_folder(target, export(a=b"new"))
    assert held(target) == {**export(a=b"old", gone=b"old"), "comments.xlsx": b"mine"}


@pytest.mark.parametrize("manifest", [b"", b"[]", b'{"files": []}', b'{"export": "focus", "files": []}'])
def test_a_folder_that_is_no_such_export_is_not_replaced(tmp_path: Path, manifest: bytes) -> None:
    (tmp_path / "2026-10").mkdir()
    (tmp_path / "2026-10" / MANIFEST).write_bytes(manifest)
    with pytest.raises(ExportError, match="no such export"):
        replace_folder(tmp_path / "2026-10", export(a=b"new"))
    assert held(tmp_path / "2026-10") == {MANIFEST: manifest}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "2026-10").mkdir()
    replace_folder(tmp_path / "2026-10", export(a=b"new"))
    assert held(tmp_path / "2026-10") == export(a=b"new")
