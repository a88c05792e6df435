"""The Monday page: the weekly view, what changed since shown, why gross profit moved, trends, forecast, what moved cost most."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from dashboards import charts, definitions, markup
from dashboards import format as text
from dashboards.address import bound, write
from dashboards.found import show_actions
from dashboards.margin_bridge import show_bridge
from dashboards.markup import Column, Row
from dashboards.movers_table import show_movers
from dashboards.outlook import show_outlook
from dashboards.page import Page, coverage_words
from dashboards.weekly_view import headlines, view
from pipelines.economics.figures import shown, shown_change
from warehouse import shown as showings
from warehouse.rows import Period, TrendPoint, Week

TITLE, ICON, ORDER = "Week", ":material/calendar_view_week:", 1

TRENDS = (
    "gross_margin", "cost_per_successful_task", "total_inference_cost", "inference_cost_share_of_revenue",
    "success_rate", "gateway_cache_hit_rate",
)  # fmt: skip


def show(page: Page) -> None:
    top = st.columns([3, 1.2], vertical_alignment="bottom")
    with top[1]:
        start = page.choose_week()
    week = showings.weekly_as_shown(page.reader, page.control, start)
    with top[0]:
        page.header(
            f"Week of {text.span(Period.week(start))}",
            _completeness(week),
            coverage_words(page.marts.tenant_margins(Period.week(start))),
        )
    headlines(week)
    view(page, week)
    _since_shown(page, week)
    if start == page.latest_week():
        show_actions(page)
    show_bridge(page, start)
    _trends(page)
    if start == page.latest_week():
        show_outlook(page)
    show_movers(page, start)
    _definitions(week)
    page.remarks()
    page.footer()


def _completeness(week: Week) -> str:
    return (
        "Complete week"
        if week.is_complete
        else f"Not complete: {week.days_with_requests} of 7 days have requests so far"
    )


def _since_shown(page: Page, week: Week) -> None:
    before = page.previous(week.week_start)
    if before is None:
        return
    st.html(markup.heading("What changed in last week since it was shown", text.span(Period.week(before))))
    changes = showings.changes_since_shown(page.reader, page.control, before)
    if not changes:
        change = next((row for row in week.metrics if row.metric_id == showings.RESTATED), None)
        was_shown = change is not None and change.missing is None
        unchanged = "Nothing: every figure of that week is as it was when it was first shown."
        never = (
            "That week was never shown here or in the report, so there is nothing to compare with. From now on it is."
        )
        st.html(markup.paragraph(unchanged if was_shown else never))
        if not was_shown:
            showings.remember(page.control, page.marts.weekly(before))
        return
    columns = [
        Column("", css="mc-name"),
        Column("first shown", True),
        Column("now", True, "mc-strong"),
        Column("change", True),
    ]
    rows = [
        Row([item.label, shown(item.then, item.unit) or text.NONE, shown(item.now, item.unit) or text.NONE,
             _moved(item.then, item.now, item.unit)])
        for item in changes
    ]  # fmt: skip
    st.html(markup.table(columns, rows, label="Changed since shown", css="mc-narrow"))
    st.html(
        markup.paragraph(
            f"First shown {text.instant(changes[0].shown_at)}. Late outcomes, late logs and corrected feeds do this."
        )
    )


def _moved(then: Decimal | None, now: Decimal | None, unit: str) -> str:
    if then is None or now is None:
        return text.NONE
    return shown_change(now, then, unit) or text.signed(shown(now - then, unit))


def _trends(page: Page) -> None:
    by_metric: dict[str, list[TrendPoint]] = {}
    for point in page.marts.trend():
        by_metric.setdefault(point.metric_id, []).append(point)
    drawn = {key: points for key, points in by_metric.items() if sum(p.value is not None for p in points) > 1}
    st.html(markup.heading("Trends", "every week as known now; open circles are weeks that are not complete"))
    if not drawn:
        st.html(markup.paragraph("A trend needs two weeks."))
        return
    chosen = page.address.some_of("trends", list(drawn), [key for key in TRENDS if key in drawn])
    st.multiselect(
        "Metrics", list(drawn), format_func=lambda key: drawn[key][0].label, key=bound("trends", chosen),
        on_change=_follow_trends, label_visibility="collapsed", placeholder="Choose metrics",
    )  # fmt: skip
    with st.container(key="charts"):
        for column, key in zip(st.columns(max(len(chosen), 1)), chosen, strict=False):
            with column:
                st.html(markup.tag("div", drawn[key][0].label, css="mc-chart-title"))
                st.plotly_chart(charts.trend(drawn[key]), config=charts.CONFIG, key=f"trend_{key}")


def _follow_trends() -> None:
    write("trends", ",".join(st.session_state["filter_trends"]) or "none")


def _definitions(week: Week) -> None:
    with st.expander("What each metric means"):
        parts = [
            markup.joined(markup.tag("dt", row.label), markup.tag("dd", definitions.DEFINITIONS.get(row.metric_id, "")))
            for row in week.metrics
        ]
        st.html(markup.tag("dl", *parts, css="mc-definitions"))
