"""Cost per successful task through landing, models and the weekly view, against the hand-worked example of ten tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.settings import Pricing
from tests.sql import example_c
from tests.sql.example_c import NOVEMBER_2, NOVEMBER_9
from tests.workspace import Workspace
from warehouse.reader import Period, Reader
from warehouse.task_rows import TaskGroup

Metrics = dict[str, dict[str, Any]]
PRICING = Pricing(gateway_lookup_usd=Decimal(example_c.LOOKUP_USD))


@dataclass(frozen=True)
class Known:
    """Everything the tests read from the builds: on Monday, and again with Wednesday's late outcome."""

    monday: Metrics
    wednesday: Metrics
    next_week: Metrics
    task_costs: dict[str, Decimal]
    by_calendar: dict[str, Decimal]
    group: TaskGroup


def week_of(workspace: Workspace, week: str = "2026-11-09") -> Metrics:
    metrics = [name for (name,) in workspace.rows("select distinct metric_id from mart_weekly_unit_economics")]
    return {metric: workspace.weekly(metric, week) for metric in metrics}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    workspace = Workspace(tmp_path_factory.mktemp("example-c"), pricing=PRICING)
    example_c.land(workspace, NOVEMBER_9)
    workspace.build()
    monday = week_of(workspace)
    with closing(Reader(workspace.settings.data_dir)) as reader:
        group = reader.task_groups(Period.week(date(2026, 11, 9)))[0]
    workspace.land_feed("task_outcomes", [example_c.late_outcome(NOVEMBER_9)], "-late")
    workspace.build()
    yield Known(
        monday,
        week_of(workspace),
        week_of(workspace, "2026-11-16"),
        {task.removeprefix("1109-"): cost for task, cost in workspace.rows("select task_id, cost_usd from fct_task")},
        dict(
            workspace.rows(
                "select date_trunc('week', usage_date)::date::varchar, sum(cost_usd) from fct_tenant_day group by all"
            )
        ),
        group,
    )
    workspace.control.close()


@pytest.fixture(scope="module")
def two_weeks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Metrics]]:
    """The same ten tasks a week earlier, matured, and the newest week without the unpriced call."""
    workspace = Workspace(tmp_path_factory.mktemp("two-weeks"), pricing=PRICING)
    example_c.land(workspace, NOVEMBER_2)
    workspace.land_feed("task_outcomes", [example_c.late_outcome(NOVEMBER_2)], "-late")
    example_c.land(workspace, NOVEMBER_9, with_unpriced=False)
    workspace.build()
    yield {week: week_of(workspace, week) for week in ("2026-11-02", "2026-11-09")}
    workspace.control.close()


def test_each_task_carries_the_cost_of_all_its_attempts(known: Known) -> None:
    expected = {
        **{"t1": "0.0016", "t2": "0.018", "t3": "0.0032", "t4": "0.7815", "t5": "0.0045"},
        **{"t6": "0.0044", "t7": "0.00001", "t8": "0.0066", "t9": "0.005", "t10": "0.0045"},
    }
    assert known.task_costs == {task: Decimal(cost) for task, cost in expected.items()}
    assert sum(known.task_costs.values()) == Decimal("0.829310")


def test_on_monday_six_of_ten_succeeded_and_the_headline_is_all_cost_over_them(known: Known) -> None:
    assert known.monday["cost_per_successful_task"]["this_week"] == Decimal("0.138218333333")
    assert known.monday["success_rate"]["this_week"] == Decimal("0.75")
    assert known.monday["outcome_completeness"]["this_week"] == Decimal("0.8")


def test_a_late_success_restates_the_headline_and_leaves_the_lower_bound(known: Known) -> None:
    assert known.wednesday["cost_per_successful_task"]["this_week"] == Decimal("0.118472857143")
    assert known.wednesday["outcome_completeness"]["this_week"] == Decimal("0.9")
    assert known.wednesday["success_rate"]["this_week"] == Decimal("0.777777777778")
    for view in (known.monday, known.wednesday):
        assert view["cost_per_successful_task"]["lower_bound"] == Decimal("0.103663750000")


def test_with_an_unpriced_part_the_figure_is_at_least_and_has_no_upper_bound(known: Known) -> None:
    row = known.monday["cost_per_successful_task"]
    assert (row["bound"], row["upper_bound"], row["missing"]) == ("at_least", None, None)
    assert known.monday["priced_coverage"]["this_week"] == Decimal("0.933333333333")  # 14 of 15


def test_a_success_without_its_review_and_without_what_the_cache_answered(known: Known) -> None:
    """The review is 0.75 of 0.829310 and six succeeded; t7 leaves with its 0.00001 and its success."""
    assert known.group.cost_per_success_usd == Decimal("0.138218333333")
    assert known.group.unreviewed_cost_per_success_usd == Decimal("0.013218333333")
    assert known.group.uncached_cost_per_success_usd == Decimal("0.165860000000")


def test_retry_waste_is_three_figures_and_not_their_union(known: Known) -> None:
    names = ("retry_waste", "failed_task_spend", "retry_waste_of_failed_tasks")
    expected = [Decimal("0.015500"), Decimal("0.009800"), Decimal("0.006000")]
    assert [known.monday[name]["this_week"] for name in names] == expected


def test_a_task_that_runs_past_the_week_costs_its_cohort_what_the_calendar_shows_later(known: Known) -> None:
    assert known.by_calendar == {"2026-11-09": Decimal("0.826310"), "2026-11-16": Decimal("0.003000")}
    assert sum(known.by_calendar.values()) == sum(known.task_costs.values())
    assert known.wednesday["total_inference_cost"]["this_week"] == Decimal(
        "0.064310"
    )  # without 0.762 of tools and review
    assert known.next_week["total_inference_cost"]["this_week"] == Decimal("0.003000")
    assert known.next_week["cost_per_successful_task"]["this_week"] is None
    assert known.next_week["cost_per_successful_task"]["missing"] == "task ids in the logs"


def test_the_newest_week_compares_with_last_week_as_it_stood_at_the_same_age(two_weeks: dict[str, Metrics]) -> None:
    matured, newest = two_weeks["2026-11-02"], two_weeks["2026-11-09"]
    assert matured["cost_per_successful_task"]["this_week"] == Decimal("0.118472857143")
    assert newest["cost_per_successful_task"]["last_week"] == Decimal("0.138218333333")
    assert newest["cost_per_successful_task"]["this_week"] == Decimal("0.138218333333")
    assert newest["outcome_completeness"]["last_week"] == Decimal("0.8")


def test_where_every_part_has_a_price_the_headline_is_the_upper_bound(two_weeks: dict[str, Metrics]) -> None:
    row = two_weeks["2026-11-09"]["cost_per_successful_task"]
    expected = (Decimal("0.103663750000"), Decimal("0.138218333333"), None)
    assert (row["lower_bound"], row["upper_bound"], row["bound"]) == expected
