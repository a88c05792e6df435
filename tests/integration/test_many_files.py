"""Many files at once: processes that land the same folder are killed, restarted and taken over from, and in the end every
content has landed once, whole, as if one process had done it undisturbed."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipelines.doctor import examine
from pipelines.settings import Settings
from tests.contract.test_every_source import EXAMPLES
from tests.integration.test_landing import assert_nothing_left
from tests.integration.test_landing_killed import assert_sound
from tests.integration.test_postgres_control import new_database, server
from tests.landed import assert_conserved, landings, listed, rows
from tests.landers import FORK, in_processes, land_and_freeze, land_paths, start
from tests.workspace import Workspace, request
from warehouse import control as db

__all__ = ["new_database", "server"]  # fixtures

PROCESSES = 4
SEED = 20261121
BAD = "rubbish\n"


@dataclass(frozen=True)
class Content:
    """Bytes under a name's ending, and what is in them."""

    ending: str
    data: bytes
    records: tuple[str, ...]
    bad: int


def canonical(name: str, source: random.Random) -> dict[str, Any]:
    at = f"2026-11-{source.randint(1, 9):02d}T12:00:00Z"
    return request(source_record_id=name, started_at=at, ended_at=at, task_id=name)


def payload(name: str) -> dict[str, Any]:
    return {**EXAMPLES["litellm"], "id": name, "startTime": 1794312000.25, "endTime": 1794312001.25}


def contents(source: random.Random, count: int) -> list[Content]:
    """Logs of four kinds, no two equal; each repeats some records of the ones before it, of its own kind."""
    made: list[Content] = []
    told: dict[str, dict[str, dict[str, Any]]] = {"canonical": {}, "litellm": {}}
    for number in range(count):
        ending = (".jsonl", ".jsonl", ".csv", ".jsonl.gz", ".json", ".litellm.jsonl")[number % 6]
        known = told["litellm" if "litellm" in ending else "canonical"]
        again = source.sample(sorted(known), min(len(known), source.randint(0, 4)))
        new = [f"r{number}-{n}" for n in range(source.randint(1, 12))]
        for name in new:
            known[name] = payload(name) if "litellm" in ending else canonical(name, source)
        names = [*again, *new]
        source.shuffle(names)
        bad = source.randint(0, 1) if "jsonl" in ending else 0
        made.append(Content(ending, encoded(ending, [known[name] for name in names], bad), tuple(names), bad))
    return made


def encoded(ending: str, records: list[dict[str, Any]], bad: int) -> bytes:
    if ending == ".csv":
        file = io.StringIO()
        writer = csv.DictWriter(file, records[0])
        writer.writeheader()
        writer.writerows(records)
        return file.getvalue().encode()
    if ending == ".json":
        return json.dumps(records).encode()
    text = "".join(json.dumps(record) + "\n" for record in records) + BAD * bad
    return gzip.compress(text.encode(), mtime=0) if ending.endswith(".gz") else text.encode()


def write_all(folder: Path, count: int, source: random.Random) -> tuple[list[Path], list[Content]]:
    """So many files, and the contents they hold: each once, and every fifth file under a second name."""
    folder.mkdir()
    held = contents(source, count - count // 5)
    named = [(f"{number:03d}", content) for number, content in enumerate(held)]
    named += [(f"copy-{number:03d}", content) for number, content in enumerate(source.sample(held, count // 5))]
    for name, content in named:
        (folder / f"{name}{content.ending}").write_bytes(content.data)
    return sorted(folder.iterdir()), held


@pytest.mark.parametrize(("kind", "count", "kills"), [("sqlite", 200, 24), ("postgresql", 60, 12)])
def test_files_landed_by_processes_that_are_killed_land_once_each(
    kind: str, count: int, kills: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    print(f"seed {SEED}")
    source = random.Random(SEED)
    url = request.getfixturevalue("new_database")() if kind == "postgresql" else None
    workspace = Workspace(tmp_path, landing={"lease_s": 1}, control={"url": url})
    files, held = write_all(tmp_path / "logs", count, source)
    in_processes([(workspace.settings, files[:1])], land_paths)  # the schema, and the server that forks the others
    with frozen(workspace, files[1]) as (sleeper, woken):
        assert disturb(workspace, files, kills, source) > kills // 2
        finish(workspace, files)
        # By another process: who claimed it first still sleeps.
        assert [row.path for row in landings(workspace) if row.sha256 == sha256(files[1].read_bytes())]
        os.kill(sleeper.pid, signal.SIGCONT)
        sleeper.join()
        assert woken.read_text() == "busy"
    assert_each_landed_once(workspace, held)
    workspace.control.close()


@contextmanager
def frozen(workspace: Workspace, path: Path) -> Generator[tuple[Any, Path]]:
    """A process that holds the claim of a file and stops there; where it will write what became of the file."""
    asleep, woken = workspace.root / "asleep", workspace.root / "woken"
    process = FORK.Process(target=land_and_freeze, args=(workspace.settings, path, asleep, woken), daemon=True)
    process.start()
    try:
        wait_until(asleep.exists)
        yield process, woken
    finally:
        process.kill()
        process.join()


def disturb(workspace: Workspace, files: list[Path], kills: int, source: random.Random) -> int:
    """Land all files in several processes, of which one after the other is killed and replaced; kills that hit work."""
    settings, hits = workspace.settings, 0
    running = [launched(settings, files, source) for _ in range(PROCESSES)]
    for kill in range(kills):
        time.sleep(source.uniform(0.05, 0.6))
        victim = source.randrange(PROCESSES)
        hits += running[victim].is_alive()
        running[victim].kill()
        running[victim].join()
        running[victim] = launched(settings, files, source)
        if kill % 8 == 0:
            assert_sound(workspace)
    for process in running:
        process.join()
    return hits


def launched(settings: Settings, files: list[Path], source: random.Random) -> Any:
    return start(settings, source.sample(files, len(files)))


def finish(workspace: Workspace, files: list[Path]) -> None:
    """Land what is left, as the next scheduled run would; leases of the dead run out meanwhile."""

    def is_done() -> bool:
        results = land_paths(workspace.settings, files)
        assert {result.state for result in results} <= {"landed", "already", "busy"}
        return all(result.state == "already" for result in results)

    wait_until(is_done)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def assert_each_landed_once(workspace: Workspace, held: list[Content]) -> None:
    """Whatever the order, the names and the kills: one landing per content, with all its records and bad rows."""
    landed = landings(workspace)
    assert len(landed) == len(held)
    assert sum(row.rows_in for row in landed) == sum(len(content.records) + content.bad for content in held)
    assert sum(row.quarantined for row in landed) == sum(content.bad for content in held)
    assert sum(row.duplicate for row in landed) == 0
    found = Counter(row["source_record_id"] for row in rows(workspace, "source_record_id"))
    assert found == Counter(name for content in held for name in content.records)
    assert_conserved(workspace)
    assert_nothing_left(workspace)
    on_disk = {str(path.relative_to(workspace.lake.root)) for path in workspace.lake.root.rglob("*.parquet")}
    assert on_disk == {file.path for file in listed(workspace)}
    checks = {check.name: check for check in examine(workspace.settings, is_deep=True)}
    for name in ("lake files", "lake sizes", "lake content", "landings", "rows in", "quarantine"):
        assert checks[name].is_well, checks[name]
    assert checks["lake leftovers"].detail.startswith("0 left behind")
    assert workspace.control.rows(db.landing.select().where(db.landing.c.state != "landed")) == []
