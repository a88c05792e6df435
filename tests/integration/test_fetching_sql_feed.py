"""Business feeds that are queries, against SQLite and PostgreSQL: exact, once, read-only, and told clearly where not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from pipelines.landing.land import FileResult
from pipelines.run import ingest_names
from pipelines.settings import SqlFeed
from tests import landed
from tests.integration import test_postgres_control as control
from tests.workspace import Workspace
from warehouse import lake

server, new_database = control.server, control.new_database

VARIABLE = "BILLING_URL"
LINES = """create table line (id text primary key, tenant text, amount numeric(38, 12), starts date, ends date, note text)"""
QUERY = """select id as line_id, tenant as tenant_id, 'subscription' as kind, amount, 'USD' as currency,
    starts as service_start, ends as service_end from line where note is distinct from 'a:b %s 100%' and '{}'::text = '{}'"""
SQLITE_QUERY = QUERY.replace("is distinct from", "is not").replace("::text", "")
DAYS = ("2026-11-01", "2026-12-01")


@pytest.fixture
def sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "billing.db"
    with sqlite3.connect(path) as link:
        link.execute(LINES)
    link.close()
    monkeypatch.setenv(VARIABLE, f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres(new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Without the driver in its URL, as people write it."""
    url = new_database().replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url) as link:
        link.execute(LINES)
    monkeypatch.setenv(VARIABLE, url)
    return url


def billing(workspace: Workspace, query: str = SQLITE_QUERY, **values: Any) -> list[FileResult]:
    feed = SqlFeed(**({"feed": "revenue_lines", "url_env": VARIABLE, "query": query} | values))
    settings = workspace.settings.model_copy(update={"sql_feeds": (feed,)})
    return ingest_names(settings, settings.inputs, lambda *_: None)


def states(results: list[FileResult]) -> list[tuple[str, int]]:
    return [(result.state, result.counts.landed) for result in results]


def change(path: Path, sql: str, *values: Any) -> None:
    with sqlite3.connect(path) as link:
        link.execute(sql, values)
    link.close()


def amounts(workspace: Workspace) -> list[tuple[str, Decimal]]:
    """(line, amount) of every landed version, oldest first."""
    files = [workspace.lake.absolute(file.path) for file in landed.listed(workspace, "feed_revenue_lines")]
    with duckdb.connect() as database:
        return database.execute(
            f"select line_id, amount from {lake.scan('feed_revenue_lines', files)} order by observed_at, line_id"
        ).fetchall()


def snapshots(workspace: Workspace) -> list[Path]:
    return sorted((workspace.settings.data_dir / "fetched").rglob("*.csv"))


def test_exact_amounts_of_postgres_land_to_the_last_digit(workspace: Workspace, postgres: str) -> None:
    with psycopg.connect(postgres) as link:
        for name, amount in (("b", "12345678901234.000000000001"), ("a", "0.1"), ("c", "1e-12")):
            link.execute("insert into line values (%s, 'acme', %s, %s, %s, null)", [name, amount, *DAYS])
    assert states(billing(workspace, QUERY)) == [("landed", 3)]
    assert amounts(workspace) == [
        ("a", Decimal("0.100000000000")),
        ("b", Decimal("12345678901234.000000000001")),
        ("c", Decimal("0.000000000001")),
    ]


def test_the_same_result_makes_no_second_snapshot_in_whatever_order_it_comes(
    workspace: Workspace, sqlite: Path
) -> None:
    for name in "ab":
        change(sqlite, "insert into line values (?, 'acme', 19.99, ?, ?, null)", name, *DAYS)
    assert states(billing(workspace, SQLITE_QUERY)) == [("landed", 2)]
    (result,) = billing(workspace, f"{SQLITE_QUERY} order by id desc")
    assert result.state == "already"
    assert len(snapshots(workspace)) == 1
    assert amounts(workspace) == [("a", Decimal("19.990000000000")), ("b", Decimal("19.990000000000"))]


def test_a_value_that_goes_back_to_what_it_was_counts_again(workspace: Workspace, sqlite: Path) -> None:
    change(sqlite, "insert into line values ('a', 'acme', 10, ?, ?, null)", *DAYS)
    billing(workspace)
    for amount in (20, 10):
        change(sqlite, "update line set amount = ?", amount)
        assert states(billing(workspace)) == [("landed", 1)]
    assert [amount for _, amount in amounts(workspace)] == [10, 20, 10]


def test_a_snapshot_that_was_not_landed_lands_with_the_next_run(workspace: Workspace, sqlite: Path) -> None:
    change(sqlite, "insert into line values ('a', 'acme', 10, ?, 'soon', null)", DAYS[0])
    (result,) = billing(workspace)
    assert result.state == "failed"
    assert "service_end" in result.message
    change(sqlite, "update line set ends = ?", DAYS[1])
    assert states(billing(workspace)) == [("landed", 1)]


def test_when_the_database_is_gone_the_snapshot_stands_and_the_run_says_so(
    workspace: Workspace, sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(sqlite, "insert into line values ('a', 'acme', 10, ?, ?, null)", *DAYS)
    billing(workspace)
    sqlite.unlink()
    earlier, failed = billing(workspace)
    assert (earlier.state, failed.state) == ("already", "failed")
    assert f"no such file: {sqlite}" in failed.message
    assert not sqlite.exists()
    monkeypatch.setenv(VARIABLE, "postgresql://ann:Zwiebelkuchen@127.0.0.1:1/billing")
    _, failed = billing(workspace)
    assert "connection failed" in failed.message or "refused" in failed.message
    assert "Zwiebelkuchen" not in failed.message


def test_the_time_that_the_query_says_is_left_as_it_is(workspace: Workspace, sqlite: Path) -> None:
    change(sqlite, "insert into line values ('a', 'acme', 10, ?, ?, null)", *DAYS)
    told = SQLITE_QUERY.replace("select ", "select '2026-11-05T00:00:00Z' as observed_at, ", 1)
    assert states(billing(workspace, told)) == [("landed", 1)]
    (snapshot,) = snapshots(workspace)
    assert snapshot.read_text().splitlines()[0].count("observed_at") == 1


def test_a_feed_for_which_the_time_means_something_does_not_get_one(workspace: Workspace, sqlite: Path) -> None:
    change(sqlite, "insert into line values ('a', 'acme', 10, ?, ?, null)", *DAYS)
    query = "select id as outcome_id, 'task-1' as task_id, 'success' as outcome from line"
    (result,) = billing(workspace, query, feed="task_outcomes")
    assert "column observed_at: is missing" in result.message


@pytest.mark.parametrize(
    "statement",
    ["delete from line returning *", "insert into line (id) values ('z') returning *", "create table more (a int)"],
)
def test_a_query_that_writes_is_refused_and_writes_nothing(
    workspace: Workspace, sqlite: Path, postgres: str, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    with psycopg.connect(postgres) as link:
        link.execute("insert into line (id) values ('a')")
    (result,) = billing(workspace, statement)
    assert result.state == "failed"
    with psycopg.connect(postgres) as link:
        assert link.execute("select id from line").fetchall() == [("a",)]
        assert link.execute("select to_regclass('more')").fetchone() == (None,)
    change(sqlite, "insert into line (id) values ('a')")
    monkeypatch.setenv(VARIABLE, f"sqlite:///{sqlite}")
    (result,) = billing(workspace, statement)
    assert "readonly" in result.message
    with sqlite3.connect(sqlite) as link:
        assert link.execute("select (select count(*) from line), (select count(*) from sqlite_master)").fetchone() == (
            1,
            2,
        )
    link.close()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"query": "select absent from line"}, "the database said: no such column: absent"),
        ({"query": "select x'00' as line_id"}, "column line_id holds bytes, which no feed has. Cast it to text"),
        ({"query": "begin"}, "the query returns no rows. A feed is a select."),
        ({"feed": "revenue"}, "Unknown feed 'revenue'. Known feeds: tenants"),
        ({"url_env": "NOT_SET"}, "the environment variable NOT_SET (its url_env) is not set"),
        ({"query": "select 1 as line_id, 2 as mystery"}, "mystery"),
    ],
)
@pytest.mark.usefixtures("sqlite")
def test_what_is_wrong_is_said(workspace: Workspace, values: dict[str, str], message: str) -> None:
    (result,) = billing(workspace, **values)
    assert result.state == "failed"
    assert message in result.message


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url", "not a database URL"),
        ("nosuch://ann:Zwiebelkuchen@host/db", "not a database URL"),
        ("mysql+pymysql://ann:Zwiebelkuchen@host/db", "the driver 'pymysql' is not installed"),
        ("sqlite://", "no such file: a database in memory"),
    ],
)
def test_a_url_that_cannot_be_used_is_said_and_not_repeated(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setenv(VARIABLE, url)
    (result,) = billing(workspace)
    assert message in result.message
    assert "Zwiebelkuchen" not in result.message
