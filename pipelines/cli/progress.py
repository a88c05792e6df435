"""A bar per kind of work on standard error; none where nobody looks."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipelines.cli.app import err

_KINDS = ("sample company", "fetch", "ingest", "prices", "publish", "compare weeks")


@contextmanager
def progress_bars(quiet: bool) -> Generator[Callable[[str, int, int], None]]:
    """A function to tell of progress: what is being done, steps done, steps in all."""
    if quiet or not err.is_terminal:
        yield lambda *_: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bars:
        current: list[Any] = [None, None]

        def tell(what: str, done: int, total: int) -> None:
            kind = what if what in _KINDS else "models and checks"
            if current[0] != kind:
                current[:] = [kind, bars.add_task(kind, total=total)]
            bars.update(
                current[1], completed=done, total=total, description=kind if kind == what else f"{kind}: {what}"
            )

        yield tell
