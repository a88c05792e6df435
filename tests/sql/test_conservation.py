"""Nothing is lost or counted twice between lake and marts: the checks of every build, and that each of them can fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import duckdb
import pyarrow.parquet as pq
import pytest

from pipelines.building.dbt import MODELS, DbtFailed, run_dbt
from pipelines.settings import Pricing
from tests.sql import example_c
from tests.sql.example_c import NOVEMBER_9
from tests.workspace import Workspace, request
from warehouse import control as db

GPUS = """
[[gpu_pool]]
id = "gpus"
models = ["own-*"]
gpu_hourly_usd = 2.5
gpus = 1
prefill_tokens_per_s = 1000
decode_tokens_per_s = 100
utilisation = "0.5"
"""
CHECKS = sorted(path.stem for path in (MODELS / "tests").glob("*.sql"))

ONE_REQUEST = "(select min(record_key) from fct_llm_request_priced where pricing_status = 'priced')"
ONE_TASK = "(select min(task_id) from fct_task where llm_cost_pico > 0)"
SABOTAGE: tuple[tuple[str, str], ...] = (
    ("tenant_days_equal_their_sources", "update fct_tenant_day set inference_cost_pico = inference_cost_pico + 1"),
    ("tenant_days_equal_their_sources", "update fct_tenant_day set other_cost_pico = other_cost_pico + 1"),
    ("tenant_days_equal_their_sources", "update fct_tenant_day set revenue_pico = revenue_pico - 1"),
    ("tenant_days_equal_their_sources", "delete from fct_tenant_day where tenant_id = 'beta'"),
    ("tenant_days_equal_their_sources", "insert into fct_tenant_day from fct_tenant_day limit 1"),
    (
        "cost_days_equal_their_sources",
        "update fct_cost_day set cost_pico = cost_pico + 1 where component = 'inference'",
    ),
    ("cost_days_equal_their_sources", "update fct_cost_day set is_cost_of_goods = not is_cost_of_goods"),
    ("cost_days_equal_their_sources", "delete from fct_cost_day where tenant_id = 'beta'"),
    ("tasks_equal_their_attempts", f"update fct_task set llm_cost_pico = llm_cost_pico - 1 where task_id = {ONE_TASK}"),
    ("tasks_equal_their_attempts", f"delete from fct_task where task_id = {ONE_TASK}"),
    ("tasks_equal_their_attempts", "update fct_task set task_id = 'ghost' where task_id = '1109-t5'"),
    (
        "landed_rows_are_current_superseded_or_erased",
        f"delete from fct_llm_request_priced where record_key = {ONE_REQUEST}",
    ),
    (
        "landed_rows_are_current_superseded_or_erased",
        f"insert into fct_llm_request_priced from fct_llm_request_priced where record_key = {ONE_REQUEST}",
    ),
    (
        "landed_rows_are_current_superseded_or_erased",
        "update fct_told_twice_day set requests = requests + 1",
    ),
    ("landed_rows_are_current_superseded_or_erased", "delete from fct_told_twice_day"),
    (
        "component_costs_sum_to_cost",
        f"update fct_llm_request_priced set input_cost_pico = input_cost_pico + 1 where record_key = {ONE_REQUEST}",
    ),
    (
        "component_costs_sum_to_cost",
        f"update fct_llm_request_priced set drawdown_pico = drawdown_pico + 1 where record_key = {ONE_REQUEST}",
    ),
    (
        "list_and_contracted_costs_equal_their_sources",
        "update fct_cost_day set list_cost_pico = list_cost_pico + 1 where component = 'inference'",
    ),
    (
        "list_and_contracted_costs_equal_their_sources",
        f"update fct_llm_request_priced set contracted_cost_pico = contracted_cost_pico + 1 where record_key = {ONE_REQUEST}",
    ),
    (
        "paid_capacity_is_charged_or_idle",
        "update fct_shared_cost_day set pool_cost_pico = pool_cost_pico - 1 where pool_id = 'idle:gpus'",
    ),
    ("days_by_feature_and_model_equal_tenants", "update fct_feature_day set requests = requests + 1"),
    ("days_by_feature_and_model_equal_tenants", "update fct_model_day set other_cost_pico = other_cost_pico + 1"),
    ("days_by_feature_and_model_equal_tenants", "delete from fct_model_day where usage_date = '2026-11-10'"),
    ("days_by_feature_and_model_equal_tenants", "insert into fct_feature_day from fct_feature_day limit 1"),
    ("shared_costs_are_allocated_or_unallocated", "update fct_allocated_cost_day set cost_pico = cost_pico + 1"),
    ("shared_costs_are_allocated_or_unallocated", "delete from fct_allocated_cost_day where usage_date = '2026-11-10'"),
    (
        "cost_is_null_exactly_where_unpriced",
        "update fct_llm_request_priced set cost_pico = 0 where pricing_status = 'unpriced'",
    ),
    (
        "cost_is_null_exactly_where_unpriced",
        f"update fct_llm_request_priced set cost_pico = null where record_key = {ONE_REQUEST}",
    ),
    (
        "revenue_lines_are_earned_once",
        "update fct_revenue_day set revenue_pico = revenue_pico + 1 where line_id = 'l2' and usage_date = '2026-11-02'",
    ),
    ("revenue_lines_are_earned_once", "delete from fct_revenue_day where line_id = 'l2'"),
    (
        "revenue_lines_are_earned_once",
        "insert into fct_revenue_day by name select usage_date, tenant_id, kind, 'accrued' as basis, 0 as unconverted_lines, "
        "1 as revenue_pico from fct_revenue_day where line_id = 'l2'",
    ),
    ("every_week_has_every_metric", "delete from mart_weekly_unit_economics where metric_id = 'gross_margin'"),
    ("every_week_has_every_metric", "update mart_weekly_unit_economics set this_week = null, missing = null"),
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A week with retries over midnight, repeated landings, an erased tenant, an id used for too long, other cost, GPUs, and a
    call in two logs, once more under an erased tenant.
    """
    root = tmp_path_factory.mktemp("conservation")
    (root / "prices.toml").write_text(GPUS)
    workspace = Workspace(root, pricing=Pricing(company_prices=root / "prices.toml"))
    example_c.land(workspace, NOVEMBER_9)
    corrected = {**example_c.attempts(NOVEMBER_9)[0], "output_tokens": 300, "observed_at": "2026-11-12T00:00:00Z"}
    workspace.land_records("again", [*example_c.attempts(NOVEMBER_9)[1:4], corrected])
    long = [
        request(
            source_record_id=f"long-{n}", task_id="constant", started_at=(NOVEMBER_9 - timedelta(days=n)).isoformat()
        )
        for n in (0, 20, 40)
    ]
    others = [
        request(source_record_id=f"other-{tenant}", tenant_id=tenant) for tenant in ("beta", "gone", "gone-since")
    ]
    moved = {**others[2], "tenant_id": "beta", "observed_at": "2026-11-12T00:00:00Z"}
    own = request(source_record_id="own", tenant_id="beta", provider_name="vllm", response_model="own-llama")
    both = request(source_record_id="both", tenant_id="beta", response_id="resp-1")
    workspace.land_records("others", [*long, *others, own, both])
    body = {"object": "chat.completion", "id": "resp-1", "model": "gpt-4o", "started_at": "2026-11-11T00:00:00Z"}
    body |= {"usage": {"prompt_tokens": 1000, "completion_tokens": 100}}
    workspace.land_records("bodies", [body, {**body, "tenant_id": "gone", "started_at": "2026-11-10T12:00:00Z"}])
    workspace.land_records("moved", [moved])
    line = {"tenant_id": "beta", "kind": "subscription", "amount": "10.00", "currency": "USD"}
    period = {"service_start": "2026-11-01", "service_end": "2026-12-01"}
    workspace.land_feed("revenue_lines", [{"line_id": "l1", **line, **period}])
    short = {"kind": "overage", "service_start": "2026-11-02", "service_end": "2026-11-05"}
    workspace.land_feed("revenue_lines", [{"line_id": "l2", **line, **short}], "-2")
    with workspace.control.write() as connection, duckdb.connect() as scratch:
        for tenant in ("gone", "gone-since"):
            digest = scratch.execute("select md5(?)", [tenant]).fetchall()[0][0]
            row = {"kind": "tenant", "id_md5": digest, "erased_at": "2026-11-16", "erased_by": "test"}
            connection.execute(db.tombstone.insert(), [row])
    workspace.build()  # runs every check; one that fails for a healthy build raises here
    yield workspace
    workspace.control.close()


def dbt(workspace: Workspace, command: list[str]) -> None:
    data_dir = workspace.settings.data_dir
    run_dbt(
        command,
        data_dir=data_dir,
        warehouse=data_dir / "warehouse.duckdb",
        inputs=data_dir / "build" / "inputs",
        on_done=lambda *_: None,
    )


@pytest.fixture(scope="module")
def checks(built: Workspace) -> Mapping[str, str]:
    """The SQL of every check as dbt runs it."""
    dbt(built, ["compile", "--select", "test_type:singular"])
    compiled = built.settings.data_dir / "build" / "dbt" / "target-duckdb" / "compiled" / "margincall" / "tests"
    return {path.stem: path.read_text() for path in compiled.glob("*.sql")}


def failing(built: Workspace, checks: Mapping[str, str], sabotage: str) -> set[str]:
    """Names of the checks that find something after `sabotage`, which is then undone."""
    with duckdb.connect(str(built.settings.data_dir / "warehouse.duckdb")) as database:
        database.execute("set timezone = 'UTC'")
        database.execute("begin")
        database.execute(sabotage)
        found = {name for name, sql in checks.items() if database.execute(sql).fetchall()}
        database.execute("rollback")
    return found


def test_a_healthy_build_fails_no_check(built: Workspace, checks: Mapping[str, str]) -> None:
    assert sorted(checks) == CHECKS
    assert failing(built, checks, "select 1") == set()
    facts = built.rows(
        "select (select count(*) from fct_llm_request_priced where tenant_id like 'gone%'), "
        "(select count(*) from fct_task where task_id = 'constant'), "
        "(select count(*) from fct_llm_request_priced where task_id = 'constant'), "
        "(select sum(requests) from fct_told_twice_day)"
    )
    assert facts == [(0, 0, 3, 1)]


@pytest.mark.parametrize(("check", "sabotage"), SABOTAGE)
def test_each_check_finds_its_sabotage(built: Workspace, checks: Mapping[str, str], check: str, sabotage: str) -> None:
    assert check in failing(built, checks, sabotage)


def test_every_check_has_a_sabotage_that_it_finds() -> None:
    assert sorted({check for check, _ in SABOTAGE}) == CHECKS


def test_rows_that_the_ledger_counts_and_the_lake_lacks_are_found(built: Workspace, checks: Mapping[str, str]) -> None:
    path = built.settings.data_dir / "build" / "inputs" / "lake_file.parquet"
    before = path.read_bytes()
    table = pq.read_table(path)
    rows = table.column_names.index("rows")
    try:
        more = [count + 1 for count in table["rows"].to_pylist()]
        pq.write_table(table.set_column(rows, table.schema.field(rows), [more]), path)
        assert failing(built, checks, "select 1") == {"landed_rows_are_current_superseded_or_erased"}
    finally:
        path.write_bytes(before)


def test_dbt_itself_names_the_check_that_fails(built: Workspace) -> None:
    path = built.settings.data_dir / "warehouse.duckdb"
    before = path.read_bytes()
    try:
        with duckdb.connect(str(path)) as database:
            for _, sabotage in SABOTAGE[:1] + SABOTAGE[-2:-1]:
                database.execute(sabotage)
        with pytest.raises(DbtFailed, match="tenant_days_equal_their_sources") as failed:
            dbt(built, ["test", "--select", "test_type:singular"])
        assert "every_week_has_every_metric" in str(failed.value)
        assert "component_costs_sum_to_cost" not in str(failed.value)
    finally:
        path.write_bytes(before)
