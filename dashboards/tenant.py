"""One tenant: what it brought in and cost, day by day, and by feature, model and component."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboards import charts, downloads, markup
from dashboards import format as text
from dashboards.address import write
from dashboards.margins import STATES, state_of
from dashboards.markup import Card, Column, Row
from dashboards.page import Page, coverage_words
from pipelines.economics.figures import shown, shown_bound
from warehouse.reader import SHARED
from warehouse.rows import CostLine, Dimension, Period, TaskCost, TenantMargin, quotient

BEFORE = timedelta(days=49)
"""Days before the chosen period that the daily chart shows as well."""
_COUNTS = ("tasks", "successes", "failures", "unknowns", "incomplete_tasks")
BREAKDOWN: tuple[Dimension, ...] = ("feature", "provider_name", "model", "component", "is_cost_of_goods")


def show(
    page: Page,
    row: TenantMargin,
    everyone: Sequence[TenantMargin],
    period: Period,
    place: DeltaGenerator,
) -> None:
    name = row.name or text.known(row.tenant_id)
    with place:
        st.button("All tenants", icon=":material/arrow_back:", type="tertiary", on_click=write, args=("tenant", None))
        about = [part for part in (row.tenant_id, row.plan, row.segment) if part]
        page.header(f"{name}, {text.span(period)}", "  ·  ".join(about), coverage_words([row]))
    tasks = [line for line in page.marts.task_costs(period, ("tenant_id", "feature")) if line.key[0] == row.tenant_id]
    lines = [*page.marts.costs(period, BREAKDOWN, row.tenant_id), *_shared(page, row, period)]
    st.html(markup.cards(_cards(page, row, everyone, tasks)))
    _days(page, row, period)
    _by_feature(lines, tasks)
    with st.container(key="tables"):
        left, right = st.columns(2, gap="large")
        with left:
            st.html(markup.heading("Cost by model"))
            st.html(_split([line for line in lines if line.key[2] is not None], 2, "model", is_model=True))
        with right:
            st.html(markup.heading("Cost by component"))
            st.html(_split(lines, 3, "component"))
    if row.outside_cogs_usd:
        outside = shown(row.outside_cogs_usd, "usd")
        st.html(
            markup.paragraph(
                f"{outside} of it is not cost of goods (R&D, support and the like) and bears on no margin."
            )
        )
    st.download_button(
        "Download its costs (CSV, exact)", downloads.costs_csv(BREAKDOWN, lines),
        f"margincall-costs-{period.start}-to-{period.last}.csv", "text/csv", icon=":material/download:", on_click="ignore",
        key="download_tenant",
    )  # fmt: skip


def _shared(page: Page, row: TenantMargin, period: Period) -> list[CostLine]:
    """The tenant's part of shared cost, as lines beside its own."""
    parts = [part for part in page.marts.shared_costs(period) if part.tenant_id == row.tenant_id]
    return [
        CostLine((SHARED, None, None, part.component, True), part.cost_usd, 0, 0, 0, part.unconverted_days,
                 0, 0, 0, part.cost_usd, part.cost_usd)
        for part in parts
    ]  # fmt: skip


def _cards(page: Page, row: TenantMargin, everyone: Sequence[TenantMargin], tasks: Sequence[TaskCost]) -> list[Card]:
    at_least, at_most = ("at_least", "at_most") if row.is_lower_bound else (None, None)
    revenue = sum((other.revenue_usd for other in everyone), Decimal(0))
    share = f"{shown(quotient(row.revenue_usd, revenue), 'ratio')} of the company's" if revenue > 0 else ""
    state = state_of(row, page.settings.targets.gross_margin_min)
    css = {"under_water": "mc-bad", "below_target": "mc-bad", "on_target": "mc-good"}.get(state, "mc-muted")
    margin = shown_bound(row.gross_margin, "ratio", at_most)
    parts = f"inference {shown(row.inference_cogs_usd, 'usd')}, other {shown(row.other_cogs_usd, 'usd')}"
    return [
        Card("Revenue", text.usd(row.revenue_usd), [share]),
        Card("Cost of goods", shown_bound(row.cogs_usd, "usd", at_least), [parts]),
        Card("Gross profit", shown_bound(row.gross_profit_usd, "usd", at_most),
             [markup.joined(f"margin {margin}" if margin else "", markup.tag("span", STATES[state], css=css), between="  ·  ")]),
        _success_card(tasks),
    ]  # fmt: skip


def _success_card(tasks: Sequence[TaskCost]) -> Card:
    tasks_done, successes, failures, unknowns, incomplete = (
        sum(getattr(line, name) for line in tasks) for name in _COUNTS
    )
    spent = sum((line.cost_usd for line in tasks), Decimal(0))
    whole = TaskCost((), tasks_done, successes, failures, unknowns, incomplete, spent)
    cost = shown_bound(whole.cost_per_success_usd, "usd", "at_least" if whole.incomplete_tasks else None) or text.NONE
    told = f"{text.count(whole.successes)} of {text.counted(whole.tasks, 'task')} succeeded"
    return Card(
        "Cost per successful task", cost, [told, f"{whole.unknowns} without an outcome yet" if whole.unknowns else ""]
    )


def _days(page: Page, row: TenantMargin, period: Period) -> None:
    first = page.state.first_usage_date or period.start
    window = Period(max(period.start - BEFORE, min(first, period.start)), period.end)
    days = page.marts.tenant_days(row.tenant_id, window)
    st.html(markup.heading("Day by day", f"{text.span(window)}; the chosen period is shaded"))
    st.plotly_chart(charts.tenant_days(days, window, period), config=charts.CONFIG, key="tenant_days")


def _by_feature(lines: Sequence[CostLine], tasks: Sequence[TaskCost]) -> None:
    st.html(markup.heading("Cost by feature", "all environments; tasks are production tasks that began in the period"))
    done = {line.key[1]: line for line in tasks}
    groups = _grouped(lines, 0)
    amounts = text.column([cost for _, cost, _, _ in groups])
    rows = [
        Row(
            [
                text.known(key),
                amount,
                text.count(requests),
                text.count(lacking) if lacking else text.NONE,
                *_task_cells(done.get(key)),
            ]
        )
        for (key, _, requests, lacking), amount in zip(groups, amounts, strict=True)
    ]
    columns = [Column("feature", css="mc-name"), Column("cost", True, "mc-strong"), Column("requests", True),
               Column("without full price", True), Column("tasks", True), Column("succeeded", True),
               Column("per successful task", True)]  # fmt: skip
    st.html(markup.table(columns, rows, label="Cost by feature"))


def _task_cells(tasks: TaskCost | None) -> list[str]:
    if tasks is None:
        return [text.NONE] * 3
    cost = shown_bound(tasks.cost_per_success_usd, "usd", "at_least" if tasks.incomplete_tasks else None)
    return [text.count(tasks.tasks), text.count(tasks.successes), cost or text.NONE]


def _split(lines: Sequence[CostLine], position: int, name: str, *, is_model: bool = False) -> markup.Html:
    groups = _grouped(lines, position)
    amounts = text.column([cost for _, cost, _, _ in groups])
    whole = sum((cost for _, cost, _, _ in groups), Decimal(0))
    rows = [
        Row([text.known(key), amount, shown(quotient(cost, whole), "ratio") if whole else text.NONE,
             *([text.count(requests), text.count(lacking) if lacking else text.NONE] if is_model else [])])
        for (key, cost, requests, lacking), amount in zip(groups, amounts, strict=True)
    ]  # fmt: skip
    columns = [Column(name, css="mc-name"), Column("cost", True, "mc-strong"), Column("share", True)]
    if is_model:
        columns += [Column("requests", True), Column("without full price", True)]
    return markup.table(columns, rows, label=f"Cost by {name}")


def _grouped(lines: Sequence[CostLine], position: int) -> list[tuple[str | None, Decimal, int, int]]:
    """Key, cost, requests, requests without a full price; dearest first."""
    sums: dict[str | None, tuple[Decimal, int, int]] = {}
    for line in lines:
        cost, requests, lacking = sums.get(line.key[position], (Decimal(0), 0, 0))
        lacking += line.unpriced_requests + line.partial_requests
        sums[line.key[position]] = (cost + line.cost_usd, requests + line.requests, lacking)
    return sorted(((key, *values) for key, values in sums.items()), key=lambda item: (-item[1], str(item[0])))
