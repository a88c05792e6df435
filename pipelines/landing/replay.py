"""The quarantine as a person sees it: what is in it, and its files read again after a mend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipelines.fetching import settings_of
from pipelines.landing import quarantine
from pipelines.landing.detect import UnknownFormat
from pipelines.landing.failures import LandingError
from pipelines.landing.land import Context, FileResult, land_file
from pipelines.landing.quarantine import Quarantined
from pipelines.settings import Settings
from warehouse import control as db
from warehouse.control import Control
from warehouse.lake import Lake

Progress = Callable[[str, int, int], None]


def listed(settings: Settings, part_of_path: str | None = None) -> list[Quarantined]:
    """Every quarantined row that counts, by file and line; only of files whose path contains `part_of_path`."""
    control = Control(settings.control_url)
    rows = control.rows(_with_quarantine(part_of_path))
    control.close()
    return list(quarantine.read(settings.data_dir, [row.landing_id for row in rows]))


def replay_files(settings: Settings, part_of_path: str | None, progress: Progress) -> list[FileResult]:
    """Read the files with quarantined rows again, whole; the new reading takes the place of the old in one step.

    For a mended setting or a newer release. A file that is gone keeps its landing and its quarantine.
    """
    control = Control(settings.control_url)
    context = Context(settings, control, Lake(settings.data_dir.resolve() / "lake"))
    try:
        found = {(row.path, row.source) for row in control.rows(_with_quarantine(part_of_path))}
        results: list[FileResult] = []
        for path, source in sorted(found):
            results.append(_again(context, path, source))
            progress("ingest", len(results), len(found))
        return results
    finally:
        control.close()


def _again(context: Context, path: str, source: str) -> FileResult:
    context = replace(context, settings=settings_of(context.settings, Path(path)))
    try:
        return land_file(context, Path(path), source, again=True)
    except (LandingError, UnknownFormat) as error:
        return FileResult(path, source, "failed", message=str(error))


def _with_quarantine(part_of_path: str | None) -> sa.Select[Any, Any, Any]:
    table = db.landing
    query = sa.select(table.c.landing_id, table.c.path, table.c.source).where(
        table.c.state == "landed", table.c.quarantined > 0
    )
    if part_of_path:
        query = query.where(table.c.path.contains(part_of_path, autoescape=True))
    return query.order_by(table.c.path, table.c.byte_start)
