"""Who pays for themselves: every tenant's margin, under water or below target, how concentrated cost is; one tenant's page."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboards import charts, downloads, markup, tenant, users
from dashboards import format as text
from dashboards.address import ALL, write
from dashboards.grid import tenant_grid
from dashboards.margins import STATES, State, Sum, concentration, is_tenant, share_of_top, state_of, total
from dashboards.markup import Card, Column, Row
from dashboards.page import Page, coverage_words
from pipelines.economics.figures import shown, shown_bound
from warehouse.reader import UNALLOCATED, UNATTRIBUTED
from warehouse.rows import Period, TenantMargin

TITLE, ICON, ORDER = "Tenants", ":material/groups:", 2

Judged = tuple[TenantMargin, State]


def show(page: Page) -> None:
    asked = page.address.text("tenant")
    top = st.columns([2.4, 0.8, 1.2], vertical_alignment="bottom")
    with top[1]:
        kind = page.address.switch("period", "Period", {"week": "Week", "month": "Month"}, "week")
    with top[2]:
        period = Period.week(page.choose_week()) if kind == "week" else Period.month(page.choose_month())
    rows = page.marts.tenant_margins(period)
    known = {row.tenant_id: row for row in rows}
    if asked is not None and asked in known:
        tenant.show(page, known[asked], rows, period, top[0])
    else:
        if asked is not None:
            page.address.notes.append(f"Tenant “{asked[:60]}” has neither revenue nor cost in this period.")
            write("tenant", None)
        _everyone(page, rows, period, top[0])
    page.remarks()
    page.footer()


def _everyone(page: Page, rows: Sequence[TenantMargin], period: Period, place: DeltaGenerator) -> None:
    target = page.settings.targets.gross_margin_min
    with place:
        page.header(f"Tenants, {text.span(period)}", _target_words(target), coverage_words(rows))
    everyone: list[Judged] = [(row, state_of(row, target)) for row in rows if is_tenant(row)]
    _counters(everyone, total(row for row, _ in everyone), total(rows))
    with st.container(key="charts"):
        left, right = st.columns(2, gap="large")
        with left:
            _concentration(rows)
        with right:
            st.html(markup.heading("Revenue against cost", "one mark per tenant"))
            st.plotly_chart(charts.revenue_and_cost(everyone, target), config=charts.CONFIG, key="revenue_and_cost")
    st.html(markup.heading("Every tenant", "open one by its row or its name"))
    chosen = _filtered(page, everyone)
    tenant_grid(chosen)
    _download(rows, everyone, chosen, period)
    st.html(
        markup.heading(
            "How the rows make up the company", "every column adds up; across a row a cent may be lost to rounding"
        )
    )
    st.html(_company(rows, chosen, len(everyone)))
    users.show(page, period)


def _target_words(target: Decimal | None) -> str:
    return "No margin target is set" if target is None else f"Target: gross margin of {shown(target, 'ratio')} or more"


def _counters(everyone: Sequence[Judged], tenants: Sum, company: Sum) -> None:
    groups = {state: [row for row, its in everyone if its == state] for state in STATES}
    loss = -sum((row.gross_profit_usd for row in groups["under_water"]), Decimal(0))
    short, free = total(groups["below_target"]), total(groups["free"])
    sign = "at_least" if tenants.is_lower_bound else None
    profit = shown_bound(company.gross_profit_usd, "usd", "at_most" if company.is_lower_bound else None)
    margin = shown_bound(company.gross_margin, "ratio", "at_most" if company.is_lower_bound else None) or "no revenue"
    st.html(
        markup.cards(
            [
                Card("Tenants with revenue or cost", text.count(len(everyone)), [f"company: {profit} gross profit, {margin}"]),
                Card("▼ Under water", text.count(len(groups["under_water"])), [f"loss {shown_bound(loss, 'usd', sign)}"],
                     "Paying something and costing more"),
                Card("▽ Below target", text.count(short.tenants),
                     [f"gross profit {text.usd(short.gross_profit_usd)} on {text.usd(short.revenue_usd)}"]),
                Card("○ Without revenue", text.count(free.tenants), [f"cost {shown_bound(free.cogs_usd, 'usd', sign)}"]),
            ]
        )
    )  # fmt: skip


def _concentration(rows: Sequence[TenantMargin]) -> None:
    steps = concentration(rows)
    marked = [step for step in (share_of_top(steps, share) for share in (1, 5, 20)) if step is not None]
    st.html(markup.heading("How concentrated cost is", "cost of goods of tenants that have any"))
    if not steps:
        st.html(markup.paragraph("No tenant has cost in this period."))
        return
    st.plotly_chart(charts.concentration(steps, marked), config=charts.CONFIG, key="concentration")
    parts = [f"top {share}%: {shown(step.cost_share, 'ratio')}" for share, step in zip((1, 5, 20), marked, strict=True)]
    st.html(markup.paragraph("Share of cost of the ", ", ".join(parts), "; rounded up to whole tenants."))


def _filtered(page: Page, everyone: Sequence[Judged]) -> list[Judged]:
    bar = st.columns(4, vertical_alignment="bottom")
    plans = sorted({row.plan for row, _ in everyone if row.plan})
    segments = sorted({row.segment for row, _ in everyone if row.segment})
    words = {state: name for state, name in STATES.items() if any(its == state for _, its in everyone)}
    with bar[0]:
        plan = page.address.choose("plan", "Plan", {ALL: "All plans"} | {name: name for name in plans}, ALL)
    with bar[1]:
        segment = page.address.choose(
            "segment", "Segment", {ALL: "All segments"} | {name: name for name in segments}, ALL
        )
    with bar[2]:
        state = page.address.choose("state", "State", {ALL: "All states"} | {str(k): v for k, v in words.items()}, ALL)
    with bar[3]:
        _open_by_name(everyone)
    return [
        (row, its)
        for row, its in everyone
        if plan in (ALL, row.plan) and segment in (ALL, row.segment) and state in (ALL, its)
    ]


def _open_by_name(everyone: Sequence[Judged]) -> None:
    """A box to type a name into, for who does not want to look for the row."""
    names = {row.tenant_id: f"{row.name or row.tenant_id}" for row, _ in everyone}

    def follow() -> None:
        write("tenant", st.session_state["open_tenant"])

    st.selectbox(
        "Open a tenant", sorted(names, key=lambda key: (names[key].casefold(), key)), index=None, key="open_tenant",
        format_func=lambda key: names.get(key, str(key)), placeholder="type its name", on_change=follow,
    )  # fmt: skip


def _download(
    rows: Sequence[TenantMargin], everyone: Sequence[Judged], chosen: Sequence[Judged], period: Period
) -> None:
    is_whole = len(chosen) == len(everyone)
    listed = rows if is_whole else [row for row, _ in chosen]
    words = (
        "Download all rows (CSV, exact)" if is_whole else f"Download {text.counted(len(listed), 'tenant')} (CSV, exact)"
    )
    st.download_button(
        words, downloads.tenants_csv(listed), f"margincall-tenants-{period.start}-to-{period.last}.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key="download_tenants",
    )  # fmt: skip


def _company(rows: Sequence[TenantMargin], chosen: Sequence[Judged], tenants: int) -> markup.Html:
    """Tenants, what names none, and shared cost that nobody bears; cents are shared out so that every column adds up."""
    listed = {row.tenant_id for row, _ in chosen}
    parts = [(text.counted(len(chosen), "tenant") + " listed above", total(row for row, _ in chosen))]
    if len(chosen) < tenants:
        rest = [row for row in rows if is_tenant(row) and row.tenant_id not in listed]
        parts.append((f"{text.counted(len(rest), 'tenant')} filtered out", total(rest)))
    for tenant_id, words in (
        (UNATTRIBUTED, "Not attributed to a tenant"),
        (UNALLOCATED, "Shared cost that no tenant bears"),
    ):
        found = [row for row in rows if row.tenant_id == tenant_id]
        if found:
            parts.append((words, total(found)))
    company = total(rows)
    names = ("revenue_usd", "inference_cogs_usd", "other_cogs_usd", "gross_profit_usd")
    amounts = [text.column([getattr(part, name) for _, part in parts]) for name in names]
    body = [
        Row([words, *cells, shown(part.gross_margin, "ratio") or text.NONE])
        for (words, part), *cells in zip(parts, *amounts, strict=True)
    ]
    bound = "at_most" if company.is_lower_bound else None
    body.append(
        Row(["Company", *(shown_bound(getattr(company, name), "usd", sign) for name, sign in
             zip(names, (None, *([bound and "at_least"] * 2), bound), strict=True)),
             shown_bound(company.gross_margin, "ratio", bound) or text.NONE], "mc-total")
    )  # fmt: skip
    columns = [Column("", css="mc-name"), *(Column(n, True) for n in ("revenue", "inference", "other cost of goods")),
               Column("gross profit", True, "mc-strong"), Column("margin", True)]  # fmt: skip
    return markup.table(columns, body, label="Company")
