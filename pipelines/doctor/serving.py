"""Is what people read the newest that was built, and is it whole?"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import sqlalchemy as sa

from pipelines.building.lock import is_held
from pipelines.doctor.check import Check, counted
from pipelines.settings import Settings
from warehouse import control as db
from warehouse import ledger_view, publish
from warehouse.connection import warehouse
from warehouse.control import Control
from warehouse.reader import Reader

_ANEW = "`margincall build --full` publishes anew"


def published(settings: Settings) -> Iterator[Check]:
    """The pointer, the file it names, and whether this release can read it."""
    folder = settings.data_dir.resolve()
    pointer = publish.current(folder)
    if pointer is None:
        yield Check("published marts", True, "none yet: `margincall build` publishes the first")
        return
    path = publish.serving_folder(folder) / pointer.file
    detail = f"version {pointer.n} of {pointer.published_at}"
    if not path.exists():
        yield Check("published marts", False, f"{detail}: {path} is gone", _ANEW)
    elif pointer.serving_version != publish.SERVING_VERSION:
        detail += f" has schema {pointer.serving_version}, this release reads {publish.SERVING_VERSION}"
        yield Check("published marts", False, detail, "`margincall build` publishes anew")
    else:
        lost = sorted(set(publish.MARTS) - _tables(settings, pointer))
        yield Check(
            "published marts", not lost, counted(len(publish.MARTS), "mart", lost, "missing") + f", {detail}", _ANEW
        )


def priced_files(settings: Settings) -> Iterator[Check]:
    """The files of priced requests that the published version names."""
    folder = publish.serving_folder(settings.data_dir.resolve())
    pointer = publish.current(settings.data_dir.resolve())
    if pointer is None or not (folder / pointer.file).exists():
        return
    with warehouse(folder / pointer.file) as database:
        paths = [path for (path,) in database.execute("select path from priced_file").fetchall()]
    lost = [path for path in paths if not (folder / path).exists()]
    yield Check("published requests", not lost, counted(len(paths), "file", lost, "missing"), _ANEW)


def told_twice(settings: Settings) -> Iterator[Check]:
    """Requests that two logs have. That is no fault; that they count once is said, and from which log."""
    pointer = publish.current(settings.data_dir.resolve())
    if pointer is None or pointer.serving_version != publish.SERVING_VERSION:
        return
    reader = Reader(settings.data_dir)
    found = reader.told_twice()
    reader.close()
    yield Check("two logs", True, "; ".join(map(str, found)) or "no request is in two logs")


def revenue(settings: Settings) -> Iterator[Check]:
    """What revenue rests on and nobody said. That is no fault of the installation; that nothing is guessed is said."""
    pointer = publish.current(settings.data_dir.resolve())
    if pointer is None or pointer.serving_version != publish.SERVING_VERSION:
        return
    reader = Reader(settings.data_dir)
    found = reader.revenue_gaps()
    reader.close()
    yield Check("revenue", True, "; ".join(map(str, found)) or "nothing that revenue rests on is missing")


def against_control(settings: Settings) -> Iterator[Check]:
    """The pointer against the control database's record of publications, and what waits for a build."""
    control, table = Control(settings.control_url), db.serving
    newest = control.rows(sa.select(sa.func.max(table.c.n)).where(table.c.state == "published"))[0][0]
    waiting = ledger_view.waiting(control)
    control.close()
    pointer = publish.current(settings.data_dir.resolve())
    served = None if pointer is None else pointer.n
    detail = f"served: {served or 'none'}, recorded: {newest or 'none'}"
    mend = "one of the two was restored from another time: `margincall build --full` makes them agree"
    yield Check("published against ledger", served == newest, detail, mend)
    what = f"{waiting.days} days and {waiting.feed_files} feed files wait for `margincall build`"
    if waiting.everything:
        what = f"all days wait for `margincall build`: {waiting.everything[0]}"
    is_waiting = bool(waiting.days or waiting.feed_files or waiting.everything)
    yield Check("freshness", True, what if is_waiting else "nothing waits for a build")


def last_build(settings: Settings) -> Iterator[Check]:
    """Failed, cut off, or still running."""
    control = Control(settings.control_url)
    found = ledger_view.builds(control, 1)
    control.close()
    if not found:
        return
    last = found[0]
    is_running = is_held(settings.data_dir.resolve())
    detail = f"{last.kind}, {last.state}, started {last.started_at}" + (f": {last.message}" if last.message else "")
    if last.state == "running":
        detail += ", still at work" if is_running else ", but its process is gone"
    is_well = last.state == "published" or (last.state == "running" and is_running)
    mend = "`margincall build` goes on where it stopped" if last.state == "running" else "mend what it says, then build"
    yield Check("last build", is_well, detail, mend)


def _tables(settings: Settings, pointer: publish.Pointer) -> set[str]:
    path = publish.serving_folder(settings.data_dir.resolve()) / pointer.file
    try:
        with warehouse(path) as database:
            return {name for (name,) in database.execute("select table_name from duckdb_tables()").fetchall()}
    except duckdb.Error:
        return set()
