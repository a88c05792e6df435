"""The same models on DuckDB and on Spark: every mart is equal to the pico-dollar, column by column."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pyarrow as pa
import pytest

from pipelines.building.dbt import MODELS
from pipelines.building.spark import (
    REQUIRED,
    SCHEMA,
    NothingToBuild,
    SparkUnavailable,
    SparkUnfit,
    build_on_spark,
    local_session,
)
from pipelines.landing.collect import find, ingest
from pipelines.landing.erase import erase
from pipelines.settings import Pricing
from sample_data.generate import generate
from tests.contract.test_langfuse_source import score
from tests.integration import company
from tests.integration.test_attribution import call, outcome
from tests.integration.test_langfuse_traces import of_trace, owned, whole
from tests.integration.test_two_sources import land_spans, payload, span
from tests.sql import company_prices
from tests.sql.priced_traffic import over_weeks
from tests.workspace import Workspace
from warehouse import publish
from warehouse.connection import warehouse

pytestmark = pytest.mark.spark

PARTITIONS = {
    "fct_llm_request_priced": "day",
    "fct_told_twice_day": "day",
    "fct_task": "task_day",
    **dict.fromkeys(
        ("fct_tenant_day", "fct_feature_day", "fct_model_day", "fct_cost_day", "fct_revenue_day"), "usage_date"
    ),
    "fct_user_week": "week_start",
}
"""Spark stores the column that a table is partitioned by as its last."""
DRAWING = [("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-4o"), ("google", "gemini-2.5-pro")]
UNUSED = """
[[drawdown]]
id = "groq-term"
kind = "commitment"
providers = ["groq"]
window = "term"
from = 2026-10-20
to = 2026-11-12
fee_usd = 1000.25
commit_usd = 1100
"""
TENTH = 24 * 29
"""Hours from the start of those calls to the tenth of November, within the weeks of the company."""
Marts = dict[str, pa.Table]


def on_duckdb(workspace: Workspace) -> Marts:
    with warehouse(workspace.settings.data_dir / "warehouse.duckdb") as database:
        return {name: database.sql(f"select * from {name}").to_arrow_table() for name in names()}


def on_spark(session: Any) -> Marts:
    return {name: session.table(f"{SCHEMA}.{name}").toArrow() for name in names()}


def names() -> tuple[str, ...]:
    return (*publish.MARTS, publish.PRICED)


def expected_columns(name: str, duck: pa.Table) -> list[tuple[str, str]]:
    """DuckDB's columns and types, as Spark has them."""
    columns = [(field.name, str(field.type)) for field in duck.schema]
    return sorted(columns, key=lambda column: column[0] == PARTITIONS.get(name))


def rows_of(table: pa.Table, columns: list[str]) -> Counter[tuple[Any, ...]]:
    return Counter(zip(*(table.column(name).to_pylist() for name in columns), strict=True))


def difference(name: str, duck: pa.Table, spark: pa.Table) -> str:
    """What differs between a mart of both engines, in a sentence; empty where nothing does."""
    wanted, found = expected_columns(name, duck), [(field.name, str(field.type)) for field in spark.schema]
    if wanted != found:
        return f"columns: {sorted(set(wanted) ^ set(found))}"
    on_one, on_other = (rows_of(table, duck.column_names) for table in (duck, spark))
    only_duck, only_spark = (
        sorted((on_one - on_other).elements(), key=repr),
        sorted((on_other - on_one).elements(), key=repr),
    )
    if not (only_duck or only_spark):
        return ""
    shown = [dict(zip(duck.column_names, rows[0], strict=True)) if rows else {} for rows in (only_duck, only_spark)]
    unlike = {
        key: [row.get(key) for row in shown] for key in duck.column_names if shown[0].get(key) != shown[1].get(key)
    }
    return f"{len(only_duck)} rows only on DuckDB, {len(only_spark)} only on Spark; the first of each: {unlike}"


def assert_equal(duck: Marts, spark: Marts, may_be_empty: str = "") -> None:
    differences = {name: difference(name, duck[name], spark[name]) for name in names()}
    assert not any(differences.values()), "\n".join(f"{name}: {said}" for name, said in differences.items() if said)
    empty = {name for name in names() if duck[name].num_rows == 0}
    assert empty <= {may_be_empty}, f"empty, so nothing was compared: {empty}"


@contextmanager
def workspace_at(root: Path, **settings: Any) -> Generator[Workspace]:
    made = Workspace(root, **settings)
    try:
        yield made
    finally:
        made.control.close()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The company with prices of its own, built on DuckDB as it grew: a full build, then an incremental one."""
    root = tmp_path_factory.mktemp("company")
    prices = company_prices.write(root)
    prices.write_text(prices.read_text() + UNUSED)
    with workspace_at(root, pricing=Pricing(company_prices=prices)) as workspace:
        company.land_first(workspace)
        workspace.land_records("own", over_weeks([*company_prices.OWN, *DRAWING], 300, seed=3))
        october = datetime(2026, 10, 20, 12, tzinfo=UTC)
        workspace.land_records("gateway", [payload("chatcmpl-1", "call-1", october)])
        land_spans(workspace, [span(1, october, response_id="chatcmpl-1"), span(2, october)])
        said = [
            {"conversation_id": "chat"},
            {"workflow_key": "run", "trace_id": "weak", "task_id": "weak"},
            {"conversation_id": "chat"},
        ]
        unnamed = [call(f"unnamed-{n}", TENTH + n, **names) for n, names in enumerate(said)]
        workspace.land_records("unnamed", unnamed)
        told = [
            outcome("first", TENTH + 1, conversation_id="chat"),
            outcome("run", TENTH + 1, "failure", workflow_key="run"),
        ]
        workspace.land_feed("task_outcomes", told, name="-unnamed")
        erase(workspace.context, "tenant", "left", "ops@example.com")
        observed = [of_trace(name, 12) for name in ("of-acme", "of-left", "of-nobody")]
        workspace.land_records("observations", observed)
        workspace.build()
        company.land_late(workspace)
        said = [owned("acme", task_id="of-nobody"), owned("left")]
        told = [whole(name, 12, **of) for name, of in zip(("of-acme", "of-left"), said, strict=True)]
        workspace.land_records("traces", [*told, score(trace_id="of-acme")])
        workspace.land_feed("task_outcomes", [outcome("next", TENTH + 2, conversation_id="chat")], name="-late")
        assert workspace.build().kind == "incremental"
        yield workspace


def test_a_company_with_every_case_has_the_same_marts_on_both_engines(built: Workspace) -> None:
    with local_session(built.settings) as session:
        build_on_spark(built.settings, session)
        duck = on_duckdb(built)
        assert_equal(duck, on_spark(session))
        assert {name: session.conf.get(name) for name in REQUIRED} == REQUIRED
    statuses = set(duck["fct_llm_request_priced"].column("pricing_status").to_pylist())
    assert statuses == {"priced", "partial", "unpriced", "reported_none"}  # no model of today's catalogue is free
    drawn = duck["fct_llm_request_priced"].column("drawdown_pico").to_pylist()
    assert sum(pico is not None and pico != 0 for pico in drawn) > 50
    assert {str(name).partition(":")[0] for name in duck["fct_shared_cost_day"].column("pool_id").to_pylist()} >= {
        "idle",
        "unused",
    }
    # One of a trace is acme's and of another's task, which its score judges; one is of an erased tenant; one of nobody.
    of_traces = "select tenant_id, task_id from fct_llm_request_priced where task_id like 'of-%' order by 1"
    assert built.rows(of_traces) == [("acme", "of-nobody"), ("unattributed", "of-nobody")]
    assert built.rows("select attempts, outcome from fct_task where task_id = 'of-nobody'") == [(2, "success")]
    of_outcomes = (
        "select logical_call_id, task_id from fct_llm_request_priced where logical_call_id like 'unnamed%' order by 1"
    )
    named = ["outcome:first", "outcome:run", "outcome:next"]
    assert built.rows(of_outcomes) == [(f"unnamed-{n}", task) for n, task in enumerate(named)]
    whale = built.rows("select sum(list_cost_pico) from fct_cost_day where tenant_id = 'whale'")[0][0]
    assert whale == 700 * 10**9 * 15 * 10**6 > 2**63  # more than a 64-bit sum holds


def test_the_sample_company_in_another_zone_has_the_same_marts_on_both_engines(tmp_path: Path) -> None:
    reporting = {"zone": "America/Los_Angeles", "first_day_of_week": "sunday"}
    generate(tmp_path / "sample", seed=7, attempts=3_500, weeks=2)
    with workspace_at(tmp_path, reporting=reporting) as workspace:
        ingest(workspace.context, find([str(tmp_path / "sample")], workspace.settings.data_dir))
        workspace.build()
        with local_session(workspace.settings) as session:
            build_on_spark(workspace.settings, session)
            assert_equal(on_duckdb(workspace), on_spark(session), may_be_empty="fct_told_twice_day")  # one log alone


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with workspace_at(tmp_path_factory.mktemp("empty")) as workspace, local_session(workspace.settings) as session:
        yield session


WRONG = {
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "Europe/Berlin",
}


@pytest.mark.parametrize("name", REQUIRED)
def test_a_session_that_would_compute_other_amounts_is_refused(session: Any, workspace: Workspace, name: str) -> None:
    session.conf.set(name, WRONG[name])
    try:
        with pytest.raises(SparkUnfit, match=f"{name} is {WRONG[name]} and has to be {REQUIRED[name]}"):
            build_on_spark(workspace.settings, session)
    finally:
        session.conf.set(name, REQUIRED[name])


@pytest.mark.parametrize(
    ("is_loss_allowed", "digits"), [("false", "DecimalType(38,12)"), ("true", "DecimalType(38,10)")]
)
def test_only_the_asked_for_setting_keeps_twelve_decimals(session: Any, is_loss_allowed: str, digits: str) -> None:
    session.conf.set("spark.sql.decimalOperations.allowPrecisionLoss", is_loss_allowed)
    try:
        product = session.sql("select cast(2497.420642500001 as decimal(38, 12)) * 1 as product")
        assert str(product.schema["product"].dataType) == digits
    finally:
        session.conf.set("spark.sql.decimalOperations.allowPrecisionLoss", "false")


def test_a_folder_that_was_never_built_is_named(session: Any, workspace: Workspace) -> None:
    with pytest.raises(NothingToBuild, match="`margincall build` writes them"):
        build_on_spark(workspace.settings, session)


def test_a_second_session_in_one_process_is_refused(session: Any, workspace: Workspace) -> None:
    assert session is not None
    with pytest.raises(SparkUnavailable, match="open in this process already"), local_session(workspace.settings):
        pass


def test_without_pyspark_the_extra_is_named(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(SparkUnavailable, match=r"margincall\[spark\]"), local_session(workspace.settings):
        pass


def test_without_java_the_version_is_named(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from pipelines.settings import Settings; from pipelines.building.spark import *\n"
        f"with local_session(Settings(data_dir=Path({str(tmp_path)!r}))): pass"
    )
    environment = {**os.environ, "JAVA_HOME": str(tmp_path / "no-java")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "SparkUnavailable: Spark did not start; it needs Java 17 or later" in done.stderr


# --- whole-number arithmetic, macro by macro, against Python's integers

EDGES = (
    *((n, d) for n in (0, 1, 2, 3, 5, 7) for d in (1, 2, 3)),
    *((sign * n, 2) for n in (10**37 + 1, 2**63, 2**63 + 1) for sign in (1, -1) if n < 10**29),
    *((n, 10**12) for n in (5 * 10**11, 15 * 10**11, 15 * 10**11 + 1, 25 * 10**11 - 1, -(25 * 10**11))),
    (10**38 - 1, 10**19 - 1),
    (10**38 - 1, 10**19),
    (10**38 - 1, 10**37),
    (2 * 10**37, 4 * 10**37),
    (10**28 * 9 + 1, 1),
)


def divisions() -> list[tuple[int, int]]:
    """Numerators of up to 38 digits; quotients of up to 29, as Spark's narrowest divisor leaves them."""
    rng = random.Random(3)
    found = list(EDGES)
    while len(found) < 1_000:
        divisor = rng.randrange(1, 10 ** rng.randint(1, 37))
        quotient = rng.randrange(10 ** rng.randint(1, 28))
        twice = 2 * quotient * divisor + rng.choice((0, 1, divisor, divisor + 1, divisor - 1))
        if twice // 2 < 10**38:
            found.append((rng.choice((1, -1)) * (twice // 2), divisor))
    return found


def macro(engine: str, name: str, *arguments: str) -> str:
    """The SQL of a macro of `money.sql` for an engine."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])

    class Adapter:
        @staticmethod
        def dispatch(called: str, _package: str) -> Any:
            return getattr(module, f"{engine}__{called}")

    source = (MODELS / "macros" / "money.sql").read_text()
    module = environment.from_string(source, {"adapter": Adapter, "return": lambda text: text}).module
    return str(getattr(module, name)(*arguments))


def evaluated(session: Any, engine: str, expression: str, rows: list[tuple[int, ...]]) -> list[int]:
    casts = (", ".join(f"cast('{value}' as decimal(38, 0))" for value in row) for row in rows)
    listed = ", ".join(f"({number}, {values})" for number, values in enumerate(casts))
    columns = ", ".join("abc"[: len(rows[0])])
    sql = f"select cast({expression} as string) as x from (select * from (values {listed}) as t(id, {columns})) as u order by id"
    if engine == "spark":
        found = session.sql(sql).collect()
    else:
        with duckdb.connect() as database:
            found = database.execute(sql).fetchall()
    return [int(row[0]) for row in found]


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_division_is_exact_to_the_last_digit(session: Any, engine: str) -> None:
    pairs = divisions()
    down = [abs(n) // d * (1 if n >= 0 else -1) for n, d in pairs]
    assert evaluated(session, engine, macro(engine, "int_div", "a", "b"), pairs) == down
    even = [round(Fraction(n, d)) for n, d in pairs]
    assert evaluated(session, engine, macro(engine, "div_half_even", "a", "b"), pairs) == even


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_a_month_of_days_adds_up_to_its_line_in_whole_cents(session: Any, engine: str) -> None:
    cent = 10**10
    amounts = (100 * 10**12, -5 * cent, 10**15 * 10**10, 12345678901234567890123, -7)
    rows = [(amount, day, 30) for amount in amounts for day in range(1, 31)]
    parts = evaluated(session, engine, macro(engine, "spread_day", "a", "b", "c"), rows)
    for number, amount in enumerate(amounts):
        assert sum(parts[30 * number : 30 * number + 30]) == amount
    assert parts[:3] == [333 * cent, 334 * cent, 333 * cent]
