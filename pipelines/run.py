"""One run of everything: ingest what the settings name, then build. What a scheduler calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pipelines.building.build import BuildResult, build
from pipelines.landing.collect import Found, find, ingest
from pipelines.landing.land import Context, FileResult
from pipelines.settings import Settings
from warehouse.control import Control
from warehouse.lake import Lake

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many steps of it are done, and how many there are."""


@dataclass(frozen=True)
class RunResult:
    """What became of every file, and of the build."""

    files: list[FileResult]
    build: BuildResult


def ingest_names(
    settings: Settings, names: Iterable[str], progress: Progress, *, source: str | None = None, feed: str | None = None
) -> list[FileResult]:
    """Land what these names stand for, fetched first where it is elsewhere. Raises LandingError for one that is nothing."""
    control = Control(settings.control_url)
    try:
        context = Context(settings, control, Lake(settings.data_dir.resolve() / "lake"))
        files: list[Found] = find(names, settings.data_dir, settings, lambda here: progress("fetch", here, here))
        progress("ingest", 0, len(files))
        return ingest(
            context, files, source=source, feed=feed, on_file=lambda _, done, total: progress("ingest", done, total)
        )
    finally:
        control.close()


def run(settings: Settings, progress: Progress) -> RunResult:
    """Ingest what the settings name, then build. Raises what those raise."""
    files = ingest_names(settings, settings.inputs, progress)
    return RunResult(files, build(settings, progress=progress))
