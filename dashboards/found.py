"""Findings of one version, for every page that shows some: looked for once, with what people have said of them since."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from dashboards import format as text
from dashboards import markup
from dashboards.address import link_to
from dashboards.markup import Column, Row
from dashboards.page import Page
from dashboards.source import Moved, reader
from pipelines.economics.figures import shown, shown_bound
from pipelines.economics.finding import Finding
from pipelines.findings.detectors.company import Limits
from pipelines.findings.gather import findings, limits_of
from pipelines.findings.judged import Judged, judged
from warehouse.finding_states import everything_said
from warehouse.rows import Period

TOP = 5


def known_findings(page: Page) -> list[Judged]:
    """The dearest first."""
    found = _findings(page.marts.data_dir, page.marts.n, limits_of(page.settings.findings))
    return judged(found, everything_said(page.control))


@st.cache_data(show_spinner="Looking for waste …", max_entries=20)
def _findings(data_dir: str, n: int, limits: Limits) -> list[Finding]:
    """Of version `n`. Raises Moved when another is published meanwhile."""
    source = reader(data_dir)
    found = findings(source, limits)
    if source.version().n != n:
        raise Moved
    return found


def show_actions(page: Page) -> None:
    """What to do first: of the findings that go on and that nobody looks after, those whose end saves most in a week."""
    waiting = [one for one in known_findings(page) if one.is_open and one.finding.is_ongoing]
    # Stable: at equal savings, and where nobody knows them, the dearest first.
    open_ones = sorted(waiting, key=lambda one: one.finding.remedy.weekly_saving_usd or Decimal(0), reverse=True)
    hint = "findings that go on, by what their end would save; they overlap: never add them up"
    st.html(markup.heading("What to do first", hint))
    if not open_ones:
        st.html(markup.paragraph("Nothing was found that goes on and that nobody looks after."))
        return
    columns = [
        Column("what to do", css="mc-name"),
        Column("saves a week", True, "mc-strong"),
        Column("cost so far", True),
    ]
    rows = [
        Row([markup.stacked(one.finding.remedy.action, markup.link(_what(one), link_to("waste", finding=one.finding_id))),
             saving(one), cost(one)])
        for one in open_ones[:TOP]
    ]  # fmt: skip
    st.html(markup.table(columns, rows, label="What to do first"))
    more = len(open_ones) - TOP
    if more > 0:
        st.html(markup.paragraph(markup.link(f"{text.counted(more, 'more finding')}", link_to("waste"))))


def _what(one: Judged) -> str:
    return " · ".join((kind(one.finding.kind), *place(one.finding)))


def kind(name: str) -> str:
    """As a person reads it: `ci_on_production_keys` is CI on production keys."""
    words = name.replace("_", " ")
    return f"CI{words[2:]}" if words.startswith("ci ") else words.capitalize()


def place(finding: Finding) -> list[str]:
    """Tenant, feature, model and provider, as far as the finding names them."""
    named = (finding.tenant_id, finding.feature, finding.model, finding.provider)
    return [text.known(part) for part in named if part]


def days(finding: Finding) -> str:
    if finding.is_ongoing:
        return f"since {text.day(finding.since)}"
    return text.span(Period(finding.since, finding.until))


def cost(one: Judged) -> str:
    bound = "at_least" if one.finding.is_lower_bound else None
    return shown_bound(one.finding.cost_usd, "usd", bound) or "unknown"


def saving(one: Judged) -> str:
    return shown(one.finding.remedy.weekly_saving_usd, "usd") or "unknown"
