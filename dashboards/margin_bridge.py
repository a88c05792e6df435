"""Why gross profit moved between a week and the one before: a waterfall of the bars that add up to the change."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import plotly.graph_objects as go
import streamlit as st

from dashboards import format as text
from dashboards import markup
from dashboards.address import ALL
from dashboards.charts import BLUE, CONFIG, GRAY, GRID, ORANGE, coordinate, dressed
from dashboards.page import WEEK, Page
from dashboards.source import Marts
from pipelines.bridge import MarginBridge, View, margin_bridge
from pipelines.bridge_report import in_cents, remarks
from pipelines.economics.figures import rounded
from warehouse.rows import Period

_ROW_PX = 26


def show_bridge(page: Page, start: date) -> None:
    if page.previous(start) is None:
        return
    top = st.columns([2, 1.2], vertical_alignment="bottom")
    with top[0]:
        st.html(markup.heading("Why gross profit moved", "against the week before, both as known now"))
    margins = page.marts.tenant_margins(Period.week(start))
    names = {row.tenant_id: row.name or text.known(row.tenant_id) for row in margins}
    with top[1]:
        asked = page.address.choose("bridge", "Bridge of", {ALL: "The company"} | names, ALL)
    found = _bridge(page.marts.data_dir, page.marts.n, start, None if asked == ALL else asked)
    if not in_cents(found):
        st.html(markup.paragraph("Nothing moved: both weeks have the same revenue and cost."))
        return
    st.plotly_chart(_waterfall(found), config=CONFIG, key="bridge")
    st.html(markup.paragraph(" ".join(remarks(found))))


@st.cache_data(show_spinner=False, max_entries=100)
def _bridge(data_dir: str, n: int, start: date, tenant_id: str | None) -> MarginBridge:
    weeks = Marts(data_dir, n).bridge_weeks(Period.week(start - WEEK), Period.week(start))
    return margin_bridge(weeks, [View(tenant_id)])[0]


def _waterfall(bridge: MarginBridge) -> go.Figure:
    """Bars from the top down in the order of the bridge; what raised gross profit to the right."""
    bars = [(bar, cents) for bar, cents in in_cents(bridge) if cents]
    total = sum((cents for _, cents in bars), Decimal(0))
    labels = [*(bar.label for bar, _ in bars), "Change"]
    amounts = [*(cents for _, cents in bars), total]
    points = [*(bar.points for bar, _ in bars), None]
    words = [text.signed(text.dollars(amount, 2)) for amount in amounts]
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            measure=[*["relative"] * len(bars), "total"],
            y=labels,
            x=[coordinate(amount) for amount in amounts],
            text=words,
            textposition="outside",
            cliponaxis=False,
            customdata=["" if p is None else f"<br>{rounded(p * 100, 2):+} points of gross margin" for p in points],
            hovertemplate="%{y}: <b>%{text}</b>%{customdata}<extra></extra>",
            connector={"line": {"color": GRID, "width": 1}},
            increasing={"marker": {"color": BLUE}},
            decreasing={"marker": {"color": ORANGE}},
            totals={"marker": {"color": GRAY}},
        )
    )
    dressed(figure, _ROW_PX * len(labels) + 50)
    figure.update_yaxes(autorange="reversed", showgrid=False, tickmode="linear", dtick=1)
    figure.update_xaxes(showgrid=True, gridcolor=GRID, tickprefix="$", zeroline=True, zerolinecolor=GRAY)
    return figure
