"""The weekly view: headline figures, and every row with its weeks, change and target."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from dashboards import definitions, downloads, markup
from dashboards import format as text
from dashboards.markup import Card, Column, Row
from dashboards.page import Page
from pipelines.economics.figures import NO_BOUND, shown, shown_bound, shown_change
from pipelines.economics.intervals import interval_words, ratio_interval
from warehouse.rows import Period, TrendPoint, Week, WeeklyMetric

HEADLINES = ("revenue", "total_inference_cost", "gross_margin", "cost_per_successful_task")
WEEKS = 10
"""Bars in a row of the table."""


def headlines(week: Week) -> None:
    """Four figures with their change and target."""
    metrics = {row.metric_id: row for row in week.metrics}
    made: list[Card] = []
    for metric_id in HEADLINES:
        row = metrics[metric_id]
        value = shown_bound(row.this_week, row.unit, row.bound) or text.NONE
        lines: list[markup.Text] = [_needs(row) if row.missing else _against_last(row)]
        if row.target is not None:
            lines.append(
                markup.joined(markup.verdict(row.is_met), f"target {shown(row.target, row.unit)}", between="  ·  ")
            )
        if metric_id == "gross_margin":
            profit = metrics["gross_profit"]
            lines.append(f"gross profit {shown_bound(profit.this_week, 'usd', profit.bound) or text.NONE}")
        if metric_id == "total_inference_cost":
            share = metrics["inference_cost_share_of_revenue"]
            lines.append(
                markup.joined(f"{shown_bound(share.this_week, 'ratio', share.bound)} of revenue", markup.verdict(share.is_met),
                              between="  ·  ") if share.this_week is not None else ""
            )  # fmt: skip
        if metric_id == "cost_per_successful_task" and row.lower_bound is not None:
            lines.append(f"at least {shown(row.lower_bound, 'usd')} once all outcomes are known")
        made.append(Card(row.label, value, lines, definitions.DEFINITIONS.get(metric_id, "")))
    st.html(markup.cards(made))


def _against_last(row: WeeklyMetric) -> str:
    change = shown_change(row.this_week, row.last_week, row.unit)
    return f"{change} against last week" if change else "no earlier week to compare"


def _needs(row: WeeklyMetric) -> str:
    return f"needs {row.missing}"


def view(page: Page, week: Week) -> None:
    st.html(markup.heading("The week in full", "last week as it stood at the same age"))
    history: dict[str, list[TrendPoint]] = {}
    for point in page.marts.trend():
        if point.week_start <= week.week_start:
            history.setdefault(point.metric_id, []).append(point)
    columns = [
        Column("", css="mc-name"),
        Column("weeks", hint="Every week up to this one, as known now"),
        Column("this week", True, "mc-strong"),
        Column("last week", True),
        Column("change", True, "mc-quiet"),
        Column("target", True, "mc-quiet"),
        Column("", css="mc-verdict"),
    ]
    rows, group = list[Row](), ""
    for row in week.metrics:
        if (its := definitions.group_of(row.metric_id)) != group:
            rows.append(Row([its], "mc-group"))
            group = its
        rows.append(_row(row, history.get(row.metric_id, [])[-WEEKS:]))
    st.html(markup.table(columns, rows, label="Weekly view"))
    st.html(_bounds(week))
    if any("neither" in (row.bound, row.last_bound) for row in week.metrics):
        st.html(markup.paragraph(NO_BOUND))
    interval = ratio_interval(page.marts.cost_and_successes(Period.week(week.week_start)))
    if interval is not None:
        st.html(
            markup.paragraph(
                f"Its {interval_words(interval)}: tenants are drawn anew, because tasks of one tenant resemble each other."
            )
        )
    st.download_button(
        "Download the view (CSV, exact)", downloads.week_csv(week), f"margincall-week-{week.week_start}.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key="download_week",
    )  # fmt: skip


def _row(row: WeeklyMetric, history: list[TrendPoint]) -> Row:
    name = markup.tag("span", row.label, hint=definitions.DEFINITIONS.get(row.metric_id, ""))
    last = shown_bound(row.last_week, row.unit, row.last_bound)
    if row.missing:
        return Row([name, "", text.NONE, last, "", shown(row.target, row.unit), markup.muted(_needs(row))])
    change = shown_change(row.this_week, row.last_week, row.unit)
    this = shown_bound(row.this_week, row.unit, row.bound)
    return Row([name, _bars(history), this, last, change, shown(row.target, row.unit), markup.verdict(row.is_met)])


def _bars(history: list[TrendPoint]) -> markup.Text:
    values = [point.value for point in history if point.value is not None]
    top = max((abs(value) for value in values), default=Decimal(0))
    if len(values) < 2 or top == 0:
        return ""
    heights = [None if point.value is None else int(max(point.value, Decimal(0)) * 100 / top) for point in history]
    hints = [
        f"{text.span(Period.week(p.week_start))}: {shown_bound(p.value, p.unit, p.bound) or text.NONE}" for p in history
    ]
    return markup.bars(heights, hints, last_is_open=not history[-1].is_complete)


def _bounds(week: Week) -> markup.Html:
    """What the cost per successful task may still become."""
    metrics = {row.metric_id: row for row in week.metrics}
    cost, known = metrics["cost_per_successful_task"], metrics["outcome_completeness"].this_week
    if cost.this_week is None or cost.lower_bound is None or known is None or known == 1:
        return markup.paragraph(
            "Every row compares like with like: outcomes of the newest week are still on their way."
        )
    upper = (
        f"were none of them, it would stay at {shown(cost.upper_bound, 'usd')}"
        if cost.upper_bound is not None
        else "there is no upper bound, because some of its requests have no full price"
    )
    return markup.paragraph(
        f"Cost per successful task: {shown(1 - known, 'ratio')} of the tasks have no outcome yet. Were all of them successes, it "
        f"would fall to {shown(cost.lower_bound, 'usd')}; {upper}."
    )
