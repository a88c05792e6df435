"""Where money is lost: findings with dollars, since when, what to do, and the requests behind each; and waste by kind."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import streamlit as st

from dashboards import downloads, found, markup, waste_table
from dashboards import format as text
from dashboards.address import ALL, link_to, write
from dashboards.ledger_tables import short_path
from dashboards.markup import Card, Column, Row
from dashboards.page import Page
from pipelines import finding_report
from pipelines.findings import evidence
from pipelines.findings.evidence import Request
from pipelines.findings.judged import Judged
from warehouse import ledger_view
from warehouse.rows import Period

TITLE, ICON, ORDER = "Waste", ":material/water_drop:", 6

STATES = {"open": "To look at", "acknowledged": "Acknowledged", "done": "Done", ALL: "All"}
REQUESTS = 20


def show(page: Page) -> None:
    everything = found.known_findings(page)
    top = st.columns([2.2, 1.1, 1.1], vertical_alignment="bottom")
    with top[2]:
        state = page.address.choose("state", "State", STATES, "open")
    with top[1]:
        kinds = {one.finding.kind: found.kind(one.finding.kind) for one in everything}
        chosen = page.address.choose("kind", "Kind", {ALL: "All kinds"} | dict(sorted(kinds.items())), ALL)
    with top[0]:
        page.header("Waste", "Findings over all days of the data", "")
    st.html(markup.cards(_cards(everything)))
    opened = page.address.text("finding")
    one = next((one for one in everything if one.finding_id == opened), None)
    if one is not None:
        _opened(page, one)
    elif opened is not None:
        page.address.notes.append(f"There is no finding “{opened[:40]}” any more.")
        write("finding", None)
    listed = [one for one in everything if chosen in (ALL, one.finding.kind) and _is_in(one, state)]
    _list(listed, everything)
    week = page.latest_week()
    lines = page.marts.costs(Period.week(week), ("feature",))
    is_bound = any(line.unpriced_requests or line.partial_requests for line in lines)
    waste_table.show(page, "waste", week, None, waste_table.KINDS, is_bound=is_bound)
    page.remarks()
    page.footer()


def _is_in(one: Judged, state: str) -> bool:
    return state in (ALL, one.state) or (state == "open" and one.is_open)


def _cards(everything: Sequence[Judged]) -> list[Card]:
    """Dollars of findings overlap: the dearest is shown, never a sum."""
    waiting = [one for one in everything if one.is_open]
    lasting = [one for one in waiting if one.finding.is_ongoing]
    dearest = waiting[0] if waiting else None
    savings = [one for one in waiting if one.finding.remedy.weekly_saving_usd]
    best = max(savings, key=lambda one: one.finding.remedy.weekly_saving_usd or Decimal(0), default=None)
    seen_to = sum(one.state != "open" for one in everything)
    return [
        Card("To look at", text.count(len(waiting)), [f"{text.count(len(lasting))} of them go on"]),
        Card("Dearest", found.cost(dearest) if dearest else text.NONE, [_called(dearest)]),
        Card("Saves most", f"{found.saving(best)} a week" if best else text.NONE, [_called(best)]),
        Card("Acknowledged or done", text.count(seen_to), ["by people, kept with who and when"]),
    ]


def _called(one: Judged | None) -> str:
    return "" if one is None else " · ".join((found.kind(one.finding.kind), *found.place(one.finding)[:1]))


def _list(listed: Sequence[Judged], everything: Sequence[Judged]) -> None:
    st.html(
        markup.heading("Findings", "the dearest first; they overlap and are never added up; open one for its requests")
    )
    if not listed:
        words = "No finding is in this state." if everything else "Nothing was found."
        st.html(markup.paragraph(words))
        return
    largest = max((one.finding.cost_usd or Decimal(0) for one in listed), default=Decimal(0)) or Decimal(1)
    columns = [
        Column("finding", css="mc-name"),
        Column("when"),
        Column("cost", True, "mc-strong"),
        Column("", css="mc-bar-cell"),
        Column("saves a week", True),
        Column("state"),
    ]
    rows = [
        Row(
            [
                markup.stacked(
                    markup.link(found.kind(one.finding.kind), link_to("waste", finding=one.finding_id), hint=one.finding.summary),
                    " · ".join(found.place(one.finding)) or "the company",
                ),
                found.days(one.finding),
                found.cost(one),
                markup.bars_across(int((one.finding.cost_usd or Decimal(0)) * 100 / largest)),
                found.saving(one),
                _state(one),
            ]
        )
        for one in listed
    ]  # fmt: skip
    st.html(markup.table(columns, rows, label="Findings"))
    exact = downloads.cells_csv("findings", finding_report.COLUMNS, [finding_report.as_data(one) for one in listed])
    st.download_button(
        "Download (CSV, exact)", exact, "margincall-findings.csv", "text/csv", icon=":material/download:", on_click="ignore",
        key="download_findings",
    )  # fmt: skip


def _state(one: Judged) -> markup.Text:
    if not one.said:
        return "open"
    words = "done, still seen" if one.is_still_seen else one.state
    return markup.stacked(words, f"{one.said[-1].said_by}, {text.instant(one.said[-1].said_at)}")


def _opened(page: Page, one: Judged) -> None:
    finding = one.finding
    st.html(markup.heading(_called(one), f"finding {one.finding_id} · {found.days(finding)}"))
    st.html(markup.paragraph(finding.summary))
    st.html(
        markup.paragraph(
            markup.tag("strong", "What to do. "), finding.remedy.action,
            f" Saves a week: {found.saving(one)}, by {finding.remedy.source}.",
        )
    )  # fmt: skip
    for word in one.said:
        note = f": {word.note}" if word.note else ""
        st.html(markup.paragraph(f"{word.state.capitalize()} by {word.said_by}, {text.instant(word.said_at)}{note}"))
    say = f"margincall findings acknowledge {one.finding_id} --as YOU"
    st.html(markup.paragraph("Say that you look after it, or that it is done: ", markup.code(say)))
    requests = evidence.requests_of(page.reader, finding, REQUESTS)
    counted = (
        f"the dearest {len(requests)} of {text.count(finding.requests)}" if len(requests) < finding.requests else "all"
    )
    st.html(markup.heading("Its requests", f"{counted}; times in UTC, each with the log line that it was read from"))
    if not requests:
        st.html(markup.paragraph("None is logged."))
    else:
        files = ledger_view.landed_paths(page.control, [request.landing_id for request in requests])
        st.html(_requests(page, requests, files))
    with st.expander("All of them in SQL"):
        st.code(f'margincall query "{evidence.sql_of(finding)}"', language="sh", wrap_lines=True)
    st.button("Close", icon=":material/close:", type="tertiary", on_click=write, args=("finding", None))


def _requests(page: Page, requests: Sequence[Request], files: dict[str, str]) -> markup.Html:
    columns = [
        Column("started"),
        Column("whose", css="mc-name"),
        Column("model", css="mc-name"),
        Column("tokens in", True),
        Column("tokens out", True),
        Column("cost", True, "mc-strong"),
        Column("log line", css="mc-name"),
    ]
    rows = [
        Row(
            [
                markup.stacked(f"{row.started_at:%H:%M:%S}", text.day(row.started_at)),
                markup.stacked(text.known(row.tenant_id), text.known(row.feature)),
                markup.stacked(text.known(row.model), row.status),
                text.NONE if row.input_tokens is None else text.count(row.input_tokens),
                text.NONE if row.output_tokens is None else text.count(row.output_tokens),
                text.usd(row.cost_usd),
                f"{short_path(page, files.get(row.landing_id) or f'landing {row.landing_id}')}:{row.source_line}",
            ]
        )
        for row in requests
    ]
    return markup.table(columns, rows, label="Requests of the finding")
