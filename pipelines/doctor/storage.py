"""Can the data folder be written, by this user alone, and is there room for the next build?"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from pipelines.doctor.check import Check, counted
from pipelines.settings import Settings

_WRITTEN = ("lake", "lake/_staging", "quarantine", "serving", "build", "exports", "dagster")


def permissions(settings: Settings) -> Iterator[Check]:
    """Every folder that the commands write to, tried by writing; and who else may change what is there."""
    folder = settings.data_dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    places = [folder, *(folder / name for name in _WRITTEN if (folder / name).exists())]
    closed = [str(place) for place in places if not _can_write(place)]
    mend = "give the user who runs margincall the right to write there"
    yield Check("data folder", not closed, f"{folder}; {counted(len(places), 'folder', closed, 'not writable')}", mend)
    files = [path for path in (folder / "control.sqlite", folder / "warehouse.duckdb") if path.exists()]
    open_to_all = [path.name for path in files if path.stat().st_mode & stat.S_IWOTH]
    detail = counted(len(files), "database", open_to_all, "writable by everybody")
    yield Check("permissions", not open_to_all, detail, f"chmod o-w in {folder}")


def disk(settings: Settings) -> Iterator[Check]:
    """A build keeps the warehouse, its next state and the published copies: two to three times its size."""
    folder = settings.data_dir.resolve()
    warehouse = folder / "warehouse.duckdb"
    need = max(3 * (warehouse.stat().st_size if warehouse.exists() else 0), 1 << 30)
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free, {need / 1e9:.1f} GB wanted for the next build"
    yield Check("disk", free >= need, detail, "free space, or move data_dir")


def _can_write(folder: Path) -> bool:
    probe = folder / f".doctor-{os.getpid()}"
    try:
        probe.write_text("")
        probe.unlink()
    except OSError:
        return False
    return True
