"""The jobs of the Dagster code location, run in this process: what they build, what they tell, what a failure does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from pipelines.building.lock import build_lock
from pipelines.definitions import code_location
from pipelines.settings import Alerts, Settings
from tests.integration.dagster_company import write_company
from tests.readme import ROOT
from warehouse import control as db
from warehouse import publish
from warehouse.control import Control
from warehouse.feed_schemas import FEEDS
from warehouse.reader import Reader

pytestmark = [
    # dagster-dbt asks sqlglot for a parser that has been renamed; goes when it asks for the new one.
    pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated"),
    # An instance for one run leaves its folder to the garbage collector.
    pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning"),
]

DATASETS = {"llm_request", "trace", *(f"feed_{name}" for name in FEEDS)}
MODELS = {
    path.stem for layer in ("staging", "intermediate", "marts") for path in (ROOT / "models_sql" / layer).glob("*.sql")
}


@dataclass(frozen=True)
class Told:
    """What a run told: metadata of materialised assets, and evaluated checks by (asset, check)."""

    result: dg.ExecuteInProcessResult

    @property
    def assets(self) -> dict[str, dict[str, Any]]:
        events = self.result.get_asset_materialization_events()
        return {
            event.asset_key.to_user_string(): {
                name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()
            }
            for event in events
        }

    @property
    def checks(self) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
        evaluations = self.result.get_asset_check_evaluations()
        return {(one.asset_key.to_user_string(), one.check_name): one for one in evaluations}

    @property
    def steps(self) -> list[str]:
        """What became of every try of a step."""
        ends = ("STEP_SUCCESS", "STEP_FAILURE", "STEP_UP_FOR_RETRY")
        told = [event for event in self.result.all_events if event.event_type_value in ends]
        return [f"{event.step_key} {event.event_type_value}" for event in told]

    @property
    def failure(self) -> str:
        return self.result.failure_data_for_node("build").error.to_string()


def run(settings: Settings, job: str, **config: Any) -> Told:
    location = code_location(settings).resolve_job_def(job)
    given = {"ops": {"build": {"config": config}}} if config else None
    with dg.DagsterInstance.ephemeral() as instance:
        return Told(location.execute_in_process(instance=instance, run_config=given, raise_on_error=False))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Told]:
    """The company after its first hourly run."""
    settings = write_company(tmp_path_factory.mktemp("company"))
    return settings, run(settings, "hourly_run")


@pytest.fixture
def copied(company: tuple[Settings, Told], tmp_path: Path) -> Iterator[Settings]:
    """The company's data folder to do with what one likes, with the names of its files as they were."""
    settings = company[0]
    yield settings.at(Path(shutil.copytree(settings.data_dir, tmp_path / "var")))


def test_the_first_run_materialises_every_dataset_and_every_model_and_evaluates_every_dbt_test(
    company: tuple[Settings, Told],
) -> None:
    settings, told = company
    assert told.result.success
    assert set(told.assets) == DATASETS | MODELS | {"price_book", "published_marts", "alerts"}
    done = json.loads((settings.data_dir / "build/dbt/target-duckdb/run_results.json").read_text())["results"]
    tests = {result["unique_id"].split(".")[2] for result in done if result["unique_id"].startswith("test.")}
    evaluated = {check: one for (asset, check), one in told.checks.items() if asset in MODELS}
    assert set(evaluated) == tests
    assert all(one.passed for one in evaluated.values())


def test_the_published_version_tells_rows_dollars_and_coverage_as_added_up_by_hand(
    company: tuple[Settings, Told],
) -> None:
    settings, told = company
    published = told.assets["published_marts"]
    assert {name: published[name] for name in ("build", "version", "requests", "week")} == {
        "build": "full", "version": 1, "requests": 5, "week": "2026-11-09 to 2026-11-15",
    }  # fmt: skip
    assert published["revenue"] == "$70.00"
    assert published["total_inference_cost"] == "≥ $0.009000"
    assert published["gross_profit"] == "≤ $69.99"
    assert published["priced_coverage"] == "66.7%"
    assert told.checks["published_marts", "served_version_is_the_newest"].passed
    coverage = told.checks["published_marts", "requests_have_a_price"]
    assert (coverage.passed, coverage.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert coverage.metadata["coverage"].value == "0.666666666667"
    assert told.assets["fct_llm_request_priced"]["dagster/row_count"] == 5
    reader = Reader(settings.data_dir)
    (book,) = reader.query("select distinct price_book_id from mart_data_state").rows[0]
    reader.close()
    assert told.assets["price_book"]["price_book"] == book


def test_ingest_tells_what_became_of_every_row_and_of_every_file(company: tuple[Settings, Told]) -> None:
    _, told = company
    requests = told.assets["llm_request"]
    counts = {name: requests[name] for name in ("files", "new_files", "rows_in", "landed", "duplicate", "quarantined")}
    assert counts == {"files": 2, "new_files": 1, "rows_in": 6, "landed": 5, "duplicate": 0, "quarantined": 1}
    assert told.assets["feed_revenue_lines"]["landed"] == 1
    assert told.assets["feed_tenants"]["files"] == 0
    assert all(told.checks[name, "rows_in_are_accounted_for"].passed for name in DATASETS)
    quarantine = told.checks["llm_request", "nothing_in_quarantine"]
    assert (quarantine.passed, quarantine.severity) == (False, dg.AssetCheckSeverity.WARN)
    landed = {name: told.checks[name, "every_file_landed"] for name in DATASETS}
    assert [name for name, one in landed.items() if not one.passed] == ["llm_request"]
    assert landed["llm_request"].severity == dg.AssetCheckSeverity.WARN
    assert "weather.jsonl" in landed["llm_request"].metadata["files"].value


def test_a_run_without_news_succeeds_and_leaves_models_and_published_version_as_they_were(copied: Settings) -> None:
    told = run(copied, "hourly_run")
    assert told.result.success
    assert set(told.assets) == DATASETS | {"price_book", "published_marts", "alerts"}
    assert told.assets["published_marts"]["build"] == "nothing"
    assert told.assets["published_marts"]["version"] == 1
    assert told.assets["llm_request"]["new_files"] == 0
    unique = told.checks["fct_task", "unique_fct_task_task_id"]
    assert (unique.passed, unique.metadata["passed_for_version"].value) == (True, 1)


def test_alerts_follow_the_build_and_what_has_been_told_is_not_told_again(
    company: tuple[Settings, Told], copied: Settings
) -> None:
    """No request was answered by the cache: a hit rate of 0% against 30%. Margin and cost are bounds on the good side."""
    assert (company[1].assets["alerts"]["fired"], company[1].assets["alerts"]["holding"]) == (1, 1)
    assert company[1].assets["alerts"]["new"].startswith("- Cache hit rate in the week of 2026-11-09: 0.0%")
    assert company[1].checks["alerts", "alerts_are_delivered"].passed
    again = run(copied, "check_alerts")
    assert (again.assets["alerts"]["fired"], again.assets["alerts"]["holding"]) == (0, 1)
    assert again.steps == ["alerts STEP_SUCCESS"]


def test_alerts_that_could_not_be_delivered_are_a_warning_and_not_a_failed_run(copied: Settings) -> None:
    file = copied.data_dir / "alerts.jsonl"
    file.mkdir()
    told = run(copied.model_copy(update={"alerts": Alerts(file=file)}), "check_alerts")
    delivered = told.checks["alerts", "alerts_are_delivered"]
    assert told.result.success
    assert (delivered.passed, delivered.severity) == (True, dg.AssetCheckSeverity.WARN), "nothing was due"
    control = Control(copied.control_url)
    with control.write() as connection:
        connection.execute(sa.delete(db.alert))
    control.close()
    told = run(copied.model_copy(update={"alerts": Alerts(file=file)}), "check_alerts")
    delivered = told.checks["alerts", "alerts_are_delivered"]
    assert told.result.success
    assert (delivered.passed, delivered.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "Is a directory" in delivered.metadata["file"].value


def test_one_model_alone_may_be_asked_for_and_what_else_was_built_is_told_too(copied: Settings) -> None:
    job = code_location(copied).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        told = Told(job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("fct_task")]))
    assert told.steps == ["build STEP_SUCCESS"]
    assert set(told.assets) == {"price_book", "published_marts"}


def test_monday_shows_the_week_and_exports_it_and_the_month_that_is_over(copied: Settings) -> None:
    told = run(copied, "monday_report")
    assert told.result.success
    assert told.assets["weekly_report"]["week"] == "2026-11-09 to 2026-11-15"
    assert "| Revenue | $70.00 |" in told.assets["weekly_report"]["view"]
    control = Control(copied.control_url)
    shown = control.rows(sa.select(db.shown_figure.c.value).where(db.shown_figure.c.metric_id == "revenue"))
    control.close()
    assert [row.value for row in shown] == ["70.000000000000"]
    exports = copied.data_dir / "exports" / "finance"
    assert {path.name for path in exports.iterdir()} == {"week-2026-11-09", "2026-10"}
    assert (
        "| week-2026-11-09 | tenant_margin_weekly.csv | revenue_usd | 70.000000 |"
        in told.assets["finance_exports"]["totals"]
    )


def test_a_month_that_was_exported_stays_as_it_is(copied: Settings) -> None:
    month = copied.data_dir / "exports" / "finance" / "2026-10"
    month.mkdir(parents=True)
    (month / "booked.csv").write_text("kept")
    told = run(copied, "monday_report")
    assert told.assets["finance_exports"]["folders"].count("\n") == 0
    assert [path.name for path in month.iterdir()] == ["booked.csv"]


def test_a_build_that_finds_the_lock_held_asks_for_a_retry(copied: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.assets.failures.FIRST_WAIT_S", 0)
    with build_lock(copied.data_dir.resolve()):
        told = run(copied, "hourly_run", days=["2026-11-15"])
    retries = ["build STEP_UP_FOR_RETRY"] * 3
    assert told.steps == ["ingest STEP_SUCCESS", *retries, "build STEP_FAILURE"]
    assert "A build by pid" in told.failure


def test_a_failing_data_test_is_a_failed_check_and_publishes_nothing(copied: Settings) -> None:
    """The ledger is told of a row that the lake does not hold, and its day is asked to be built again."""
    control = Control(copied.control_url)
    with control.write() as connection:
        requests = db.lake_file.c.dataset == "llm_request", db.lake_file.c.day == "2026-11-15"
        connection.execute(sa.update(db.lake_file).where(*requests).values(rows=db.lake_file.c.rows + 1))
    told = run(copied, "hourly_run", days=["2026-11-15"])
    builds = control.rows(sa.select(db.build.c.kind, db.build.c.state, db.build.c.days).order_by(db.build.c.build_id))
    control.close()
    assert [tuple(row) for row in builds] == [("full", "published", 4), ("incremental", "failed", 1)]
    assert told.steps == ["ingest STEP_SUCCESS", "build STEP_FAILURE"]
    failed = {
        name for name, one in told.checks.items() if not one.passed and one.severity == dg.AssetCheckSeverity.ERROR
    }
    assert failed == {
        ("llm_request", "rows_in_are_accounted_for"),
        ("fct_llm_request_priced", "landed_rows_are_current_superseded_or_erased"),
    }
    assert "fct_llm_request_priced" in told.assets
    assert "published_marts" not in told.assets
    assert "landed_rows_are_current_superseded_or_erased" in told.failure
    pointer = publish.current(copied.data_dir)
    assert pointer is not None
    assert pointer.n == 1
