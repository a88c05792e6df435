"""What moved cost most between a week and the one before: by tenant, feature or model."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import streamlit as st

from dashboards import format as text
from dashboards import markup
from dashboards.address import link_to
from dashboards.markup import Column, Row
from dashboards.movers import Mover, Movers, movers
from dashboards.page import WEEK, Page
from pipelines.economics.apportion import apportion
from warehouse.rows import Dimension, Period

BY: dict[str, tuple[str, Dimension]] = {
    "tenant": ("Tenants", "tenant_id"),
    "feature": ("Features", "feature"),
    "model": ("Models", "model"),
}
TOP = 8


def show_movers(page: Page, start: date) -> None:
    before = page.previous(start)
    if before is None:
        return
    st.html(markup.heading("What moved cost most", "model calls, tools, reviews, in dollars, without shared pools"))
    bar = st.columns([2, 1.2], vertical_alignment="bottom")
    with bar[0]:
        by = page.address.switch("movers", "Movers by", {key: words for key, (words, _) in BY.items()}, "tenant")
    dimension = BY[by][1]
    then, now = (page.marts.costs(Period.week(week), (dimension, "environment")) for week in (before, start))
    environments = {"all": "All environments"} | {
        f"is:{line.key[1] or ''}": text.known(line.key[1])
        for line in sorted([*then, *now], key=lambda line: str(line.key[1]))
    }
    with bar[1]:
        asked = page.address.choose("environment", "Environment", environments, "all")
    then, now = ([line for line in lines if asked in ("all", f"is:{line.key[1] or ''}")] for lines in (then, now))
    found = movers(then, now, TOP)
    st.html(_movers_table(found, BY[by][0][:-1].lower(), _names(page, start) if by == "tenant" else {}, start))


def _movers_table(found: Movers, noun: str, names: dict[str, str], start: date) -> markup.Html:
    """Shown parts add up downwards and across: the change is that of the shown figures."""
    listed = [*found.top, *([found.others] if found.others_count else [])]
    places = text.places_of([amount for mover in listed for amount in (mover.before_usd, mover.now_usd)])
    before, now = (
        [*parts, sum(parts, Decimal(0))]
        for parts in (
            apportion([mover.before_usd for mover in listed], places),
            apportion([mover.now_usd for mover in listed], places),
        )
    )
    largest = max((abs(mover.change_usd) for mover in listed), default=Decimal(0)) or Decimal(1)
    labels = [
        *(_mover_name(mover, found.others_count if mover is found.others else 0, names, start) for mover in listed),
        "Total",
    ]
    looks = [*("mc-plain" if mover is found.others else "" for mover in listed), "mc-total"]
    bars: list[markup.Text] = [*(markup.balance(int(mover.change_usd * 100 / largest)) for mover in listed), ""]
    rows = [
        Row(
            [label, text.dollars(a, places), text.dollars(b, places), text.signed(text.dollars(b - a, places)), bar],
            css,
        )
        for label, a, b, bar, css in zip(labels, before, now, bars, looks, strict=True)
    ]
    columns = [Column(noun, css="mc-name"), Column("last week", True), Column("this week", True, "mc-strong"),
               Column("change", True), Column("")]  # fmt: skip
    return markup.table(columns, rows, label="Top movers")


def _names(page: Page, start: date) -> dict[str, str]:
    rows = [row for week in (start - WEEK, start) for row in page.marts.tenant_margins(Period.week(week))]
    return {row.tenant_id: row.name for row in rows if row.name}


def _mover_name(mover: Mover, others: int, names: dict[str, str], start: date) -> markup.Text:
    if others:
        return f"{others} others"
    words = names.get(mover.key, text.known(mover.key))
    if mover.key in names:
        return markup.link(words, link_to("tenants", week=start.isoformat(), period="week", tenant=mover.key))
    return words
