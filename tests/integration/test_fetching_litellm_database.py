"""Spend logs read out of a LiteLLM proxy's own PostgreSQL: once each, late ones too, killed anywhere, and nothing written.

The table is that of LiteLLM's schema.prisma (BerriAI/litellm, litellm-proxy-extras/litellm_proxy_extras/schema.prisma, model
LiteLLM_SpendLogs, 1.80) with the columns that its migrations have added until 1.102: litellm_call_id, organization_id,
agent_id. `DateTime` is TIMESTAMP(3) there, `Float` DOUBLE PRECISION, `Json` JSONB.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from pipelines.fetching import Failed, Fetched, fetch
from pipelines.fetching.postgres import address, connection, transaction
from pipelines.landing.land import FileResult, LandingError
from pipelines.run import ingest_names
from pipelines.settings import LiteLLMDatabase, Mapping, Settings, Sources
from tests import landed
from tests.integration import test_postgres_control as control
from tests.landers import FORK
from tests.workspace import Workspace

server, new_database = control.server, control.new_database

VARIABLE, NAME = "LITELLM_DATABASE_URL", "litellm://eu"
SECRET = "Zwiebelkuchen"
BEGAN = datetime(2026, 11, 10)  # noqa: DTZ001  # as in the table: UTC without a zone
SCHEMA = """
create table "LiteLLM_SpendLogs" (
    "request_id" TEXT NOT NULL, "call_type" TEXT NOT NULL, "api_key" TEXT NOT NULL DEFAULT '',
    "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0, "total_tokens" INTEGER NOT NULL DEFAULT 0,
    "prompt_tokens" INTEGER NOT NULL DEFAULT 0, "completion_tokens" INTEGER NOT NULL DEFAULT 0,
    "startTime" TIMESTAMP(3) NOT NULL, "endTime" TIMESTAMP(3) NOT NULL, "completionStartTime" TIMESTAMP(3),
    "model" TEXT NOT NULL DEFAULT '', "model_id" TEXT DEFAULT '', "model_group" TEXT DEFAULT '',
    "custom_llm_provider" TEXT DEFAULT '', "api_base" TEXT DEFAULT '', "user" TEXT DEFAULT '',
    "metadata" JSONB DEFAULT '{}', "cache_hit" TEXT DEFAULT '', "cache_key" TEXT DEFAULT '',
    "request_tags" JSONB DEFAULT '[]', "team_id" TEXT, "end_user" TEXT, "requester_ip_address" TEXT,
    "messages" JSONB DEFAULT '{}', "response" JSONB DEFAULT '{}', "session_id" TEXT, "status" TEXT,
    "mcp_namespaced_tool_name" TEXT, "proxy_server_request" JSONB DEFAULT '{}',
    "litellm_call_id" TEXT, "organization_id" TEXT, "agent_id" TEXT,
    CONSTRAINT "LiteLLM_SpendLogs_pkey" PRIMARY KEY ("request_id"));
create index "LiteLLM_SpendLogs_startTime_idx" on "LiteLLM_SpendLogs" ("startTime");
"""

Row = dict[str, Any]
Files = dict[str, bytes]


def row(number: int, **values: Any) -> Row:
    """A call that began `number` × 7 seconds after BEGAN; every content column holds the secret."""
    started = values.pop("started", BEGAN + timedelta(seconds=7 * number))
    metadata = {
        "status": "success",
        "user_api_key_team_id": "team-1",
        "requester_ip_address": SECRET,
        "vector_store_request_metadata": [{"query": SECRET}],
        "mcp_tool_call_metadata": {"arguments": SECRET},
        "guardrail_information": [{"guardrail_request": SECRET}],
        "model_map_information": {"model_map_key": "gpt-4o-mini", "model_map_value": {"notes": SECRET}},
        "spend_logs_metadata": {"tenant_id": "acme", "task_id": f"task-{number // 3}", "feature": "support"},
        "usage_object": {"prompt_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 250}},
        "cost_breakdown": {"margin_total_amount": 5.1e-06, "total_cost": 0.3},
    }
    return {
        "request_id": f"req-{number:05}", "call_type": "acompletion", "api_key": "hash-1", "spend": 0.1 + 0.2,
        "prompt_tokens": 1000, "completion_tokens": 100, "startTime": started, "endTime": started + timedelta(seconds=2),
        "model": "openai/gpt-4o-mini", "model_group": "gpt-4o-mini", "custom_llm_provider": "openai",
        "metadata": json.dumps(metadata | values.pop("metadata", {})), "cache_hit": "False",
        "request_tags": json.dumps(["env:prod", f"User-Agent: {SECRET}"]), "team_id": "team-1", "end_user": "user-1",
        "session_id": "session-1", "status": "success", "requester_ip_address": SECRET,
        "messages": json.dumps([{"role": "user", "content": SECRET}]), "response": json.dumps({"text": SECRET}),
        "proxy_server_request": json.dumps({"headers": SECRET}), **values,
    }  # fmt: skip


def insert(url: str, rows: Iterable[Row]) -> None:
    listed = list(rows)
    names = list(listed[0])
    columns = ", ".join(f'"{name}"' for name in names)
    with psycopg.connect(url) as link, link.cursor() as cursor:
        slots = ", ".join(["%s"] * len(names))
        cursor.executemany(
            f'insert into "LiteLLM_SpendLogs" ({columns}) values ({slots})', [list(one.values()) for one in listed]
        )


def execute(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as link:
        link.execute(sql)


@pytest.fixture
def url(new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A proxy's database with an empty table, also named by the environment."""
    plain = new_database().replace("postgresql+psycopg", "postgresql")
    execute(plain, SCHEMA)
    monkeypatch.setenv(VARIABLE, plain)
    return plain


def company(root: Path, **values: Any) -> Workspace:
    database = LiteLLMDatabase(**({"name": "eu", "url_env": VARIABLE, "page_rows": 2000} | values))
    return Workspace(root, litellm_databases=(database,))


@pytest.fixture
def eu(tmp_path: Path) -> Iterable[Workspace]:
    made = company(tmp_path)
    yield made
    made.control.close()


def ingest(settings: Settings, name: str = NAME) -> list[FileResult]:
    return ingest_names(settings, [name], lambda *_: None)


def fetched(workspace: Workspace) -> Files:
    """The fetched files by name; what is hidden is none."""
    folder = workspace.settings.data_dir / "fetched"
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def landed_rows(workspace: Workspace, columns: str, order: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in landed.rows(workspace, columns, order)]


def ids(workspace: Workspace) -> list[str]:
    return [found for (found,) in landed_rows(workspace, "source_record_id", order="source_record_id")]


def problem(settings: Settings, name: str = NAME) -> str:
    (result,) = ingest(settings, name)
    assert result.state == "failed"
    return result.message


def test_five_thousand_rows_land_once_and_a_second_run_adds_nothing(eu: Workspace, url: str) -> None:
    insert(url, map(row, range(5000)))
    first = ingest(eu.settings)
    assert [(result.state, result.counts.landed) for result in first] == [("landed", 2000)] * 2 + [("landed", 1000)]
    files = fetched(eu)
    assert min(files) == f"litellm/eu/20261110T000000000000_20261110T035313000000_{min(files)[-22:]}"
    assert [result.state for result in ingest(eu.settings)] == ["already"] * 3
    assert fetched(eu) == files
    assert ids(eu) == [f"req-{number:05}" for number in range(5000)]


def test_a_row_is_fetched_exactly_and_without_anything_that_is_not_kept(eu: Workspace, url: str) -> None:
    message = f"ExceededBudget: End User={SECRET} crossed budget"
    error = {"error_class": "BudgetExceededError", "error_code": "400", "error_message": message, "traceback": SECRET}
    insert(url, [row(1), row(2, status="failure", metadata={"error_information": error})])
    ingest(eu.settings)
    (content,) = fetched(eu).values()
    plain, failed = map(json.loads, content.splitlines())
    assert plain == {
        "request_id": "req-00001", "call_type": "acompletion", "api_key": "hash-1", "spend": "0.30000000000000004",
        "prompt_tokens": "1000", "completion_tokens": "100", "startTime": "2026-11-10T00:00:07.000000",
        "endTime": "2026-11-10T00:00:09.000000", "model": "openai/gpt-4o-mini", "model_id": "", "model_group": "gpt-4o-mini",
        "custom_llm_provider": "openai", "user": "", "cache_hit": "False", "request_tags": ["env:prod"], "team_id": "team-1",
        "end_user": "user-1", "session_id": "session-1", "status": "success",
        "metadata": {
            "status": "success", "user_api_key_team_id": "team-1",
            "model_map_information": {"model_map_key": "gpt-4o-mini"},
            "spend_logs_metadata": {"tenant_id": "acme", "task_id": "task-0", "feature": "support"},
            "usage_object": {"prompt_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 250}},
            "cost_breakdown": {"margin_total_amount": 5.1e-06, "total_cost": 0.3},
        },
    }  # fmt: skip
    assert failed["metadata"]["error_information"] == {
        "error_class": "BudgetExceededError", "error_code": "400", "error_message": "crossed budget",
    }  # fmt: skip
    columns = "tenant_id, input_tokens, cache_read_input_tokens, cost_reported, status, started_at::varchar"
    assert landed_rows(eu, columns, order="source_record_id") == [
        ("acme", 1000, 250, Decimal("0.299994900000"), "ok", "2026-11-10 00:00:07+00"),
        ("acme", 1000, 250, Decimal("0.299994900000"), "blocked_budget", "2026-11-10 00:00:14+00"),
    ]
    holding = [path for path in eu.root.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert holding == []


def test_metadata_that_is_no_object_goes_to_quarantine_without_its_content(eu: Workspace, url: str) -> None:
    insert(url, [row(1) | {"metadata": json.dumps(SECRET)}, row(2) | {"metadata": "null"}])
    (result,) = ingest(eu.settings)
    assert (result.counts.landed, result.counts.quarantined) == (1, 1)
    (content,) = fetched(eu).values()
    assert SECRET.encode() not in content


@pytest.mark.parametrize(("hours", "expected"), [(23, ["late"]), (25, [])])
def test_a_row_written_late_is_found_if_it_began_within_the_look_back(
    eu: Workspace, url: str, hours: int, expected: list[str]
) -> None:
    insert(url, [row(0), row(1, started=BEGAN + timedelta(days=3))])
    ingest(eu.settings)
    insert(url, [row(2, started=BEGAN + timedelta(days=3, hours=-hours), request_id="late")])
    ingest(eu.settings)
    assert [found for found in ids(eu) if found == "late"] == expected
    again = company(eu.root, look_back_hours=1000)
    ingest(again.settings)
    again.control.close()
    assert ids(eu) == ["late", "req-00000", "req-00001"]


def test_late_rows_among_those_of_one_instant_are_found(eu: Workspace, url: str) -> None:
    insert(url, [row(0, request_id=f"m-{number}") for number in range(0, 10, 2)])
    ingest(eu.settings)
    insert(url, [row(0, request_id=f"m-{number}") for number in range(1, 10, 2)])
    ingest(eu.settings)
    assert ids(eu) == [f"m-{number}" for number in range(10)]


def test_pages_end_within_one_instant_without_a_row_lost_or_read_twice(tmp_path: Path, url: str) -> None:
    eu = company(tmp_path, page_rows=3)
    insert(url, [row(0, request_id=f"m-{number:02}") for number in range(10)])
    assert [result.counts.landed for result in ingest(eu.settings)] == [3, 3, 3, 1]
    assert ids(eu) == [f"m-{number:02}" for number in range(10)]
    eu.control.close()


def test_a_row_from_the_future_waits_and_does_not_move_the_mark(eu: Workspace, url: str) -> None:
    future = datetime.now() + timedelta(days=2)  # noqa: DTZ005
    insert(url, [row(0), row(1, started=future)])
    ingest(eu.settings)
    insert(url, [row(2)])
    ingest(eu.settings)
    assert ids(eu) == ["req-00000", "req-00002"]


def test_older_rows_than_since_are_left_alone(tmp_path: Path, url: str) -> None:
    eu = company(tmp_path, since="2026-11-11")
    day = timedelta(days=1)
    insert(url, [row(1, started=BEGAN + day - timedelta(milliseconds=1)), row(2, started=BEGAN + day)])
    ingest(eu.settings)
    insert(url, [row(3, started=BEGAN + day - timedelta(hours=1))])
    ingest(eu.settings)
    assert ids(eu) == ["req-00002"]
    eu.control.close()


def test_without_its_files_everything_is_read_again_and_counts_once(eu: Workspace, url: str) -> None:
    insert(url, map(row, range(30)))
    ingest(eu.settings)
    for path in (eu.settings.data_dir / "fetched").rglob("*.jsonl"):
        path.unlink()
    insert(url, [row(30)])
    ingest(eu.settings)
    distinct = landed_rows(eu, "count(distinct record_key)", order="1")
    assert distinct == [(31,)]


def _run(settings: Settings, url: str) -> None:
    os.environ[VARIABLE] = url
    with suppress(LandingError):
        ingest(settings)


def test_killed_anywhere_it_ends_with_every_row_once(tmp_path: Path, url: str) -> None:
    insert(url, map(row, range(5000)))
    eu = company(tmp_path, page_rows=500)
    source = random.Random(20261110)

    def kill_when(is_time: Callable[[], bool]) -> None:
        process = FORK.Process(target=_run, args=(eu.settings, url), daemon=True)
        process.start()
        while process.is_alive() and not is_time():
            time.sleep(0.002)
        time.sleep(source.uniform(0, 0.03))
        process.kill()
        process.join()
        process.close()

    kill_when((eu.settings.data_dir / "fetched").exists)
    for pages in (1, 3, 4, 7):
        kill_when(lambda pages=pages: len(fetched(eu)) >= pages)
        assert all(content.endswith(b"}\n") for content in fetched(eu).values())
    for landings in (1, 2):
        kill_when(lambda landings=landings: len(landed.landings(eu)) >= landings)
        assert len(landed.landings(eu)) >= landings
    insert(url, [row(5000)])
    ingest(eu.settings)
    assert ids(eu) == [f"req-{number:05}" for number in range(5001)]
    assert sum(content.count(b"\n") for content in fetched(eu).values()) == 5001
    assert [path for path in tmp_path.rglob("*.tmp") if "fetched" in path.parts] == []
    eu.control.close()


def test_two_proxies_with_the_same_request_ids_stay_apart(
    tmp_path: Path, url: str, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_database().replace("postgresql+psycopg", "postgresql")
    execute(other, SCHEMA)
    monkeypatch.setenv("OTHER_DATABASE_URL", other)
    insert(url, [row(1)])
    insert(other, [row(1, spend=0.5)])
    eu = LiteLLMDatabase(name="eu", instance="eu", url_env=VARIABLE)
    us = LiteLLMDatabase(name="us", instance="us", url_env="OTHER_DATABASE_URL")
    both = Workspace(tmp_path, litellm_databases=(eu, us))
    results = ingest_names(both.settings, both.settings.inputs, lambda *_: None)
    assert [result.state for result in results] == ["landed", "landed"]
    assert landed_rows(both, "count(distinct record_key), count(*)", order="1") == [(2, 2)]
    assert [result.state for result in ingest_names(both.settings, both.settings.inputs, lambda *_: None)] == [
        "already"
    ] * 2
    both.control.close()


def test_a_url_on_the_command_line_is_a_database_too(workspace: Workspace, url: str) -> None:
    insert(url, [row(1)])
    (result,) = ingest(workspace.settings, url)
    assert result.state == "landed"
    assert ids(workspace) == ["req-00001"]


def test_a_schema_and_prisma_s_own_options_are_understood(
    eu: Workspace, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(url, "create schema proxy")
    execute(url, 'alter table "LiteLLM_SpendLogs" set schema proxy')
    with psycopg.connect(url, options="-c search_path=proxy") as link:
        link.execute(
            'insert into "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime") values (%s, %s, %s, %s)',
            ["only", "acompletion", BEGAN, BEGAN],
        )
    assert "no table" in problem(eu.settings)
    monkeypatch.setenv(VARIABLE, f"{url}?schema=proxy&connection_limit=5&pool_timeout=60")
    assert [result.state for result in ingest(eu.settings)] == ["landed"]


def test_a_table_of_an_older_release_is_read(eu: Workspace, url: str) -> None:
    insert(url, [row(1)])
    for name in ("session_id", "status", "litellm_call_id", "organization_id", "agent_id", "completionStartTime"):
        execute(url, f'alter table "LiteLLM_SpendLogs" drop column "{name}"')
    (result,) = ingest(eu.settings)
    assert (result.state, result.counts.landed) == ("landed", 1)


def test_a_partitioned_table_is_read(eu: Workspace, url: str) -> None:
    execute(url, 'alter table "LiteLLM_SpendLogs" rename to "old"')
    execute(url, 'create table "LiteLLM_SpendLogs" (like "old" including defaults) partition by range ("startTime")')
    execute(url, 'create table part partition of "LiteLLM_SpendLogs" default')
    insert(url, [row(1)])
    assert [result.counts.landed for result in ingest(eu.settings)] == [1]


def test_nothing_can_be_written(url: str) -> None:
    insert(url, [row(1)])
    with connection(address(url, "here"), "here") as link:
        for attempt in (
            'delete from "LiteLLM_SpendLogs"',
            "create table mine (a int)",
            "create temp table mine as select 1",
        ):
            with pytest.raises(Exception, match="ReadOnlySqlTransaction"), transaction(link, "here", 5):
                link.execute(attempt)
    with psycopg.connect(url) as link:
        assert link.execute('select count(*) from "LiteLLM_SpendLogs"').fetchone() == (1,)


def test_the_database_keeps_no_setting_of_ours(url: str) -> None:
    shown = "select current_setting('statement_timeout'), current_setting('transaction_read_only'), current_setting('timezone')"
    with connection(address(url, "here"), "here") as link:
        with transaction(link, "here", 5):
            assert link.execute(shown).fetchone() == ("5s", "on", "UTC")
        link.read_only = False
        after = link.execute(shown).fetchone()
    with psycopg.connect(url) as link:
        assert link.execute(shown).fetchone() == after


def test_a_missing_table_or_column_is_named(eu: Workspace, url: str) -> None:
    execute(url, 'alter table "LiteLLM_SpendLogs" drop column spend')
    assert "has no column spend" in problem(eu.settings)
    execute(url, 'drop table "LiteLLM_SpendLogs"')
    assert 'no table "LiteLLM_SpendLogs" in schema public' in problem(eu.settings)


def test_a_missing_permission_is_told_with_the_grant_that_mends_it(
    eu: Workspace, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(url, [row(1)])
    reader = f"reader_{time.monotonic_ns()}"
    execute(url, f"create role {reader} login")
    theirs = sa.make_url(url).set(username=reader).render_as_string(hide_password=False)
    monkeypatch.setenv(VARIABLE, theirs)
    message = problem(eu.settings)
    assert f"{reader} may not read agent_id, api_key" in message
    grant = message[message.index("GRANT") :]
    assert "messages" not in grant
    execute(url, grant)
    assert [result.state for result in ingest(eu.settings)] == ["landed"]


def test_a_wrong_url_and_a_server_that_is_gone_are_told_without_the_password(
    eu: Workspace, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(url, [row(1)])
    assert [result.state for result in ingest(eu.settings)] == ["landed"]
    gone = sa.make_url(url).set(port=1, password="pa%ss@word/1").render_as_string(hide_password=False)
    for wrong, expected in (
        (gone, "cannot connect to"),
        ("mysql://a:pa%ss@b/c", "is a mysql URL"),
        ("pa%ss", "not a database URL"),
    ):
        monkeypatch.setenv(VARIABLE, wrong)
        earlier, result = ingest(eu.settings)
        assert (earlier.state, result.state) == ("already", "failed")
        assert expected in result.message
        assert "pa%" not in result.message
    assert "word" not in str(ingest(eu.settings, gone)[0])
    monkeypatch.delenv(VARIABLE)
    assert "LITELLM_DATABASE_URL (its url_env) is not set" in ingest(eu.settings)[1].message


def test_a_table_that_is_locked_ends_the_run_in_time(tmp_path: Path, url: str) -> None:
    eu = company(tmp_path, statement_timeout_s=1)
    insert(url, [row(1)])
    with psycopg.connect(url) as link:
        link.execute('lock table "LiteLLM_SpendLogs"')
        assert "longer than statement_timeout_s (1)" in problem(eu.settings)
    assert [result.state for result in ingest(eu.settings)] == ["landed"]
    eu.control.close()


def test_a_mapping_that_looks_where_nothing_is_fetched_is_refused(eu: Workspace, url: str) -> None:
    insert(url, [row(1)])
    for path, is_refused in (
        ("metadata.requester_ip_address", True),
        ("messages", True),
        ("organization_id", False),
        ("tag:x", False),
    ):
        settings = eu.settings.model_copy(update={"sources": Sources(litellm_spend_logs=Mapping(tenant_id=(path,)))})
        found = fetch(settings, NAME, lambda _: True)
        assert [type(item) for item in found][-1:] == [Failed if is_refused else Fetched]


def test_a_name_that_is_not_configured_lists_those_that_are(eu: Workspace) -> None:
    assert problem(eu.settings, "litellm://us") == (
        "litellm://us: no such database in [[litellm_databases]]. Known: litellm://eu."
    )
