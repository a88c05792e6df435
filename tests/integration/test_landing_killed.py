"""Landing killed at fifty random instants: nothing half counts, and the next run ends where an undisturbed one does."""

from __future__ import annotations

import gzip
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from pipelines.landing.ledger import Counts
from pipelines.settings import Settings
from tests.integration.test_landing import assert_nothing_left, line
from tests.landed import assert_conserved, landings, listed, refused, rows
from tests.landers import in_processes, land_paths, start
from tests.workspace import Workspace
from warehouse.lake import fsync_and_hash

FOLDERS, KILLS = 10, 5


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Six logs: plain, packed, an array, overlapping, with bad rows, with an unfinished line, on three days."""
    folder = tmp_path / "logs"
    folder.mkdir()
    contents: dict[str, bytes | str] = {
        "a.jsonl": "".join(line(n, day=1 + n % 3) for n in range(50)),
        "b.jsonl": "".join(line(n, day=1 + n % 3) for n in range(40, 60)) + "rubbish\n" + line(1, input_tokens=-1),
        "c.jsonl.gz": gzip.compress("".join(line(n, tenant_id="gz") for n in range(30)).encode()),
        "d.json": "[" + ",".join(line(n, tenant_id="array") for n in range(5)) + "]",
        "e.jsonl": line(1, tenant_id="e") * 3 + line(2, tenant_id="e")[:30],
        "f.jsonl": line(1, tenant_id="f"),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return sorted(folder.iterdir())


def state(workspace: Workspace) -> dict[str, Any]:
    """All that counts, without what is different in every run: order of landing, claims, times."""
    columns = ("landing_id", "path", "byte_start", "byte_end", "state", "rows_in", "landed", "duplicate", "quarantined")
    return {
        "rows": rows(workspace, order="landing_id, source_line"),
        "ledger": sorted(tuple(getattr(row, name) for name in columns) for row in landings(workspace)),
        "files": sorted((file.landing_id, file.day, file.rows) for file in listed(workspace)),
        "quarantine": sorted(refused(workspace)),
    }


def assert_sound(workspace: Workspace) -> None:
    """What counts right after a kill: whole landings with whole files."""
    for file in listed(workspace):
        assert fsync_and_hash(workspace.lake.absolute(file.path)) == file.sha256
    landed = {
        row.landing_id: Counts(row.rows_in, row.landed, row.duplicate, row.quarantined) for row in landings(workspace)
    }
    assert {file.landing_id for file in listed(workspace)} <= landed.keys()
    assert len(rows(workspace, "1", order="1")) == sum(counts.landed for counts in landed.values())


def killed(settings: Settings, files: list[Path], after_s: float) -> None:
    process = start(settings, files)
    time.sleep(after_s)
    process.kill()  # SIGKILL; nothing if it is done already
    process.join()
    process.close()


def test_fifty_kills_leave_nothing_that_half_counts_and_the_next_run_ends_as_if_there_had_been_none(
    tmp_path: Path, files: list[Path]
) -> None:
    undisturbed = Workspace(tmp_path / "undisturbed")
    template = Workspace(tmp_path / "template")
    template.control.close()
    in_processes([(undisturbed.settings, files[:1])], land_paths)  # the server's own start is none of what is timed
    began = time.monotonic()
    in_processes([(undisturbed.settings, files[1:])], land_paths)
    whole_s = (time.monotonic() - began) * len(files) / (len(files) - 1)
    expected, source = state(undisturbed), random.Random(20261110)
    undisturbed.control.close()
    assert (len(expected["rows"]), len(expected["ledger"]), len(expected["quarantine"])) == (107, 6, 3)
    unfinished = 0
    for attempt in range(FOLDERS):
        root = tmp_path / f"folder-{attempt}"
        shutil.copytree(template.root, root)  # migrating a new control database each time would be most of the test
        workspace = Workspace(root)
        for _ in range(KILLS):
            killed(workspace.settings, source.sample(files, len(files)), source.uniform(0, whole_s / 3))
            unfinished += len(landings(workspace)) < len(files)
            assert_sound(workspace)
        land_paths(workspace.settings, files)
        assert state(workspace) == expected
        assert_conserved(workspace)
        assert_nothing_left(workspace)
        workspace.control.close()
    assert unfinished > FOLDERS * KILLS // 2
