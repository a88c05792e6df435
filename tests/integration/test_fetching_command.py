"""`margincall ingest` and `margincall run` with names of what is elsewhere: what they land, print and exit with."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipelines.cli import app
from pipelines.landing import collect
from pipelines.landing.land import Context, FileResult
from pipelines.landing.replay import replay_files
from pipelines.settings import load_settings
from tests.integration import test_postgres_control as control
from tests.integration.test_fetching_litellm_database import SCHEMA, execute, insert, row
from tests.integration.test_landing import line

server, new_database = control.server, control.new_database

CONFIG = """
logs = ["logs"]
[[litellm_databases]]
name = "eu"
url_env = "EU_URL"
instance = "eu"
[[sql_feeds]]
feed = "tenants"
url_env = "BILLING_URL"
query = "select id as tenant_id, plan from customer"
"""


@pytest.fixture
def config(tmp_path: Path, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A company with a log folder, a proxy's database and a table of customers."""
    url = new_database().replace("postgresql+psycopg", "postgresql")
    execute(url, SCHEMA)
    insert(url, [row(1), row(2)])
    with sqlite3.connect(tmp_path / "billing.db") as link:
        link.executescript("create table customer (id text, plan text); insert into customer values ('acme', 'pro');")
    link.close()
    monkeypatch.setenv("EU_URL", url)
    monkeypatch.setenv("BILLING_URL", f"sqlite:///{tmp_path / 'billing.db'}")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl").write_text(line(1))
    path = tmp_path / "margincall.toml"
    path.write_text(CONFIG)
    return path


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def files(result: Result) -> list[tuple[str, str, int]]:
    told = json.loads(result.stdout)["files"]
    return [(item["source"], item["state"], item["landed"]) for item in told]


def test_ingest_brings_everything_that_is_configured_and_a_second_one_nothing_new(config: Path) -> None:
    first = command("ingest", "--config", str(config), "--json")
    assert (first.exit_code, files(first)) == (
        0, [("canonical", "landed", 1), ("litellm_spend_logs", "landed", 2), ("tenants", "landed", 1)],
    )  # fmt: skip
    again = command("ingest", "--config", str(config), "--json")
    assert [state for _, state, _ in files(again)] == ["already"] * 3
    alone = command("ingest", "sql://tenants", "--config", str(config), "--json")
    assert [(source, state) for source, state, _ in files(alone)] == [("tenants", "already")]


def test_a_database_that_is_gone_fails_the_command_and_lands_the_rest(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EU_URL", "postgresql://ann:Zwiebelkuchen@127.0.0.1:1/litellm")
    result = command("ingest", "--config", str(config))
    assert result.exit_code == 1
    assert "litellm://eu: cannot connect to 127.0.0.1:1/litellm" in " ".join(result.output.split())
    assert "Zwiebelkuchen" not in result.output
    told = files(command("ingest", "--config", str(config), "--json"))
    assert [state for _, state, _ in told] == ["already", "failed", "already"]


def test_a_folder_of_logs_that_holds_the_data_folder_does_not_hold_what_was_fetched(config: Path) -> None:
    command("ingest", "litellm://eu", "--config", str(config))
    found = command("ingest", str(config.parent), "--config", str(config), "--json")
    assert [source for source, _, _ in files(found)] == ["canonical"]


def test_rows_in_quarantine_are_read_again_from_what_was_fetched(
    config: Path, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database().replace("postgresql+psycopg", "postgresql")
    execute(url, SCHEMA)
    insert(url, [row(1), row(2, status="odd")])
    monkeypatch.setenv("EU_URL", url)
    result = command("ingest", "litellm://eu", "--config", str(config), "--json")
    assert files(result) == [("litellm_spend_logs", "landed", 1)]
    monkeypatch.delenv("EU_URL")
    (replayed,) = replay_files(load_settings(config, {}), None, lambda *_: None)
    assert (replayed.state, replayed.counts.landed, replayed.counts.quarantined) == ("landed", 1, 1)
    # Under the proxy's own instance, so that there is nothing left to land.
    told = files(command("ingest", "litellm://eu", "--config", str(config), "--json"))
    assert [state for _, state, _ in told] == ["already", "failed"]


def test_a_fetched_file_that_has_landed_is_not_read_again_until_something_of_it_changes(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("ingest", "--config", str(config))
    fetched = sorted((config.parent / "var" / "fetched").rglob("*.[cj]s*"))
    assert [path.suffix for path in fetched] == [".jsonl", ".csv"]
    hour_ago = time.time() - 3600
    for path in fetched:
        os.utime(path, (hour_ago, hour_ago))
    read: list[str] = []
    monkeypatch.setattr(collect, "land_file", _watched(collect.land_file, read))
    monkeypatch.setattr(collect, "land_feed", _watched(collect.land_feed, read))

    def states() -> list[str]:
        read.clear()
        return [state for _, state, _ in files(command("ingest", "--config", str(config), "--json"))]

    assert states() == ["already"] * 3
    assert read == ["a.jsonl"]  # a log may have grown
    os.utime(fetched[0])
    assert states() == ["already"] * 3
    assert read == ["a.jsonl", fetched[0].name]
    os.utime(fetched[0], (hour_ago, hour_ago))
    with config.open("a") as file:
        file.write('[sources.litellm_spend_logs]\ntenant_id = ["team_id"]\n')
    assert states() == ["already", "landed", "already"]
    assert read == ["a.jsonl", fetched[0].name]


def _watched(land: Callable[..., FileResult], read: list[str]) -> Callable[..., FileResult]:
    def watched(context: Context, path: Path, name: str | None) -> FileResult:
        read.append(path.name)
        return land(context, path, name)

    return watched


def test_explaining_a_database_reads_one_page_of_it_under_its_own_instance(config: Path) -> None:
    told = json.loads(command("ingest", "--explain", "litellm://eu", "--config", str(config), "--json").stdout)
    assert (told["source"], told["rows"], len(told["before"]), len(told["after"])) == ("litellm_spend_logs", 2, 2, 2)
    assert told["before"][0]["request_id"] == told["after"][0]["source_record_id"]
    assert files(command("ingest", "litellm://eu", "--config", str(config), "--json")) == [
        ("litellm_spend_logs", "landed", 2)
    ]


def test_explaining_a_feed_shows_its_rows_or_everything_that_is_wrong_with_them(config: Path, tmp_path: Path) -> None:
    told = json.loads(command("ingest", "--explain", "sql://tenants", "--config", str(config), "--json").stdout)
    assert (told["feed"], told["rows"], told["problems"]) == ("tenants", 1, "")
    assert (told["after"][0]["tenant_id"], told["filled"]["plan"]) == ("acme", "1")
    path = tmp_path / "tenants.csv"
    path.write_text("tenant_id,seats\nacme,many\n")
    result = command("ingest", "--explain", str(path), "--config", str(config))
    assert result.exit_code == 0
    assert "It would be refused, all of it:" in result.output
    assert "tenants.csv:2: column seats: 'many'" in result.output
    assert "Nothing was landed." in result.output


def test_explaining_what_cannot_be_fetched_says_why(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EU_URL", "postgresql://ann:Zwiebelkuchen@127.0.0.1:1/litellm")
    for name, message in (("litellm://eu", "cannot connect"), ("ftp://x", "cannot fetch from ftp://")):
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "ingest", "--explain", name, "--config", str(config)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert "Zwiebelkuchen" not in done.stderr
