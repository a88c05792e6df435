"""The pages Tasks, Cache and Models over a company worked out by hand, and that they agree with the weekly view."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from dashboards import downloads, source
from tests.browser.pages import html, page, query, rows, words
from tests.integration.economics_company import HAIKU, NAME, SONNET, built_company
from tests.workspace import Workspace
from warehouse.reader import Reader
from warehouse.rows import Period
from warehouse.task_rows import Task, TaskGroup

MONDAY = date(2026, 11, 9)
WEEK = Period.week(MONDAY)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = built_company(tmp_path_factory.mktemp("economics"))
    yield workspace
    workspace.control.close()


@pytest.fixture
def reader(company: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """The company is what the pages are configured for."""
    monkeypatch.setenv(source.CONFIG_VARIABLE, str(company.root / "margincall.toml"))
    made = Reader(company.settings.data_dir)
    yield made
    made.close()


def test_all_tasks_together_are_those_of_the_weekly_view(reader: Reader) -> None:
    whole = reader.task_groups(WEEK)[0]
    week = {row.metric_id: row for row in reader.weekly(MONDAY).metrics}
    metric = week["cost_per_successful_task"]
    # 0.029 + 0.0045 + 0.00303 + 0.0015 over three successes; if both unknown ones succeed, over five
    assert (whole.cost_usd, whole.cost_per_success_usd) == (Decimal("0.03803"), Decimal("0.012676666667"))
    assert (metric.this_week, metric.lower_bound, metric.upper_bound, metric.bound) == (
        whole.cost_per_success_usd, whole.lower_bound_usd, None, "at_least",
    )  # fmt: skip
    assert whole.lower_bound_usd == Decimal("0.007606")
    for metric_id, value in (
        ("success_rate", whole.success_rate), ("outcome_completeness", whole.completeness),
        ("tokens_per_success", whole.tokens_per_success), ("failed_task_spend", whole.failed_cost_usd),
    ):  # fmt: skip
        assert week[metric_id].this_week == value, metric_id
    assert (whole.success_rate, whole.failed_cost_usd) == (Decimal("0.75"), Decimal("0.0045"))
    assert whole.p95_duration_ms is None, "of six tasks the slowest is no percentile"


def test_the_tasks_page_says_what_a_success_costs_by_feature(reader: Reader) -> None:
    del reader
    at = page("tasks", week="2026-11-09")
    seen = words(at)
    for figure in (
        "≥ $0.01268", "at least $0.007606 once all is known", "75.0%", "66.7% of tasks have a known outcome",
        "3 succeeded, 1 failed",
        "2 without an outcome yet", "≥ $0.004500", "87.5% of 8 requests have a full price",
    ):  # fmt: skip
        assert figure in seen, figure
    assert rows(at, "Tasks by feature") == [
        # 0.03653 over two; four requests of 1,100 tokens over two, three over one. No review; the success of search is a hit of
        # the cache, so that the others' 0.03803 is over two
        ["reply", "3", "2 · 66.7%1 failed, 0 unknown", "$0.03653", "$0.01826", "$0.01826", "$0.01826", "2,200", "–"],
        ["search", "3", "1 · 100.0%0 failed, 2 unknown", "≥ $0.001501 not fully priced",
         "≥ $0.001500from $0.0005000", "≥ $0.001500", "–", "3,300", "–"],
        ["All features", "6", "3 · 75.0%1 failed, 2 unknown", "≥ $0.038031 not fully priced",
         "≥ $0.01268from $0.007606", "≥ $0.01268", "≥ $0.01902", "2,567", "–"],
    ]  # fmt: skip


def test_drivers_and_kinds_of_waste_are_in_dollars_and_said_to_overlap(reader: Reader) -> None:
    del reader
    at = page("tasks", week="2026-11-09", feature="reply")
    drivers = {row[0]: row[1:4] for row in rows(at, "Drivers")}
    # of 0.03653: the tool, the replaced attempt, three misses (the failed call looked up nothing that counts)
    assert drivers["Tools, retrieval, reviews"] == ["1", "$0.02000", "54.7%"]
    assert drivers["Retries"] == ["1", "$0.004500", "12.3%"]
    assert "drivers overlap" in words(at)
    assert "kinds overlap" in words(at)
    kinds = {row[0]: row[1:] for row in rows(at, "Spend to act on")}
    assert kinds["Failed tasks"] == ["1 task", "$0.004500"]
    assert kinds["Retries"] == ["1 task", "$0.004500"]
    whole = {row[0]: row[1:] for row in rows(page("tasks", week="2026-11-09"), "Spend to act on")}
    assert whole["Failed tasks"] == ["1 task", "≥ $0.004500"], "one request of the week has no price"


def test_a_kind_of_waste_opens_to_whose_it_is(reader: Reader) -> None:
    del reader
    at = page("tasks", week="2026-11-09", waste="failed_tasks")
    assert rows(at, "Whose it is") == [["acme", "reply", "$0.004500"], ["Total", "", "≥ $0.004500"]]
    assert query(at)["waste"] == "failed_tasks"
    assert "not known here" in words(page("tasks", week="2026-11-09", waste="<b>"))


def test_success_by_context_has_its_interval(reader: Reader) -> None:
    del reader
    at = page("tasks", week="2026-11-09")
    # Three of four: (0.75 + 0.480182) / 1.960365 -/+ 0.326886
    assert rows(at, "Success by context length") == [["1k – 2k", "6", "75.0%", "30.1% – 95.4%", "$0.01268"]]


def test_the_dearest_task_opens_to_its_requests_with_their_log_lines(company: Workspace, reader: Reader) -> None:
    del reader
    at = page("tasks", week="2026-11-09")
    found = [[row[0], *row[2:]] for row in rows(at, "Dearest tasks")]
    assert found[:2] == [
        [NAME, "reply", "success", "2", "$0.02900"],
        ["failed", "reply", "failure", "1", "$0.004500"],
    ]
    assert [row[0::4] for row in found[-2:]] == [["dark", "≥ $0.00"], ["hit", "$0.00"]]
    opened = page("tasks", week="2026-11-09", task=NAME)
    listed = rows(opened, "Requests of the task")
    keys = [key for (key,) in company.rows("select record_key from fct_llm_request_priced where task_id like '%retried%' "
                                           "order by started_at")]  # fmt: skip
    assert listed == [
        [f"10:0{line}:0010 Nov 2026", f"{SONNET}anthropic", "$0.004500", status, "1,000", "100",
         f"requests.jsonl:{line}record {keys[line - 1]}"]
        for line, status in ((1, "errorreplaced"), (2, "ok"))
    ]  # fmt: skip
    seen = words(opened)
    assert "models $0.009000, other $0.02000" in seen
    assert f"Task {NAME}" in seen
    assert "<b>retried" not in html(opened)
    dark = rows(page("tasks", week="2026-11-09", task="dark"), "Requests of the task")
    assert dark[0][2] == "–no price: unknown model"


def test_what_the_url_gets_wrong_is_told(reader: Reader) -> None:
    del reader
    assert "There is no task “'; drop”" in words(page("tasks", task="'; drop"))
    assert "not known here" in words(page("cache", feature="moon"))
    assert "was not called in this week" in words(page("models", model="moon|moon"))


def test_the_gateways_cache_by_hits_and_by_cost(reader: Reader) -> None:
    week = {row.metric_id: row for row in reader.weekly(MONDAY).metrics}
    at = page("cache", week="2026-11-09")
    table = {row[0]: row[1:] for row in rows(at, "Gateway cache")}
    # The failed attempt is no lookup. Search: 0.0015 avoided, 0.0015 paid and one miss without a price.
    assert table["reply"][:6] == ["3", "0.0%", "0.0%", "$0.00", "$0.01203", "–"]
    assert table["search"] == [
        "3",
        "33.3%",
        "≤ 50.0%",
        "$0.001500",
        "≥ $0.001500",
        "100.0%",
        "5 ms, 2.0 sp95 5 ms, 2.0 s",
    ]
    # 0.0015 over 0.01503; one of six
    assert table["All features"] == ["6", "16.7%", "≤ 10.0%", "$0.001500", "≥ $0.01353", "100.0%", "–"]
    assert week["gateway_cache_hit_rate"].this_week == Decimal("0.166666666667")
    assert "✗ not met" in words(at)


def test_a_prompt_cache_is_held_against_its_break_even(reader: Reader) -> None:
    del reader
    at = page("cache", week="2026-11-09", feature="reply")
    # 600 of 4,000; 800 x 3 - 600 x 0.3 - 200 x 3.75 = 1,470 millionths; 600 / 200; 0.75 / 2.7
    assert rows(at, "Prompt cache") == [["reply", f"{SONNET}anthropic", "15.0%", "$0.001470", "3.00", "0.28", "✓ pays"]]
    assert "of 4,000 input tokens" in words(at)


def test_models_their_tiers_and_who_uses_them(reader: Reader) -> None:
    at = page("models", week="2026-11-09")
    table = {row[0]: row[1:] for row in rows(at, "Models")}
    # 3 x 0.0045 + 0.00303; two calls of haiku that cost, one of them in CI, and the hit that does not
    assert table[f"{SONNET}anthropic, mid"] == ["4", "4,000", "400", "$0.01653", "84.6%", "–"]
    assert table[f"{HAIKU}anthropic, small"] == ["3", "3,000", "300", "$0.00300", "15.4%", "–"]
    assert table["acme-rerank-expanthropic, unknown"] == ["1", "1,000", "100", "≥ $0.00000", "0.0%", "1"]
    assert sum(line.cost_usd for line in reader.costs(WEEK, ("model", "is_model_call")) if line.key[1]) == Decimal(
        "0.01953"
    )
    # Production, served: three of sonnet and one of haiku, one of unknown tier
    tiers = {row[0]: row[1] for row in rows(at, "Tiers")}
    assert tiers == {"small": "120.0%", "mid": "360.0%", "unknown": "120.0%"}
    opened = page("models", week="2026-11-09", model=f"anthropic|{SONNET}")
    assert rows(opened, "Tenants of the model") == [["acme", "4", "$0.01653"]]
    assert rows(opened, "Features of the model") == [["reply", "4", "$0.01653"]]


def test_routing_says_that_no_decision_is_logged_and_prices_are_those_paid(reader: Reader) -> None:
    del reader
    at = page("models", week="2026-11-09")
    assert rows(at, "Routing")[-1] == ["All features", "6", "–", "–", "–", "0.0%0 tasks"]
    assert "No routing decision is logged" in words(at)
    price = next(row for row in rows(at, "Prices in force") if row[0].startswith(SONNET) and row[1] == "always")
    assert price[2:6] == ["$3.00", "$0.30", "$3.751 h $6.00", "$15.00"]


def test_downloads_hold_the_readers_rows_unrounded(reader: Reader) -> None:
    groups = reader.task_groups(WEEK)
    found = list(csv.DictReader(io.StringIO(downloads.rows_csv("tasks", TaskGroup, groups[1:], ("feature",)).decode())))
    assert [(row["feature"], Decimal(row["cost_usd"])) for row in found] == [
        ("reply", Decimal("0.03653")),
        ("search", Decimal("0.0015")),
    ]
    tasks = reader.dearest_tasks(WEEK, 1)
    (row,) = csv.DictReader(io.StringIO(downloads.rows_csv("dearest", Task, tasks, more=("cost_usd",)).decode()))
    assert (row["started_at"], row["cost_usd"]) == ("2026-11-10T10:01:00Z", "0.029000000000")


@pytest.mark.parametrize("view", ["tasks", "cache", "models"])
def test_a_feature_without_anything_is_told_and_not_an_error(reader: Reader, view: str) -> None:
    del reader
    asked: dict[str, Any] = {"week": "2026-11-09", "feature": "search"}
    at = page(view, **asked)
    assert query(at)["feature"] == "search"
    assert "reply" not in {row[0] for label in ("Tasks by feature", "Gateway cache", "Routing")
                           for row in (rows(at, label) if label in html(at) else [])}  # fmt: skip
