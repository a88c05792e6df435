"""One task: what it cost, what came of it, and every request behind it with the log line that it was read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import streamlit as st

from dashboards import downloads, markup
from dashboards import format as text
from dashboards.address import link_to, write
from dashboards.ledger_tables import short_path
from dashboards.markup import Card, Column, Row
from dashboards.page import Page
from pipelines.economics.figures import shown, shown_bound
from warehouse import ledger_view
from warehouse.rows import Period
from warehouse.task_rows import Attempt, Task

STATUS = {"priced": "", "free": "free", "partial": "part of the price is unknown", "unpriced": "no price"}


def header(page: Page, task: Task) -> None:
    st.button("All tasks", icon=":material/arrow_back:", type="tertiary", on_click=write, args=("task", None))
    lacking = f"{text.counted(task.incomplete_parts, 'part')} without a full price" if task.incomplete_parts else ""
    page.header(f"Task {task.task_id}", f"Began {text.instant(task.started_at)}", lacking or "fully priced")


def show(page: Page, task: Task) -> None:
    attempts = page.marts.attempts(task.task_id)
    st.html(markup.cards(_cards(page, task, attempts)))
    st.html(markup.heading("Its requests", "oldest first, times in UTC; each with the log line that it was read from"))
    files = ledger_view.landed_paths(page.control, [attempt.landing_id for attempt in attempts])
    st.html(_table(page, attempts, files))
    if task.other_cost_usd:
        other = shown(task.other_cost_usd, "usd")
        st.html(markup.paragraph(f"{other} more for tools, retrieval and reviews, from the feed of cost events."))
    st.download_button(
        "Download its requests (CSV, exact)", downloads.rows_csv("attempts", Attempt, attempts), "margincall-task.csv",
        "text/csv", icon=":material/download:", on_click="ignore", key="download_task",
    )  # fmt: skip


def _cards(page: Page, task: Task, attempts: Sequence[Attempt]) -> list[Card]:
    bound = "at_least" if task.incomplete_parts else None
    calls = f"models {shown(task.llm_cost_usd, 'usd')}, other {shown(task.other_cost_usd, 'usd')}"
    replaced = sum(attempt.is_superseded for attempt in attempts)
    where = "no environment named" if task.environment is None else task.environment
    return [
        Card("Cost", shown_bound(task.cost_usd, "usd", bound), [calls]),
        Card("Outcome", task.outcome, [f"took {shown(Decimal(task.duration_ms), 'ms')}"]),
        Card("Attempts", text.count(task.attempts), [f"{text.count(replaced)} replaced by a later one" if replaced else ""]),
        Card("Tenant", _tenant(page, task), [text.known(task.feature or "unattributed"), where]),
    ]  # fmt: skip


def _tenant(page: Page, task: Task) -> markup.Text:
    """By its name, leading to its page of the week in which the task began; as it stands where that week has no such tenant."""
    week = next((first for first in page.weeks() if first <= task.task_date), None)
    if week is None or task.tenant_id is None:
        return text.known(task.tenant_id or "unattributed")
    row = next((row for row in page.marts.tenant_margins(Period.week(week)) if row.tenant_id == task.tenant_id), None)
    if row is None or not row.name:
        return text.known(task.tenant_id)
    return markup.link(row.name, link_to("tenants", week=week.isoformat(), period="week", tenant=task.tenant_id))


def _table(page: Page, attempts: Sequence[Attempt], files: Mapping[str, str]) -> markup.Html:
    columns = [
        Column("started"),
        Column("model", css="mc-name"),
        Column("cost", True, "mc-strong"),
        Column("status"),
        Column("tokens in", True),
        Column("tokens out", True),
        Column("log line", css="mc-name", hint="File and line, with the key of the record in the lake"),
    ]
    return markup.table(columns, [_row(page, attempt, files) for attempt in attempts], label="Requests of the task")


def _row(page: Page, attempt: Attempt, files: Mapping[str, str]) -> Row:
    started = f"{attempt.started_at:%H:%M:%S}"
    how = [word for word in ("cache hit" if attempt.is_gateway_cache_hit else "",
                             "replaced" if attempt.is_superseded else "") if word]  # fmt: skip
    why = (attempt.pricing_reason or "").replace("_", " ")
    price = STATUS.get(attempt.pricing_status, attempt.pricing_status)
    sign = "at_least" if attempt.pricing_status == "partial" else None
    path = files.get(attempt.landing_id)
    line = (
        f"{short_path(page, path)}:{attempt.source_line}"
        if path
        else f"landing {attempt.landing_id}:{attempt.source_line}"
    )
    return Row(
        [
            markup.stacked(started, text.day(attempt.started_at)),
            markup.stacked(attempt.model or "no model named", attempt.provider_name or "no provider named"),
            markup.stacked(
                shown_bound(attempt.cost_usd, "usd", sign) or text.NONE, f"{price}: {why}" if price and why else price
            ),
            markup.stacked(attempt.status, ", ".join(how)),
            text.NONE if attempt.input_tokens is None else text.count(attempt.input_tokens),
            text.NONE if attempt.output_tokens is None else text.count(attempt.output_tokens),
            markup.stacked(line, f"record {attempt.record_key}"),
        ],
        "mc-plain" if attempt.is_superseded else "",
    )
