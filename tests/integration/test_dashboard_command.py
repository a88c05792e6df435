"""`margincall dashboard`: what it starts, where it listens, and what it says when it cannot."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli import app

Started = dict[str, Any]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Started:
    """What would have taken the place of the process."""
    found: Started = {}

    def remember(program: str, words: list[str], environment: dict[str, str]) -> None:
        found.update(program=program, words=words, environment=environment)

    monkeypatch.setattr(os, "execve", remember)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return found


def dashboard(*words: str) -> Any:
    return CliRunner().invoke(app, ["dashboard", *words])


def test_it_listens_on_loopback_for_its_own_names_and_takes_a_free_port(started: Started, tmp_path: Path) -> None:
    (tmp_path / "margincall.toml").write_text("config_version = 1\n")
    done = dashboard("--port", "0", "--no-browser")
    assert done.exit_code == 0, done.output
    words = started["words"]
    assert words[:4] == [sys.executable, "-m", "streamlit", "run"]
    assert "--server.address=127.0.0.1" in words
    assert "--server.headless=true" in words
    assert [word.partition("=")[2] for word in words if "allowedHosts" in word] == ["127.0.0.1", "localhost", "::1"]
    (port,) = [int(word.partition("=")[2]) for word in words if "server.port" in word]
    assert f"http://127.0.0.1:{port}" in done.output
    assert started["environment"]["MARGINCALL_CONFIG"] == str(tmp_path / "margincall.toml")
    assert "Warning" not in done.output


def test_another_address_is_told_to_have_no_login(started: Started) -> None:
    done = dashboard("--host", "0.0.0.0", "--port", "0")
    assert "there is no login" in done.output
    assert "--server.address=0.0.0.0" in started["words"]
    assert not [word for word in started["words"] if "allowedHosts" in word]


def test_a_port_that_is_taken_is_told_before_anything_starts(started: Started) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = dashboard("--port", str(taken.getsockname()[1]))
    assert done.exit_code == 1
    assert "--port" in done.output
    assert started == {}
