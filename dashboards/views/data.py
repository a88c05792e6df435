"""How far the figures can be trusted: freshness, coverage, prices, what could not be read or names no tenant, builds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import streamlit as st

from dashboards import charts, ledger_tables, markup, price_tables
from dashboards import format as text
from dashboards.markup import Card, Column, Row
from dashboards.page import Page, coverage_words
from warehouse import ledger_view
from warehouse.reader import UNATTRIBUTED
from warehouse.rows import Period

TITLE, ICON, ORDER = "Data", ":material/database:", 9

ROWS = 12
"""Of what names no tenant, one by one."""


def show(page: Page) -> None:
    top = st.columns([3, 1.2], vertical_alignment="bottom")
    with top[1]:
        week = page.choose_week()
    period = Period.week(week)
    with top[0]:
        page.header("Data", f"Coverage of {text.span(period)}", coverage_words(page.marts.tenant_margins(period)))
    _freshness(page)
    with st.container(key="tables"):
        left, right = st.columns(2, gap="large")
        with left:
            _coverage(page, period)
        with right:
            _unattributed(page, week)
    price_tables.book(page)
    ledger_tables.quarantine(page)
    ledger_tables.landings(page)
    ledger_tables.runs(page)
    page.remarks()
    page.footer()


def _freshness(page: Page) -> None:
    state, waiting = page.state, ledger_view.waiting(page.control)
    reach = text.day(state.last_usage_date) if state.last_usage_date else text.NONE
    first = text.day(state.first_usage_date) if state.first_usage_date else text.NONE
    newest, _, at = text.instant(state.known_at).partition(", ")
    anything = bool(waiting.days or waiting.feed_files or waiting.everything)
    parts = [f"{text.counted(waiting.days, 'day')}" if waiting.days else "",
             f"{text.counted(waiting.feed_files, 'feed file')}" if waiting.feed_files else "",
             f"everything: {', '.join(waiting.everything)}" if waiting.everything else ""]  # fmt: skip
    st.html(
        markup.cards(
            [
                Card("Last day with requests", reach, [f"first {first}", f"{text.count(state.requests)} requests"]),
                Card("Newest record", newest, [f"{at} · late outcomes included"]),
                Card("Published", f"Version {page.pointer.n}", [text.instant(page.pointer.published_at)]),
                Card("Waiting for a build", "Yes" if anything else "Nothing",
                     [", ".join(part for part in parts if part) or "the marts are up to date with what has landed"]),
            ]
        )
    )  # fmt: skip
    if anything:
        st.html(markup.paragraph("Take it in with ", markup.code("margincall build"), "."))


def _coverage(page: Page, period: Period) -> None:
    st.html(markup.heading("Requests with a full price", "by week"))
    points = [point for point in page.marts.trend() if point.metric_id == "priced_coverage"]
    st.plotly_chart(charts.trend(points), config=charts.CONFIG, key="coverage")
    lines = page.marts.unpriced(period)
    if not lines:
        st.html(markup.paragraph(f"Every request of {text.span(period)} has a full price."))
        return
    columns = [Column(f"without a full price, {text.span(period)}", css="mc-name"), Column("why"), Column("requests", True),
               Column("tokens in", True), Column("tokens out", True)]  # fmt: skip
    rows = [
        Row([_model(line.provider_name, line.model), _reason(line.pricing_status, line.pricing_reason), text.count(line.requests),
             text.count(line.input_tokens), text.count(line.output_tokens)])
        for line in lines
    ]  # fmt: skip
    st.html(markup.table(columns, rows, label="Unpriced models"))


def _model(provider: str | None, model: str | None) -> str:
    return f"{model or 'no model named'} ({provider or 'no provider named'})"


def _reason(status: str, reason: str | None) -> str:
    words = (reason or "no reason recorded").replace("_", " ")
    return words if status == "unpriced" else f"part of the price: {words}"


def _unattributed(page: Page, week: date) -> None:
    st.html(markup.heading("Inference cost without a tenant", "by week"))
    points = [point for point in page.marts.trend() if point.metric_id == "unattributed_share"]
    st.plotly_chart(charts.trend(points), config=charts.CONFIG, key="unattributed")
    lines = page.marts.costs(Period.week(week), ("tenant_id", "feature", "model"))
    found = [line for line in lines if line.key[0] == UNATTRIBUTED and (line.requests or line.cost_usd)]
    if not found:
        st.html(markup.paragraph("All cost of this week names a tenant."))
        return
    costs = [line.cost_usd for line in found]
    shown_costs = costs[:ROWS]
    amounts = text.column([*shown_costs, *([sum(costs[ROWS:], Decimal(0))] if costs[ROWS:] else [])])
    columns = [Column(f"names no tenant, {text.span(Period.week(week))}", css="mc-name"), Column("model", css="mc-name"),
               Column("requests", True), Column("cost", True, "mc-strong")]  # fmt: skip
    rows = [
        Row(
            [
                text.known(line.key[1]),
                line.key[2] or "not a model call",
                text.count(line.requests) if line.requests else text.NONE,
                amount,
            ]
        )
        for line, amount in zip(found[:ROWS], amounts, strict=False)
    ]
    if len(found) > ROWS:
        rows.append(Row([f"{len(found) - ROWS} more", "", "", amounts[-1]], "mc-plain"))
    st.html(markup.table(columns, rows, label="Unattributed"))
