"""What can be wrong with an installation, checked and told with how to mend it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

import sqlalchemy as sa

from pipelines.settings import Settings
from warehouse import control as db
from warehouse import lake, publish
from warehouse.control import HEAD, Control
from warehouse.lake import STAGING, Lake

_PACKAGES = ("duckdb", "dbt-core", "dbt-duckdb", "genai-prices", "pyarrow", "sqlalchemy")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `mend` says what to do where it is not well."""

    name: str
    is_well: bool
    detail: str
    mend: str = ""


def examine(settings: Settings) -> list[Check]:
    """Look at everything; a check that cannot be made is one that is not well."""
    checks: list[Check] = []
    for look in (_installation, _data_folder, _disk, _control, _ledger, _staging, _serving, _last_build):
        checks.extend(_safely(look, settings))
    return checks


def _safely(look: Callable[[Settings], Iterator[Check]], settings: Settings) -> list[Check]:
    try:
        return list(look(settings))
    except Exception as error:  # a broken part must not hide the state of the others
        name = look.__name__.strip("_").replace("_", " ")
        return [Check(name, False, f"{type(error).__name__}: {error}", "see the message")]


def _installation(settings: Settings) -> Iterator[Check]:
    del settings
    found = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield Check("python", sys.version_info >= (3, 11), sys.version.split()[0], "use Python 3.11 or newer")
    yield Check("packages", True, found)


def _data_folder(settings: Settings) -> Iterator[Check]:
    folder = settings.data_dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".doctor"
    probe.write_text("")
    probe.unlink()
    yield Check("data folder", True, str(folder))


def _disk(settings: Settings) -> Iterator[Check]:
    """A build keeps the warehouse, its next state and the published copies: two to three times its size."""
    folder = settings.data_dir.resolve()
    warehouse = folder / "warehouse.duckdb"
    need = max(3 * (warehouse.stat().st_size if warehouse.exists() else 0), 1 << 30)
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free, {need / 1e9:.1f} GB wanted for the next build"
    yield Check("disk", free >= need, detail, "free space, or move data_dir")


def _control(settings: Settings) -> Iterator[Check]:
    control = Control(settings.control_url)
    revision = control.revision()
    control.close()
    yield Check("control database", revision == HEAD, f"schema {revision}", "run any command of this release once")


def _ledger(settings: Settings) -> Iterator[Check]:
    """Rows without a file, files of another size, and files that no row names."""
    control, the_lake = Control(settings.control_url), Lake(settings.data_dir.resolve() / "lake")
    with control.read() as connection:
        files = [file for dataset in lake.datasets() for file in lake.files(connection, dataset)]
    control.close()
    lost = [file.path for file in files if not the_lake.absolute(file.path).exists()]
    changed = [f.path for f in files if f.path not in set(lost) and the_lake.absolute(f.path).stat().st_size != f.bytes]
    known = {file.path for file in files}
    stored = (path for name in lake.datasets() for path in (the_lake.root / name).rglob("*.parquet"))
    orphans = {str(path.relative_to(the_lake.root)) for path in stored} - known
    mend = "restore them from a backup, or ingest the sources again"
    yield Check("lake files", not lost, _count(len(files), "file", lost, "missing"), mend)
    yield Check("lake content", not changed, _count(len(files), "file", changed, "of another size than recorded"), mend)
    detail = f"{len(orphans)} left behind by interrupted landings; they are never read"
    yield Check("lake leftovers", True, detail)


def _staging(settings: Settings) -> Iterator[Check]:
    control = Control(settings.control_url)
    claimed = control.rows(sa.select(db.landing.c.path, db.landing.c.owner).where(db.landing.c.state == "claimed"))
    control.close()
    staging = settings.data_dir.resolve() / "lake" / STAGING
    left = len(list(staging.iterdir())) if staging.exists() else 0
    detail = f"{len(claimed)} landings not finished, {left} staging folders"
    paths = ", ".join(row.path for row in claimed[:3])
    mend = f"if no ingest is running, `margincall ingest` the same files again: {paths}"
    yield Check("landings", not claimed, detail, mend)


def _serving(settings: Settings) -> Iterator[Check]:
    pointer = publish.current(settings.data_dir.resolve())
    if pointer is None:
        yield Check("published marts", True, "none yet: `margincall build` publishes the first")
        return
    folder = publish.serving_folder(settings.data_dir.resolve())
    exists = (folder / pointer.file).exists()
    right = pointer.serving_version == publish.SERVING_VERSION
    detail = f"version {pointer.n} of {pointer.published_at}"
    yield Check("published marts", exists and right, detail, "`margincall build --full` publishes anew")


def _last_build(settings: Settings) -> Iterator[Check]:
    control = Control(settings.control_url)
    rows = control.rows(sa.select(db.build).order_by(db.build.c.build_id.desc()).limit(1))
    control.close()
    if rows:
        last = rows[0]
        detail = f"{last.kind}, {last.state}, started {last.started_at}" + (f": {last.message}" if last.message else "")
        yield Check("last build", last.state != "failed", detail, "mend what it says and run `margincall build`")


def _count(total: int, noun: str, bad: list[str], what: str) -> str:
    listed = f": {', '.join(bad[:3])}{' …' if len(bad) > 3 else ''}" if bad else ""
    return f"{total} {noun}s, {len(bad)} {what}{listed}"
