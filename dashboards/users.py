"""Users within their plans, how few of them make the cost, what customers are worth: a part of the tenants' page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import streamlit as st

from dashboards import format as text
from dashboards import markup
from dashboards.markup import Column, Row
from dashboards.page import Page
from pipelines.economics.figures import rounded, shown, shown_bound
from warehouse.rows import Period
from warehouse.user_rows import PlanUsers, SegmentValue, TopShare

_PERCENTS = (1, 5, 20)
_PLANS, _SEGMENTS = {"no_plan": "No plan named"}, {"no_segment": "No segment named"}


def show(page: Page, period: Period) -> None:
    """Of a week its users; of any period the lifetime value of the last month that is over."""
    if period.days == Period.week(period.start).days:
        st.html(markup.heading("What a user costs", "production inference of active users, service accounts left out"))
        _plans(page.marts.plan_users(period.start))
        _shares([share for share in page.marts.top_shares(period.start) if share.entity == "user"])
    month = complete_month(period, page.state.last_usage_date)
    st.html(markup.heading("Lifetime value against acquisition cost", f"{text.span(month)}, by segment"))
    _segments(page.marts.segment_values(month.start), month.start)


def complete_month(period: Period, last_usage_date: date | None) -> Period:
    """The month in which the period ends, or the one before while it goes on: half a month's revenue is no month's."""
    month = Period.month(period.last)
    is_over = last_usage_date is not None and last_usage_date >= month.last
    return month if is_over else Period.month(month.start - timedelta(days=1))


def _plans(rows: Sequence[PlanUsers]) -> None:
    if not rows:
        st.html(markup.paragraph("No production request of this week names a user."))
        return
    body: list[Row] = []
    for row in rows:
        sign = "at_least" if row.incomplete_requests else None
        amounts = (
            row.cost_per_active_user_usd,
            row.median_user_cost_usd,
            row.p80_user_cost_usd,
            row.p90_user_cost_usd,
        )
        is_dear = row.p90_user_cost_usd > row.revenue_per_active_user_usd > 0
        warning = markup.tag("span", "▼ P90 above revenue", css="mc-bad") if is_dear else ""
        body.append(
            Row([markup.stacked(_PLANS.get(row.plan, row.plan), warning), text.count(row.active_users),
                 *(shown_bound(amount, "usd", sign) for amount in amounts), text.usd(row.revenue_per_active_user_usd)])
        )  # fmt: skip
    columns = [
        Column("plan", css="mc-name"),
        Column("active users", True),
        Column("mean", True),
        Column("median", True, "mc-strong", "Half of the users cost no more"),
        Column("P80", True, hint="80 of 100 users cost no more; nearest rank"),
        Column("P90", True, hint="90 of 100 users cost no more; nearest rank"),
        Column("revenue per user", True, hint="Recognised revenue of the plan's tenants in the week, per active user"),
    ]
    st.html(markup.table(columns, body, label="Cost per active user"))


def _shares(shares: Sequence[TopShare]) -> None:
    found = {share.top_percent: share for share in shares}
    parts = [
        f"the dearest {percent}% ({text.counted(found[percent].top_spenders, 'user')}) make "
        f"{shown(found[percent].share_of_cost, 'ratio')}"
        for percent in _PERCENTS
        if percent in found
    ]  # fmt: skip
    if parts:
        st.html(markup.paragraph(f"Of this cost, {', '.join(parts)}."))


def _segments(rows: Sequence[SegmentValue], month: date) -> None:
    if not rows:
        st.html(markup.paragraph(f"No tenant paid in {month:%B %Y}."))
        return
    columns = [
        Column("segment", css="mc-name"),
        Column("paying", True),
        Column("ARPA", True, hint="The month's recognised revenue per paying tenant"),
        Column("margin", True),
        Column("churn", True, hint="A month, over three months"),
        Column("LTV", True, hint="Gross profit per tenant and month × expected months, at most 60"),
        Column("CAC", True, hint="Sales and marketing over new customers of three months"),
        Column("LTV/CAC", True, "mc-strong"),
        Column(""),
    ]
    st.html(markup.table(columns, [segment_row(row) for row in rows], label="Lifetime value"))


def segment_row(row: SegmentValue) -> Row:
    """Its last cell says whether the segment earns back what it costs to win, or what that waits for."""
    if row.is_alert:
        alert = markup.tag("span", "✗ under 3" if row.ltv_cac is not None else "✗ no margin", css="mc-bad")
    else:
        alert = (
            markup.muted(f"needs {row.missing}") if row.missing else markup.tag("span", "✓ 3 or more", css="mc-good")
        )
    payback = "" if row.payback_months is None else f"back in {rounded(row.payback_months, 1)} months"
    return Row(
        [
            _SEGMENTS.get(row.segment, row.segment),
            text.count(row.paying_tenants),
            text.usd(row.arpa_usd),
            shown(row.gross_margin, "ratio") or text.NONE,
            shown(row.monthly_churn, "ratio") or text.NONE,
            text.usd(row.ltv_usd),
            markup.stacked(text.usd(row.cac_usd), payback),
            shown(row.ltv_cac, "multiple") or text.NONE,
            alert,
        ]
    )
