"""One build at a time, of the CLI and of Dagster alike; the lock goes with the process that holds it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from warehouse.control import now_text


class Locked(Exception):
    """Another build is running; the message says whose and since when."""


@contextmanager
def build_lock(data_dir: Path) -> Generator[None]:
    """Hold the build lock of a data folder. Raises Locked at once if it is held."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "build.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(f"A build {_holder(path)}. Wait for it, or stop it; ingesting can go on meanwhile.") from None
        file.seek(0)
        file.truncate()
        file.write(json.dumps({"pid": os.getpid(), "since": now_text()}))
        file.flush()
        yield


def is_held(data_dir: Path) -> bool:
    """Whether a build is running now, in any process."""
    try:
        with (data_dir / "build.lock").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"by pid {holder['pid']} runs since {holder['since']}"
    except (ValueError, KeyError, OSError):
        return "is just starting"
