"""Does the ledger say what is in the lake?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from pipelines.doctor.check import Check, counted
from pipelines.settings import Settings
from warehouse import control as db
from warehouse import lake, ledger_view
from warehouse.control import HEAD, Control
from warehouse.lake import STAGING, Lake, LakeFile

_RESTORE = "restore them from a backup, or land their sources again: `margincall ingest`"


def control_database(settings: Settings) -> Iterator[Check]:
    control = Control(settings.control_url)
    revision, url = control.revision(), control.url.render_as_string(hide_password=True)
    control.close()
    yield Check("control database", revision == HEAD, f"{url}, schema {revision}", "use the release that wrote it")


def lake_files(settings: Settings) -> Iterator[Check]:
    """Rows without a file, files of another size, and files that no row names."""
    the_lake, files = _listed(settings)
    present = {file.path: the_lake.absolute(file.path) for file in files if the_lake.absolute(file.path).exists()}
    lost = [file.path for file in files if file.path not in present]
    changed = [file.path for file in files if file.path in present and present[file.path].stat().st_size != file.bytes]
    stored = (path for name in lake.datasets() for path in (the_lake.root / name).rglob("*.parquet"))
    orphans = {str(path.relative_to(the_lake.root)) for path in stored} - {file.path for file in files}
    yield Check("lake files", not lost, counted(len(files), "file", lost, "missing"), _RESTORE)
    detail = counted(len(files), "file", changed, "of another size than recorded")
    yield Check("lake sizes", not changed, detail, _RESTORE)
    leftovers = f"{len(orphans)} left behind by interrupted or replaced landings; they are never read"
    yield Check("lake leftovers", True, leftovers)


def content(settings: Settings) -> Iterator[Check]:
    """Every byte of every file against the hash taken when it landed."""
    the_lake, files = _listed(settings)
    present = [file for file in files if the_lake.absolute(file.path).exists()]
    changed = [file.path for file in present if _sha256(the_lake.absolute(file.path)) != file.sha256]
    detail = counted(len(present), "file", changed, "with other content than landed")
    yield Check("lake content", not changed, detail, _RESTORE)


def landings(settings: Settings) -> Iterator[Check]:
    """Landings that began and did not end; and that every row of every file is accounted for."""
    control, table = Control(settings.control_url), db.landing
    claimed = control.rows(sa.select(table.c.path).where(table.c.state == "claimed"))
    formats = ledger_view.landed_formats(control)
    control.close()
    staging = settings.data_dir.resolve() / "lake" / STAGING
    left = len(list(staging.iterdir())) if staging.exists() else 0
    detail = f"{len(claimed)} landings not finished, {left} staging folders"
    paths = ", ".join(row.path for row in claimed[:3])
    mend = f"if no ingest is running, `margincall ingest` the same files again: {paths}"
    yield Check("landings", not claimed, detail, mend)
    lossy = [
        f"{row.source} ({row.dataset})"
        for row in formats
        if row.rows_in != row.landed + row.duplicate + row.quarantined
    ]
    rows = sum(row.rows_in for row in formats)
    detail = counted(rows, "row", lossy, "formats with rows that are neither landed, duplicate nor quarantined")
    yield Check("rows in", not lossy, detail, "land the files again: `margincall quarantine --replay`")


def quarantine(settings: Settings) -> Iterator[Check]:
    """Every landing that counted rows as quarantined has them on file. Rows there are no fault of the installation."""
    control, table = Control(settings.control_url), db.landing
    query = sa.select(table.c.landing_id, table.c.path, table.c.quarantined)
    rows = control.rows(query.where(table.c.state == "landed", table.c.quarantined > 0))
    control.close()
    folder = settings.data_dir.resolve() / "quarantine"
    lost = [row.path for row in rows if not (folder / f"{row.landing_id}.jsonl").exists()]
    kept = sum(row.quarantined for row in rows)
    detail = f"{kept:,} rows to look at with `margincall quarantine`" if kept else "empty"
    if lost:
        detail = counted(len(rows), "file", lost, "without their record of what was wrong")
    yield Check("quarantine", not lost, detail, "`margincall quarantine --replay` reads the files again")


def _listed(settings: Settings) -> tuple[Lake, list[LakeFile]]:
    control = Control(settings.control_url)
    with control.read() as connection:
        files = [file for dataset in lake.datasets() for file in lake.files(connection, dataset)]
    control.close()
    return Lake(settings.data_dir.resolve() / "lake"), files


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
