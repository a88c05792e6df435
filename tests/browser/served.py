"""`margincall dashboard` as a process of its own, and Chromium to look at it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.readme import ROOT

CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium() -> str:
    """Path of the system's browser; a test run in CI fails without one, another is skipped."""
    found = shutil.which("chromium")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("No `chromium`: apt-get install chromium")
    if found is None:
        pytest.skip("no `chromium` on this machine: tests in a browser are skipped")
    return found


class Served:
    """A dashboard that answers; `stop` sends it Ctrl-C and returns its exit code and what it printed."""

    def __init__(self, config: Path) -> None:
        self.log = config.parent / "dashboard.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MARGINCALL_")}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipelines.cli", "dashboard", "--config", str(config), "--port", "0", "--no-browser"],
                cwd=config.parent, env=environment | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self.url = self._wait()

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20), self.log.read_text()

    def _wait(self) -> str:
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            url = next((word for word in self.log.read_text().split() if word.startswith("http://")), None)
            if url is not None:
                try:
                    with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5):
                        return url
                except (urllib.error.URLError, OSError):
                    pass
            time.sleep(0.2)
        self.process.kill()
        raise AssertionError(f"The dashboard did not come up:\n{self.log.read_text()}")


@contextmanager
def served(config: Path) -> Generator[Served]:
    made = Served(config)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait()
