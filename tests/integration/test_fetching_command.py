"""`margincall ingest` and `margincall run` with names of what is elsewhere: what they land, print and exit with."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipelines.cli import app
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
