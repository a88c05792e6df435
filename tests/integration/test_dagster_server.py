"""`margincall dagster` as it is started and stopped, asked what its pages ask."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.integration.test_cli import environment, margincall

QUESTION = """{ repositoriesOrError { ... on RepositoryConnection { nodes {
  assetNodes { assetKey { path } groupName }
  schedules { name cronSchedule executionTimezone scheduleState { status } }
  sensors { name sensorState { status } }
  jobs { name }
} } } }"""


def test_the_webserver_loads_every_asset_schedule_and_sensor_and_ends_with_all_it_started(tmp_path: Path) -> None:
    """In a folder whose files are named like libraries and packages that Dagster imports."""
    (tmp_path / "margincall.toml").write_text(
        'config_version = 1\ndata_dir = "state"\n[reporting]\nzone = "Asia/Tokyo"\n'
    )
    (tmp_path / "gql.py").write_text("raise SystemExit('taken for a library')")
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "__init__.py").write_text("raise SystemExit('taken for a package')")
    port = _free_port()
    words = [sys.executable, "-P", "-m", "pipelines.cli", "dagster", "--port", str(port)]
    with (tmp_path / "output").open("w") as output:
        server = subprocess.Popen(
            words, cwd=tmp_path, env=environment(), stdout=output, stderr=output, start_new_session=True
        )
    try:
        said = _eventually(lambda: _ask(port), server)
        instance = (tmp_path / "state" / "dagster" / "dagster.yaml").read_text()
        assert not _listens_beyond_this_machine(port)
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.wait(60)
    (location,) = said["data"]["repositoriesOrError"]["nodes"]
    groups: dict[str, set[str]] = {}
    for node in location["assetNodes"]:
        groups.setdefault(node["groupName"], set()).add("/".join(node["assetKey"]["path"]))
    assert {"stg_llm_request", "stg_tenant"} < groups["staging"]
    assert {"fct_llm_request_priced", "mart_weekly_unit_economics"} < groups["marts"]
    assert {name: groups[name] for name in ("ingest", "prices", "serving", "reports", "exports")} == {
        "ingest": {"llm_request", "trace"},
        "prices": {"price_book"},
        "serving": {"published_marts"},
        "reports": {"weekly_report"},
        "exports": {"finance_exports"},
    }
    assert len(groups["feeds"]) == 12
    schedules = {
        each["name"]: (each["cronSchedule"], each["executionTimezone"], each["scheduleState"]["status"])
        for each in location["schedules"]
    }
    assert schedules == {
        "hourly": ("0 * * * *", "Asia/Tokyo", "STOPPED"),
        "monday": ("30 6 * * 1", "Asia/Tokyo", "STOPPED"),
    }
    assert [(each["name"], each["sensorState"]["status"]) for each in location["sensors"]] == [("new_files", "STOPPED")]
    assert {each["name"] for each in location["jobs"]} >= {"hourly_run", "monday_report"}
    assert "telemetry:\n  enabled: false" in instance
    assert server.returncode == 0
    assert _group_is_gone(server.pid)


def test_an_address_that_others_can_reach_is_warned_of(tmp_path: Path) -> None:
    """The folder cannot be written to, so that it ends before anything listens."""
    (tmp_path / "var").write_text("a file where the folder should be")
    said = margincall(tmp_path, "dagster", "--host", "0.0.0.0")
    assert said.returncode == 1
    assert "Warning: 0.0.0.0 can be reached from other machines, and there is no login." in said.stderr


def test_a_port_that_another_server_has_is_told_before_anything_starts(tmp_path: Path) -> None:
    """Two that shared the state of one folder would run every schedule twice."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = margincall(tmp_path, "dagster", "--port", str(port))
    assert said.returncode == 1
    assert f"127.0.0.1:{port} cannot be had: Address already in use. Choose another with --port" in said.stderr
    assert not (tmp_path / "var").exists()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ask(port: int) -> dict[str, Any] | None:
    """The answer, once the webserver is there and has loaded the code location."""
    body = json.dumps({"query": QUESTION}).encode()
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            said = json.load(answer)
    except OSError:
        return None
    return said if said["data"]["repositoriesOrError"]["nodes"] else None


def _eventually(look: Callable[[], dict[str, Any] | None], server: subprocess.Popen[bytes]) -> dict[str, Any]:
    end = time.monotonic() + 180
    while time.monotonic() < end and server.poll() is None:
        found = look()
        if found is not None:
            return found
        time.sleep(0.5)
    raise AssertionError("the webserver did not come up")


def _listens_beyond_this_machine(port: int) -> bool:
    """Whether any socket listens on this port at an address that is not 127.0.0.1 (0100007F in the kernel's table)."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    listening = [
        row[1].rsplit(":", 1)[0] for row in rows if row[3] == "0A" and int(row[1].rsplit(":", 1)[1], 16) == port
    ]
    assert listening
    return any(address != "0100007F" for address in listening)


def _group_is_gone(group: int) -> bool:
    """Whether no process of the group is left, a few seconds after its leader."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
