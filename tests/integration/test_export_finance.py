"""The finance files of a company with everything in it, summed by other tools and compared with the marts and with each other."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.exports.finance import export_finance
from tests.integration import company
from tests.integration.test_cli import data, margincall
from tests.workspace import Workspace, request
from warehouse.reader import Period, Reader

NAMES = {
    "=cmd()": "=cmd|'/c calc'!A1",
    "-Acme": "+Acme, \"the best\"; Inc.",
    "ünï·corp": "Two\nlines\r\n🦊",
}  # fmt: skip
"""Tenants whose ids and names are trouble in a spreadsheet."""
PERIODS = [(Period.month(date(2026, 11, 1)), "2026-11"), (Period.week(date(2026, 11, 9)), "week-2026-11-09")]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    made = Workspace(tmp_path_factory.mktemp("company"))
    company.land_first(made)
    made.land_records(
        "names",
        [
            request(
                source_record_id=f"{name}-{n}",
                tenant_id=name,
                input_tokens=7 + n,
                output_tokens=n,
                task_id=f"{name}{n}",
            )
            for name in NAMES
            for n in range(5)
        ],
    )
    made.land_feed("tenants", [{"tenant_id": tenant, "name": name} for tenant, name in NAMES.items()], "-names")
    made.build()
    yield made
    made.control.close()


@pytest.fixture(scope="module")
def reader(workspace: Workspace) -> Iterator[Reader]:
    made = Reader(workspace.settings.data_dir)
    yield made
    made.close()


@pytest.fixture(params=PERIODS, ids=lambda chosen: chosen[1])
def chosen(request: pytest.FixtureRequest) -> tuple[Period, str]:
    return request.param


@pytest.fixture(params=[2, 6, 12])
def folder(request: pytest.FixtureRequest, reader: Reader, chosen: tuple[Period, str], tmp_path: Path) -> Path:
    return export_finance(reader, tmp_path, chosen[0], label=chosen[1], decimals=request.param).folder


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_bytes())


def totals(folder: Path, name: str) -> dict[str, Decimal]:
    (entry,) = [file for file in manifest(folder)["files"] if file["name"].startswith(name)]
    return {column: Decimal(total) for column, total in entry["column_totals"].items()}


def ask(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """The files as tables of another tool, every summed column a decimal."""
    with duckdb.connect() as database:
        for entry in manifest(folder)["files"]:
            types = ", ".join(f"'{name}': 'decimal(38,12)'" for name in entry["column_totals"])
            path, name = folder / entry["name"], entry["name"].partition("_")[0]
            options = f", types = {{{types}}}" if types else ", all_varchar = true"
            stem = "task" if "successful" in entry["name"] else name
            database.execute(f"create view {stem} as select * from read_csv('{path}', parallel = false{options})")
        return database.execute(sql).fetchall()


def nearest(pico: Any, folder: Path) -> Decimal:
    unit = Decimal(1).scaleb(-manifest(folder)["amount_decimals"])
    return Decimal(int(pico)).scaleb(-12).quantize(unit, ROUND_HALF_EVEN)


def test_the_totals_are_those_of_the_marts_rounded_once(
    workspace: Workspace, folder: Path, chosen: tuple[Period, str]
) -> None:
    days = f"usage_date >= date '{chosen[0].start}' and usage_date < date '{chosen[0].end}'"
    ((revenue, cogs, cost, requests),) = workspace.rows(
        f"""select sum(revenue_pico), sum(inference_cogs_pico + other_cogs_pico),
            sum(inference_cost_pico + other_cost_pico), sum(requests) from fct_tenant_day where {days}"""
    )
    ((pools,),) = workspace.rows(f"select sum(pool_cost_pico) from fct_shared_cost_day where {days}")
    assert pools > 0
    margins, costs = totals(folder, "tenant_margin"), totals(folder, "cost_by_tenant")
    assert margins["revenue_usd"] == nearest(revenue, folder)
    assert margins["cogs_usd"] == nearest(cogs + pools, folder)
    assert costs["cost_usd"] == nearest(cost + pools, folder)
    assert margins["gross_profit_usd"] == margins["revenue_usd"] - margins["cogs_usd"]
    assert margins["outside_cogs_usd"] == costs["cost_usd"] - margins["cogs_usd"]
    assert margins["requests"] == costs["requests"] == requests


def test_another_tool_sums_the_files_to_the_totals_of_the_manifest(folder: Path) -> None:
    for stem, name in (("tenant", "tenant_margin"), ("cost", "cost_by_tenant"), ("task", "cost_per_successful")):
        said = totals(folder, name)
        (found,) = ask(folder, f"select {', '.join(f'sum({column})' for column in said)} from {stem}")
        assert dict(zip(said, found, strict=True)) == said


def test_each_tenant_s_cost_of_goods_is_the_sum_of_its_rows_in_the_costs(folder: Path) -> None:
    assert len(ask(folder, "select * from tenant")) > 5
    assert not ask(
        folder,
        """with spent as (
            select tenant_id, sum(case when is_cost_of_goods then cost_usd else 0 end) as cogs, sum(cost_usd) as cost,
                sum(unpriced_requests) as unpriced
            from cost group by tenant_id
        )
        select tenant_id from tenant full join spent using (tenant_id)
        where coalesce(cogs_usd, 0) <> coalesce(cogs, 0)
            or coalesce(cogs_usd + outside_cogs_usd, 0) <> coalesce(cost, 0)
            or coalesce(unpriced_requests, 0) <> coalesce(unpriced, 0)""",
    )


def test_each_row_s_parts_add_up_to_its_cost_of_goods_and_its_profit(folder: Path) -> None:
    assert not ask(
        folder,
        """select tenant_id from tenant
        where cogs_usd <> inference_cogs_usd + other_cogs_usd or gross_profit_usd <> revenue_usd - cogs_usd""",
    )


def test_the_tasks_are_those_of_the_task_table(workspace: Workspace, folder: Path, chosen: tuple[Period, str]) -> None:
    ((tasks, successes, cost),) = workspace.rows(
        f"""select count(*), count(*) filter (where outcome = 'success'), sum(llm_cost_pico + other_cost_pico) from fct_task
        where is_production and task_date >= date '{chosen[0].start}' and task_date < date '{chosen[0].end}'"""
    )
    said = totals(folder, "cost_per_successful")
    assert (said["tasks"], said["successes"], said["cost_usd"]) == (tasks, successes, nearest(cost, folder))
    assert not ask(
        folder,
        """select * from task where spend_without_success_usd <> case when successes = 0 then cost_usd else 0 end
            or (cost_per_successful_task_usd is null) <> (successes = 0)""",
    )


def test_the_weekly_file_is_the_mart_for_the_weeks_that_end_in_the_period(
    workspace: Workspace, folder: Path, chosen: tuple[Period, str]
) -> None:
    expected = workspace.rows(
        f"""select week_start::varchar, metric_id, this_week::varchar, last_week::varchar, bound, lower_bound::varchar
        from mart_weekly_unit_economics
        where week_end >= date '{chosen[0].start}' and week_end < date '{chosen[0].end}' order by week_start, sort_order"""
    )
    assert expected
    found = ask(folder, "select week_start, metric_id, this_week, last_week, bound, lower_bound from unit")
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_ids_and_names_that_are_trouble_arrive_as_text(folder: Path) -> None:
    (path,) = folder.glob("tenant_margin_*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        names = {row["tenant_id"]: row["tenant_name"] for row in csv.DictReader(file, strict=True)}
    assert names["'=cmd()"] == "'=cmd|'/c calc'!A1"
    assert names["'-Acme"] == '\'+Acme, "the best"; Inc.'
    assert names["ünï·corp"] == "Two\nlines\r\n🦊"


def test_a_full_rebuild_gives_the_same_bytes_under_another_version(
    workspace: Workspace, reader: Reader, tmp_path: Path
) -> None:
    before = reader.version().n
    period, label = PERIODS[0]
    first = export_finance(reader, tmp_path / "first", period, label=label).folder
    workspace.build(full=True)
    assert reader.version().n > before
    second = export_finance(reader, tmp_path / "second", period, label=label).folder
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {
        path.name: path.read_bytes() for path in second.iterdir()
    }


def test_the_command_writes_prints_and_says_what_is_incomplete(workspace: Workspace) -> None:
    done = margincall(workspace.root, "export", "finance", "--period", "2026-11")
    assert done.returncode == 0, done.stderr
    folder = workspace.settings.data_dir / "exports" / "finance" / "2026-11"
    assert "Wrote var/exports/finance/2026-11" in done.stdout
    assert "the period on 2026-11-30" in done.stderr
    assert manifest(folder)["period"]["is_complete"] is False
    for name in ("tenant_margin", "cost_by_tenant", "cost_per_successful"):
        for column, total in totals(folder, name).items():
            assert not column.endswith("_usd") or f"{total:,}" in done.stdout


def test_a_week_by_any_of_its_days_elsewhere_as_json_with_two_decimals(workspace: Workspace, tmp_path: Path) -> None:
    words = ("export", "finance", "--week", "2026-11-05", "--out", str(tmp_path), "--decimals", "2", "--json")
    told = data(margincall(workspace.root, *words))
    assert told["folder"] == str(tmp_path / "week-2026-11-02")
    assert (told["label"], told["period"]["end_exclusive"], told["amount_decimals"]) == (
        "week-2026-11-02",
        "2026-11-09",
        2,
    )
    assert {"folder": told["folder"], **manifest(tmp_path / "week-2026-11-02")} == told


def test_without_a_period_the_last_complete_month_is_written(workspace: Workspace) -> None:
    assert data(margincall(workspace.root, "export", "finance", "--json"))["label"] == "2026-10"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--period", "2026-13"),
            "'2026-13' is no month; months are written 2026-10. Months in the data: 2026-07, ",
        ),
        (("--period", "2026-11-01"), "is no month"),
        (("--period", "2024-01"), "No requests in 2024-01. Months in the data: 2026-07, 2026-08"),
        (("--week", "2024-01-01"), "No week with 2024-01-01 in the data."),
        (("--week", "2026-46"), "--week"),
        (("--period", "2026-11", "--week", "2026-11-09"), "one of them, not both"),
        (("--decimals", "13"), "--decimals"),
    ],
)
def test_a_period_that_cannot_be_written_is_a_mistake_of_use(
    workspace: Workspace, words: tuple[str, ...], message: str
) -> None:
    done = margincall(workspace.root, "export", "finance", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in " ".join(done.stderr.split())


def test_a_folder_of_someone_s_own_is_not_replaced(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "2026-11").mkdir()
    (tmp_path / "2026-11" / "mine.xlsx").write_bytes(b"mine")
    done = margincall(workspace.root, "export", "finance", "--period", "2026-11", "--out", str(tmp_path))
    assert (done.returncode, "no such export" in " ".join(done.stderr.split())) == (1, True)
    assert [path.name for path in (tmp_path / "2026-11").iterdir()] == ["mine.xlsx"]
