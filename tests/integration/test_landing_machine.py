"""A machine that refuses: a full disk, no permission. For real, in a process that has been deprived."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pipelines.settings import Settings
from tests.integration.test_landing import assert_nothing_left, line, write
from tests.landed import assert_conserved, rows
from tests.landers import in_processes, land_paths, outcome
from tests.workspace import Workspace

NOBODY = 65534


def many(count: int) -> str:
    """Records that do not pack to nothing."""
    values = (f"{n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}" for n in range(count))
    return "".join(line(n % 60, tags=None, prefix_hash=value, trace_id=value) for n, value in enumerate(values))


def limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def become_nobody() -> None:
    # Whatever landing imports on its way must be there already: the interpreter may lie where nobody can read it.
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        path.write_text(line(1))
        land_paths(Settings(data_dir=Path(folder)), [path])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def test_a_disk_that_is_full_is_told_and_nothing_counts_until_there_is_room(workspace: Workspace) -> None:
    path = write(workspace, many(20_000))
    [message] = in_processes([(workspace.settings, [path], partial(limit_files, 300_000))], outcome)
    assert message == f"{path}: the disk is full. Nothing was landed from it; free space and run again."
    assert rows(workspace) == []
    assert_nothing_left(workspace)
    [[result]] = in_processes([(workspace.settings, [path])], outcome)
    assert (result.state, result.counts.landed) == ("landed", 20_000)
    assert_conserved(workspace)


@pytest.mark.parametrize("size", [0, 4096, 40_000, 120_000])
def test_wherever_the_room_ends_nothing_counts(workspace: Workspace, size: int) -> None:
    path = write(workspace, many(2000) + "rubbish\n" * 2000)
    [message] = in_processes([(workspace.settings, [path], partial(limit_files, size))], outcome)
    assert "the disk is full" in message, message
    assert rows(workspace) == []
    [[result]] = in_processes([(workspace.settings, [path])], outcome)
    assert (result.counts.landed, result.counts.quarantined) == (2000, 2000)
    assert_conserved(workspace)
    assert_nothing_left(workspace)


@contextmanager
def small_disk(folder: Path, size: str) -> Generator[None]:
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("a small file system cannot be mounted here: only the limit of the process is tested")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True, capture_output=True)


def test_a_small_disk_fills_up_and_lands_all_when_it_is_cleared(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "3m"):
        workspace = Workspace(tmp_path / "disk")
        path = tmp_path / "log.jsonl"
        path.write_text(many(20_000))
        ballast = tmp_path / "disk" / "ballast"
        ballast.write_bytes(bytes(2_000_000))
        [message] = in_processes([(workspace.settings, [path])], outcome)
        assert message == f"{path}: the disk is full. Nothing was landed from it; free space and run again."
        assert rows(workspace) == []
        assert_nothing_left(workspace)
        ballast.unlink()
        [[result]] = in_processes([(workspace.settings, [path])], outcome)
        assert (result.state, result.counts.landed) == ("landed", 20_000)
        assert_conserved(workspace)
        workspace.control.close()


@pytest.fixture
def owned_by_nobody() -> Generator[Workspace]:
    """A data folder that the deprived process may use; pytest's own lie below one that it may not enter."""
    if os.getuid() != 0:
        pytest.skip("only root can become another user: permissions are not tested here")
    with TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        for path in (workspace.root, *workspace.root.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        yield workspace
        workspace.control.close()


def test_a_file_that_may_not_be_read_says_so(owned_by_nobody: Workspace) -> None:
    path = write(owned_by_nobody, line(1))
    path.chmod(0o600)
    [message] = in_processes([(owned_by_nobody.settings, [path], become_nobody)], outcome)
    assert message == f"{path}: no permission. Nothing was landed from {path}."


def test_a_data_folder_that_may_not_be_written_says_so_and_nothing_counts(owned_by_nobody: Workspace) -> None:
    path = write(owned_by_nobody, line(1))
    lake = owned_by_nobody.lake.root
    lake.mkdir(mode=0o755)
    [message] = in_processes([(owned_by_nobody.settings, [path], become_nobody)], outcome)
    assert "no permission. Nothing was landed from" in message
    assert str(lake) in message
    os.chown(lake, NOBODY, NOBODY)
    [[result]] = in_processes([(owned_by_nobody.settings, [path], become_nobody)], outcome)
    assert result.state == "landed"
    assert_conserved(owned_by_nobody)
    assert_nothing_left(owned_by_nobody)
