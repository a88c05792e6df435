"""A folder of files that is replaced as a whole: written beside its place, then renamed into it.

A crash leaves the earlier folder or the new one. Killed between the two renames that the exchange takes, the earlier one waits
under `.<name>.old`, and the next call puts it back before it does anything else.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipelines.exports import ExportError
from warehouse.lake import fsync_folder, write_atomically

MANIFEST = "manifest.json"


def replace_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Make `target` hold exactly these files, a manifest among them; a folder that does already is not touched.

    Raises ExportError where something stands in `target` that no export has put there, as it would be deleted.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = _beside(target, "new"), _beside(target, "old")
    with _alone(target.parent):
        _put_back(target, old)
        _refuse_other_files(target, files)
        if _holds(target, files):
            return
        try:
            _write(fresh, files)
            if target.exists():
                target.rename(old)
            fresh.rename(target)
        finally:
            _put_back(target, old)
            shutil.rmtree(fresh, ignore_errors=True)
        fsync_folder(target.parent)


def _beside(target: Path, state: str) -> Path:
    return target.with_name(f".{target.name}.{state}")


@contextmanager
def _alone(parent: Path) -> Generator[None]:
    """Wait until no other process writes to `parent`; the lock goes with the process."""
    handle = os.open(parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _put_back(target: Path, old: Path) -> None:
    """End an exchange that was begun: the earlier folder returns unless the new one is in its place."""
    if old.exists() and not target.exists():
        old.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        write_atomically(folder / name, content)


def _holds(folder: Path, files: Mapping[str, bytes]) -> bool:
    if not folder.is_dir() or {path.name for path in folder.iterdir()} != set(files):
        return False
    return all((folder / name).read_bytes() == content for name, content in files.items())


def _refuse_other_files(target: Path, files: Mapping[str, bytes]) -> None:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        manifest = json.loads((target / MANIFEST).read_bytes())
        ours = {MANIFEST, *(file["name"] for file in manifest["files"])}
        is_same_kind = manifest["export"] == json.loads(files[MANIFEST])["export"]
        others = sorted(path.name for path in target.iterdir() if path.name not in ours and path.name[0] != ".")
    except (OSError, ValueError, KeyError, TypeError):
        is_same_kind, others = False, []
    if not is_same_kind:
        raise ExportError(f"{target} is there already and is no such export. Name another folder with --out.")
    if others:
        raise ExportError(
            f"{target} holds files that are not of the export: {', '.join(others)}. Replacing the folder would delete them: "
            "move them, or name another folder with --out."
        )
