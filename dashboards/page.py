"""What every page is given: the configuration, one version of the marts, the ledger, and the filters in the URL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import streamlit as st

from dashboards import format as text
from dashboards import markup
from dashboards.address import ALL, Address
from dashboards.source import Marts
from pipelines.settings import Settings
from warehouse.control import Control
from warehouse.publish import Pointer
from warehouse.reader import UNATTRIBUTED, Reader
from warehouse.rows import CostLine, DataState, Period, TenantMargin

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Page:
    """One run of one page."""

    settings: Settings
    marts: Marts
    reader: Reader
    control: Control
    pointer: Pointer
    state: DataState
    address: Address

    def weeks(self) -> list[date]:
        """Newest first."""
        return self.marts.weeks()[::-1]

    def latest_week(self) -> date:
        """The latest complete week, else the latest."""
        return self.marts.weekly().week_start

    def choose_week(self) -> date:
        """A select box of the weeks there are; the latest complete one where the URL names none."""
        latest = self.latest_week()
        options = {week.isoformat(): text.span(Period.week(week)) for week in self.weeks()}
        options[latest.isoformat()] += " · latest"
        return date.fromisoformat(self.address.choose("week", "Week", options, latest.isoformat()))

    def choose_month(self) -> date:
        options = {f"{month:%Y-%m}": f"{month:%B %Y}" for month in self.marts.months()[::-1]}
        return date.fromisoformat(self.address.choose("month", "Month", options, next(iter(options))) + "-01")

    def choose_feature(self, costs: Iterable[CostLine]) -> str | None:
        """A select box of the features that these costs (by feature) name; None for all of them."""
        names = sorted({str(line.key[0]) for line in costs}, key=lambda name: (name == UNATTRIBUTED, name))
        chosen = self.address.choose(
            "feature", "Feature", {ALL: "All features"} | {name: text.known(name) for name in names}, ALL
        )
        return None if chosen == ALL else chosen

    def previous(self, week: date) -> date | None:
        """The week before, where the data has it."""
        before = week - WEEK
        return before if before in self.marts.weeks() else None

    def header(self, title: str, what: markup.Text, coverage: markup.Text) -> None:
        """What is shown, of when, and how sure it is."""
        version = f"version {self.pointer.n}, published {text.instant(self.pointer.published_at)}"
        line = markup.joined(what, f"days in {self.state.reporting_zone}", version, coverage, between="  ·  ")
        st.html(markup.tag("div", markup.tag("h1", title), markup.tag("p", line), css="mc-title"))

    def remarks(self) -> None:
        """What the URL asked for and is not there."""
        if self.address.notes:
            st.html(markup.note("warning", " ".join(self.address.notes)))

    def footer(self) -> None:
        known = f"Known as of {text.instant(self.state.known_at)}. " if self.state.known_at else ""
        st.html(
            markup.tag(
                "div",
                f"US dollars as paid, rounded for reading; downloads are exact. ≥ and ≤ mark bounds: some requests in the "
                f"total have no full price. {known}Price book {self.state.price_book_id}.",
                css="mc-footer",
            )
        )


def coverage_words(rows: Iterable[TenantMargin | CostLine]) -> str:
    """How much of the requests in these rows has a full price."""
    listed = list(rows)
    requests = sum(row.requests for row in listed)
    lacking = sum(row.unpriced_requests + row.partial_requests for row in listed)
    if requests == 0:
        return "no requests"
    return f"{text.share(requests - lacking, requests)} of {text.count(requests)} requests have a full price"
