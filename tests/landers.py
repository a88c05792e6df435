"""Landing in processes of their own, forked from a server that has imported everything once: a process costs 20 ms."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipelines.landing import land
from pipelines.landing.land import Context, FileResult, LandingError, land_file
from pipelines.settings import Settings
from warehouse import control as db
from warehouse.control import Control
from warehouse.lake import Lake

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(
    ["tests.landers", "alembic.command", "pipelines.sources.canonical", "pipelines.sources.litellm"]
)

Outcome = list[FileResult] | str
"""Results by file, or the message of the LandingError that ended it."""


def land_paths(settings: Settings, paths: Iterable[Path]) -> list[FileResult]:
    """Land files one after the other, with connections of this process's own."""
    control = Control(settings.control_url)
    try:
        context = Context(settings, control, Lake(settings.data_dir / "lake"))
        return [land_file(context, path) for path in paths]
    finally:
        control.close()


def open_and_close(settings: Settings) -> str | None:
    """Open the control database, creating it where there is none; its revision."""
    control = Control(settings.control_url)
    try:
        return control.revision()
    finally:
        control.close()


def add_one(settings: Settings, times: int) -> int:
    """Read a figure, add one, write it: loses a count wherever two do it at once."""
    control = Control(settings.control_url)
    try:
        for _ in range(times):
            with control.write() as connection:
                found = connection.execute(sa.select(db.shown_figure.c.value)).scalar_one()
                connection.execute(sa.update(db.shown_figure).values(value=str(int(found) + 1)))
                connection.execute(sa.insert(db.dirty_day).values(day="2026-11-10"))
        return times
    finally:
        control.close()


def start(settings: Settings, paths: Iterable[Path]) -> Any:
    """A process that lands these files and says nothing; the caller kills or joins it."""
    process = FORK.Process(target=_quietly, args=(settings, list(paths)), daemon=True)
    process.start()
    return process


def land_and_freeze(settings: Settings, path: Path, asleep: Path, woken: Path) -> None:
    """Stop this process while it holds the claim of a file, and say so; when it goes on, what became of the file.

    As a machine that is suspended: its lease runs out, while it still is there.
    """
    read = land.parse

    def stop_first(*args: Any) -> Any:
        asleep.touch()
        os.kill(os.getpid(), signal.SIGSTOP)
        return read(*args)

    land.parse = stop_first
    [result] = land_paths(settings, [path])
    woken.write_text(result.state)


def in_processes(jobs: Iterable[tuple[Any, ...]], work: Callable[..., Any]) -> list[Any]:
    """Do `work(*job)` for each job in a process of its own, all at once; the answers in the order of the jobs."""
    pipes: list[Any] = []
    processes: list[Any] = []
    for job in jobs:
        ours, theirs = FORK.Pipe(duplex=False)
        process = FORK.Process(target=_answer, args=(theirs, work, job), daemon=True)
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    answers = [pipe.recv() for pipe in pipes]
    for process, pipe in zip(processes, pipes, strict=True):
        process.join()
        pipe.close()
    return answers


def outcome(settings: Settings, paths: Iterable[Path], prepare: Callable[[], None] | None = None) -> Outcome:
    """What becomes of landing these files, after `prepare` has taken something away from this process."""
    if prepare:
        prepare()
    try:
        return land_paths(settings, paths)
    except LandingError as error:
        return str(error)


def _answer(pipe: Any, work: Callable[..., Any], job: tuple[Any, ...]) -> None:
    pipe.send(work(*job))
    pipe.close()


def _quietly(settings: Settings, paths: list[Path]) -> None:
    with suppress(LandingError):
        land_paths(settings, paths)
