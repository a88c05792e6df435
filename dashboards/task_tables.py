"""Tables of tasks: by feature, what drives their cost, success by context length, growth of prompts, the dearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import streamlit as st

from dashboards import charts, markup, share_charts
from dashboards import format as text
from dashboards.address import link_to
from dashboards.markup import Column, Row
from pipelines.economics.figures import shown, shown_bound
from pipelines.economics.wilson import wilson
from warehouse.rows import quotient
from warehouse.task_rows import ContextBin, PromptGrowth, Task, TaskDriver, TaskGroup

DRIVERS: dict[str, tuple[str, str]] = {
    "context_length": ("Long context", "Input above the feature's median task, at the task's own price of input"),
    "retries": ("Retries", "Attempts that a later attempt of the same call replaced"),
    "tool_fan_out": ("Many calls", "Calls beyond the feature's median number of calls, at the task's average call"),
    "large_models": ("Large models", "Calls of models of the large tier"),
    "cache_misses": ("Cache misses", "Calls that the gateway's cache was asked for and did not have"),
    "other_cost": ("Tools, retrieval, reviews", "Cost events of the tasks"),
}


def bounds_words(group: TaskGroup) -> str:
    """Between which values the cost per successful task ends once every outcome is known."""
    low, high = group.lower_bound_usd, group.upper_bound_usd
    if low is None or not group.unknowns:
        return ""
    if high is None:
        return f"at least {shown(low, 'usd')} once all is known"
    return f"{shown(low, 'usd')} to {shown(high, 'usd')} once all is known"


def by_feature(groups: Sequence[TaskGroup], whole: TaskGroup, week: date) -> None:
    """One row per feature, and all of them together."""
    st.html(markup.heading("By feature", "choose one for its drivers, context and tasks"))
    amounts = text.column([group.cost_usd for group in groups])
    rows = [
        Row([_feature(group.key[0], week), *_group_cells(group, amount)])
        for group, amount in zip(groups, amounts, strict=True)
    ]
    if len(groups) > 1:
        rows.append(Row(["All features", *_group_cells(whole, shown(whole.cost_usd, "usd"))], "mc-total"))
    columns = [
        Column("feature", css="mc-name"),
        Column("tasks", True),
        Column("succeeded", True, hint="Share of the tasks with a known outcome"),
        Column("cost", True),
        Column("per success", True, "mc-strong", "Cost of all tasks over the successful ones"),
        Column("without review", True, hint="Per success, without what people's reviews cost"),
        Column("without cached", True, hint="Per success, without tasks that the gateway's cache answered alone"),
        Column("tokens", True, hint="In and out of all attempts, per successful task"),
        Column("p95 time", True, hint="95 of 100 tasks took no longer; from 20 tasks on"),
    ]
    st.html(markup.table(columns, rows, label="Tasks by feature", css="mc-many"))


def _feature(name: str | None, week: date) -> markup.Text:
    return markup.link(text.known(name), link_to("tasks", week=week.isoformat(), feature=str(name)))


def _group_cells(group: TaskGroup, amount: str) -> list[markup.Text]:
    sign = "at_least" if group.incomplete_tasks else None
    lacking = f"{text.count(group.incomplete_tasks)} not fully priced" if group.incomplete_tasks else ""
    outcomes = f"{text.count(group.failures)} failed, {text.count(group.unknowns)} unknown"
    low, high = (shown(value, "usd") for value in (group.lower_bound_usd, group.upper_bound_usd))
    span = "" if not group.unknowns or not low else f"{low} – {high}" if high else f"from {low}"
    rate = shown(group.success_rate, "ratio")
    return [
        text.count(group.tasks),
        markup.stacked(f"{text.count(group.successes)}{f' · {rate}' if rate else ''}", outcomes),
        markup.stacked(f"≥ {amount}" if sign else amount, lacking),
        markup.stacked(shown_bound(group.cost_per_success_usd, "usd", sign) or text.NONE, span),
        shown_bound(group.unreviewed_cost_per_success_usd, "usd", sign) or text.NONE,
        shown_bound(group.uncached_cost_per_success_usd, "usd", sign) or text.NONE,
        shown(group.tokens_per_success, "count") or text.NONE,
        shown(None if group.p95_duration_ms is None else Decimal(group.p95_duration_ms), "ms") or text.NONE,
    ]


def drivers(found: Sequence[TaskDriver], whole: TaskGroup | None) -> None:
    """Ranked by dollars; shares are of all cost of the same tasks, None where no task began."""
    st.html(markup.heading("What makes tasks dear", "drivers overlap: they do not add up"))
    if not found or whole is None:
        st.html(markup.paragraph("No driver has a cost in this week."))
        return
    sign = "at_least" if whole.incomplete_tasks else None
    largest = found[0].cost_usd or Decimal(1)
    rows = [
        Row([_driver(item.driver), text.count(item.tasks), shown_bound(item.cost_usd, "usd", sign),
             shown(quotient(item.cost_usd, whole.cost_usd), "ratio") if whole.cost_usd else text.NONE,
             markup.bars_across(int(item.cost_usd * 100 / largest))])
        for item in found
    ]  # fmt: skip
    columns = [Column("driver", css="mc-name"), Column("tasks", True), Column("cost", True, "mc-strong"),
               Column("of all cost", True), Column("")]  # fmt: skip
    st.html(markup.table(columns, rows, label="Drivers"))


def _driver(name: str) -> markup.Text:
    words, meaning = DRIVERS.get(name, (name.replace("_", " "), ""))
    return markup.tag("span", words, hint=meaning)


def context(bins: Sequence[ContextBin]) -> None:
    """A chart and a row per bin; rates are of judged tasks."""
    judged = [its for its in bins if its.successes + its.failures]
    if not judged:
        st.html(markup.paragraph("No task with a known outcome and an answered call began in this week."))
        return
    rows = [
        Row([share_charts.context_words(its), text.count(its.tasks), text.share(its.successes, its.successes + its.failures),
             _interval(its), shown(quotient(its.cost_usd, Decimal(its.successes)), "usd") if its.successes else text.NONE])
        for its in bins
    ]  # fmt: skip
    columns = [Column("input tokens"), Column("tasks", True), Column("success", True, "mc-strong"), Column("interval", True),
               Column("per success", True)]  # fmt: skip
    with st.container(key="tables_context"):
        left, right = st.columns(2, gap="large")
        with left:
            st.plotly_chart(share_charts.success_by_context(judged), config=charts.CONFIG, key="context")
        with right:
            st.html(markup.table(columns, rows, label="Success by context length"))


def _interval(its: ContextBin) -> str:
    found = wilson(its.successes, its.successes + its.failures)
    return text.NONE if found is None else f"{found[0]:.1%} – {found[1]:.1%}"


def prompt_growth(rows: Sequence[PromptGrowth]) -> None:
    """All versions of an endpoint first, its versions below where they are listed."""
    if not rows:
        st.html(markup.paragraph("No production request of this week counts its input."))
        return
    columns = [Column("feature", css="mc-name"), Column("endpoint"), Column("requests", True), Column("median input", True),
               Column("before", True), Column("growth", True),
               Column("costs", True, "mc-strong", "Of the input part only")]  # fmt: skip
    st.html(markup.table(columns, [_growth_row(row) for row in rows], label="Prompt growth"))


def _growth_row(row: PromptGrowth) -> Row:
    base = text.NONE if row.baseline_median_input_tokens is None else text.count(row.baseline_median_input_tokens)
    growth = text.NONE if row.growth is None else text.signed(shown(row.growth, "ratio"))
    cost = shown_bound(row.growth_cost_usd, "usd", "at_least" if row.unpriced_requests else None) or text.NONE
    endpoint = "" if row.endpoint == "unattributed" else row.endpoint
    version = "" if row.prompt_version == "unattributed" else row.prompt_version
    names = [text.known(row.feature), endpoint] if row.is_all_versions else [f"· version {version or 'not named'}", ""]
    return Row(
        [*names, text.count(row.requests), text.count(row.median_input_tokens), base, growth, cost],
        "" if row.is_all_versions else "mc-plain",
    )


def dearest(tasks: Sequence[Task], names: Mapping[str, str], week: date) -> None:
    """One row per task, dearest first; `names` of tenants by id."""
    rows = [
        Row([markup.link(task.task_id, link_to("tasks", week=week.isoformat(), task=task.task_id)), _tenant(task, names, week),
             text.known(task.feature), task.outcome, text.count(task.attempts),
             shown_bound(task.cost_usd, "usd", "at_least" if task.incomplete_parts else None)])
        for task in tasks
    ]  # fmt: skip
    columns = [Column("task", css="mc-name"), Column("tenant", css="mc-name"), Column("feature"), Column("outcome"),
               Column("attempts", True), Column("cost", True, "mc-strong")]  # fmt: skip
    st.html(markup.table(columns, rows, label="Dearest tasks"))


def _tenant(task: Task, names: Mapping[str, str], week: date) -> markup.Text:
    if task.tenant_id is None:
        return text.known("unattributed")
    words = names.get(task.tenant_id, task.tenant_id)
    return markup.link(words, link_to("tenants", week=week.isoformat(), period="week", tenant=task.tenant_id))
