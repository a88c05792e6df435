"""What a successful task costs: by feature, what makes tasks dear, what was spent in vain, and the dearest ones to open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import streamlit as st

from dashboards import charts, downloads, markup, task_detail, task_tables, waste_table
from dashboards import format as text
from dashboards.address import write
from dashboards.markup import Card
from dashboards.page import Page, coverage_words
from pipelines.economics.figures import shown, shown_bound
from pipelines.settings import Targets
from warehouse.rows import CostLine, Period, TrendPoint, quotient
from warehouse.task_rows import ContextBin, PromptGrowth, Task, TaskGroup

TITLE, ICON, ORDER = "Tasks", ":material/task_alt:", 3

TRENDS = ("cost_per_successful_task", "success_rate", "failed_task_spend")
RATES = (
    "cost_per_success_usd", "unreviewed_cost_per_success_usd", "uncached_cost_per_success_usd", "lower_bound_usd",
    "upper_bound_usd", "success_rate", "completeness", "tokens_per_success",
)  # fmt: skip
DEAREST = 15


def show(page: Page) -> None:
    top = st.columns([2.2, 1.1, 1.1], vertical_alignment="bottom")
    with top[2]:
        week = page.choose_week()
    period = Period.week(week)
    costs = page.marts.costs(period, ("feature",))
    with top[1]:
        feature = page.choose_feature(costs)
    costs = [line for line in costs if feature in (None, line.key[0])]
    task = _asked(page)
    with top[0]:
        if task is not None:
            task_detail.header(page, task)
        else:
            words = f"Production tasks that began in the week{f', {text.known(feature)}' if feature else ''}"
            page.header(f"Tasks, {text.span(period)}", words, coverage_words(costs))
    if task is not None:
        task_detail.show(page, task)
    else:
        _everything(page, week, feature, costs)
    page.remarks()
    page.footer()


def _asked(page: Page) -> Task | None:
    """The task that the address names; where there is none of that id, that is told."""
    task_id = page.address.text("task")
    task = page.marts.task(task_id) if task_id else None
    if task_id and task is None:
        page.address.notes.append(f"There is no task “{task_id[:60]}”.")
    write("task", task.task_id if task else None)
    return task


def _everything(page: Page, week: date, feature: str | None, costs: Sequence[CostLine]) -> None:
    period = Period.week(week)
    groups = page.marts.task_groups(period)
    whole = next((group for group in groups if group.key == (() if feature is None else (feature,))), None)
    if whole is None:
        st.html(markup.note("info", "No production task of this kind began in the week: requests need a task_id."))
    else:
        st.html(markup.cards(_cards(whole, page.settings.targets if feature is None else None)))
        if feature is None:
            _trends(page)
        listed = [group for group in groups if group.key and feature in (None, *group.key)]
        task_tables.by_feature(listed, whole, week)
        _download("features", downloads.rows_csv("tasks", TaskGroup, listed, ("feature",), RATES), period)
    is_bound = any(line.unpriced_requests + line.partial_requests + line.unconverted_events for line in costs)
    is_bound = is_bound or bool(whole and whole.incomplete_tasks)
    with st.container(key="tables"):
        left, right = st.columns(2, gap="large")
        with left:
            task_tables.drivers(page.marts.task_drivers(week, feature), whole)
        with right:
            waste_table.show(page, "tasks", week, feature, waste_table.KINDS, is_bound=is_bound)
    _context(page.marts.context_bins(week, feature), feature)
    _growth(page.marts.prompt_growth(week, feature), feature, period)
    _dearest(page, page.marts.dearest_tasks(period, DEAREST, feature), week)


def _cards(whole: TaskGroup, targets: Targets | None) -> list[Card]:
    """`targets`: of the company; a single feature has none."""
    bound = "at_least" if whole.incomplete_tasks else None
    cost, rate = whole.cost_per_success_usd, whole.success_rate
    part = shown(quotient(whole.failed_cost_usd, whole.cost_usd), "ratio") if whole.cost_usd else ""
    most, least = (targets.cost_per_successful_task_max_usd, targets.success_rate_min) if targets else (None, None)
    failed, unknown = text.count(whole.failures), text.count(whole.unknowns)
    return [
        Card("Cost per successful task", shown_bound(cost, "usd", bound) or text.NONE,
             [task_tables.bounds_words(whole), _verdict(cost, most, "usd", is_most=True)],
             "Cost of all tasks, failed and retried attempts included, over the successful ones"),
        Card("Success rate of judged tasks", shown(rate, "ratio") or text.NONE,
             [f"{shown(whole.completeness, 'ratio')} of tasks have a known outcome",
              _verdict(rate, least, "ratio", is_most=False)]),
        Card("Tasks", text.count(whole.tasks),
             [f"{text.count(whole.successes)} succeeded, {failed} failed", f"{unknown} without an outcome yet"]),
        Card("Spend of failed tasks", shown_bound(whole.failed_cost_usd, "usd", bound),
             [f"{part} of all tasks' cost" if part else ""],
             "Failed, escalated or abandoned, as known now"),
    ]  # fmt: skip


def _verdict(value: Decimal | None, target: Decimal | None, unit: str, *, is_most: bool) -> markup.Text:
    if value is None or target is None:
        return ""
    is_met = value <= target if is_most else value >= target
    return markup.joined(markup.verdict(is_met), f"target {shown(target, unit)}", between="  ·  ")


def _trends(page: Page) -> None:
    found: dict[str, list[TrendPoint]] = {}
    for point in page.marts.trend():
        if point.metric_id in TRENDS and point.value is not None:
            found.setdefault(point.metric_id, []).append(point)
    drawn = {key: found[key] for key in TRENDS if len(found.get(key, [])) > 1}
    if not drawn:
        return
    with st.container(key="charts"):
        for column, (key, points) in zip(st.columns(len(drawn)), drawn.items(), strict=True):
            with column:
                st.html(markup.tag("div", points[0].label, css="mc-chart-title"))
                st.plotly_chart(charts.trend(points), config=charts.CONFIG, key=f"trend_{key}")


def _context(bins: Sequence[ContextBin], feature: str | None) -> None:
    hint = "95% Wilson intervals" + (
        "; features mixed, choose one to compare like with like" if feature is None else ""
    )
    st.html(markup.heading("Success by context length", hint))
    task_tables.context(bins)


def _growth(rows: Sequence[PromptGrowth], feature: str | None, period: Period) -> None:
    st.html(markup.heading("Prompt growth", "median input tokens against the earliest of the four weeks before"))
    task_tables.prompt_growth([row for row in rows if feature is not None or row.is_all_versions])
    if rows:
        _download("prompt-growth", downloads.rows_csv("prompt_growth", PromptGrowth, rows), period)


def _dearest(page: Page, tasks: Sequence[Task], week: date) -> None:
    st.html(markup.heading("The dearest tasks", "open one for its requests"))
    if not tasks:
        st.html(markup.paragraph("No production task began in this week."))
        return
    names = {row.tenant_id: row.name for row in page.marts.tenant_margins(Period.week(week)) if row.name}
    task_tables.dearest(tasks, names, week)
    _download("dearest", downloads.rows_csv("dearest_tasks", Task, tasks, more=("cost_usd",)), Period.week(week))


def _download(name: str, content: bytes, period: Period) -> None:
    st.download_button(
        "Download (CSV, exact)", content, f"margincall-tasks-{name}-{period.start}-to-{period.last}.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key=f"download_{name}",
    )  # fmt: skip
