"""A whole run killed at five random instants, and run again: its marts are those of a run that nobody disturbed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from sample_data import generate
from tests.integration.test_cli import environment
from tests.workspace import Workspace

KILLS = 5


def test_a_run_killed_five_times_ends_with_the_same_marts(tmp_path: Path) -> None:
    sample = tmp_path / "sample"
    generate(sample, seed=5, attempts=3_600, weeks=2)
    undisturbed, disturbed = Workspace(tmp_path / "undisturbed"), Workspace(tmp_path / "disturbed")
    for workspace in (undisturbed, disturbed):
        workspace.root.mkdir(exist_ok=True)
        logs = [str(sample / "litellm"), str(sample / "canonical")]
        config = f'data_dir = "var"\nlogs = {logs}\nfeeds = ["{sample / "feeds"}"]\n'
        (workspace.root / "margincall.toml").write_text(config.replace("'", '"'))
    took_s = _run(undisturbed.root)
    chance = random.Random(13)
    for number in range(KILLS):
        # Spread over the whole run: a run that goes on where the one before died has less left to do.
        _kill_after(disturbed.root, took_s * (0.25 + 0.6 * chance.random()) / (1 + number / 3))
    _run(disturbed.root)
    try:
        assert disturbed.marts() == undisturbed.marts()
        assert disturbed.rows("select count(*) from fct_llm_request_priced")[0][0] > 3_500
    finally:
        undisturbed.control.close()
        disturbed.control.close()


def _run(folder: Path) -> float:
    began = time.monotonic()
    command = [sys.executable, "-m", "pipelines.cli", "run"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - began


def _kill_after(folder: Path, seconds: float) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "run"]
    with (folder / "killed.log").open("w") as log:
        running = subprocess.Popen(command, cwd=folder, env=environment(), stdout=log, stderr=log)
        try:
            running.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)
            running.wait()
