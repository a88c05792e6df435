"""A folder of fetched files: one process at a time writes to it."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold the folder; waits for another process to be done, after which there is little left to do."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for unfinished in folder.glob(".*.tmp"):
            unfinished.unlink()  # of a process that was killed: nobody else writes here now
        yield
