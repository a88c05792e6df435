"""Spend that a team can act on, by kind; a kind opens to the tenants and features behind it."""

from __future__ import annotations

from collections.abc import Container
from datetime import date
from decimal import Decimal

import streamlit as st

from dashboards import downloads, markup
from dashboards import format as text
from dashboards.address import link_to, write
from dashboards.markup import Column, Row
from dashboards.page import Page
from pipelines.economics.figures import shown, shown_bound
from warehouse.rows import Period
from warehouse.task_rows import Waste

KINDS: dict[str, tuple[str, str]] = {
    "failed_tasks": ("Failed tasks", "All that was spent on tasks that failed, were escalated or abandoned, as known now"),
    "superseded_attempts": ("Retries", "Attempts of production tasks that a later attempt of the same call replaced"),
    "superseded_attempts_of_failed_tasks": ("Retries of failed tasks", "What the two rows above have in common"),
    "repeated_context": ("Repeated context", "Input that calls of a task repeat from the call before"),
    "without_task": ("Without a task", "Production model calls that belong to no task"),
    "outside_production": ("Outside production", "CI, tests, evaluation, development"),
    "batchable": ("Could be batched", "Features whose answers may wait, at interactive price"),
    "simple_work_on_large_models": ("Simple work on large models", "Features of task tier 3 on models of the large tier"),
    "just_over_a_price_step": ("Just over a price step", "What trimming prompts to below a long-context step would have saved"),
}  # fmt: skip
ROWS = 12


def show(page: Page, view: str, week: date, feature: str | None, kinds: Container[str], *, is_bound: bool) -> None:  # fmt: skip
    """The kinds in `kinds` that the week has; `view` is the page that links lead back to."""
    st.html(markup.heading("Spend to act on", "kinds overlap: they do not add up; open one to see whose it is"))
    found = [row for row in page.marts.waste(week, feature=feature) if row.kind in kinds]
    if not found:
        st.html(markup.paragraph("Nothing of these kinds was found in this week."))
        return
    address = {"week": week.isoformat()} | ({"feature": feature} if feature else {})
    noun = {"without_task": "", "outside_production": "request", "batchable": "request", "simple_work_on_large_models": "request",
            "just_over_a_price_step": "request"}  # fmt: skip
    sign = "at_least" if is_bound else None
    rows = [
        Row([markup.link(_name(row.kind), link_to(view, **address, waste=row.kind), hint=KINDS[row.kind][1]),
             text.counted(row.cases, noun.get(row.kind, "task")) if noun.get(row.kind, "task") else text.NONE,
             markup.stacked(shown_bound(row.cost_usd, "usd", sign), "estimate" if row.is_estimate else "")])
        for row in found
    ]  # fmt: skip
    columns = [Column("kind", css="mc-name"), Column("how many", True), Column("cost", True, "mc-strong")]
    opened = page.address.text("waste")
    if opened is not None and opened not in {row.kind for row in found}:
        if opened not in KINDS:
            page.address.notes.append(f"“waste={opened[:60]}” in the address is not known here.")
        write("waste", None)
        opened = None
    st.html(markup.table(columns, rows, label="Spend to act on"))
    if opened is not None:
        _opened(page, week, feature, opened, sign)


def _name(kind: str) -> str:
    return KINDS[kind][0]


def _opened(page: Page, week: date, feature: str | None, kind: str, sign: str | None) -> None:
    write("waste", kind)
    rows = page.marts.waste(week, ("tenant_id", "feature"), feature=feature, kind=kind)
    names = {row.tenant_id: row.name for row in page.marts.tenant_margins(Period.week(week)) if row.name}
    shown_rows = rows[:ROWS]
    rest = sum((row.cost_usd for row in rows[ROWS:]), Decimal(0))
    amounts = text.column([*(row.cost_usd for row in shown_rows), *([rest] if rows[ROWS:] else [])])
    body = [
        Row([names.get(row.key[0], text.known(row.key[0])), text.known(row.key[1]), amount])
        for row, amount in zip(shown_rows, amounts, strict=False)
    ]
    if rows[ROWS:]:
        body.append(Row([f"{len(rows) - ROWS} more", "", amounts[-1]], "mc-plain"))
    total = sum((row.cost_usd for row in rows), Decimal(0))
    body.append(Row(["Total", "", f"{'≥ ' if sign else ''}{shown(total, 'usd')}"], "mc-total"))
    st.html(markup.paragraph(markup.tag("strong", _name(kind)), f": {KINDS[kind][1]}."))
    columns = [Column("tenant", css="mc-name"), Column("feature"), Column("cost", True, "mc-strong")]
    st.html(markup.table(columns, body, label="Whose it is"))
    st.download_button(
        "Download (CSV, exact)", downloads.rows_csv("waste", Waste, rows, ("tenant_id", "feature")),
        f"margincall-waste-{kind}-{week}.csv", "text/csv", icon=":material/download:", on_click="ignore", key="download_waste",
    )  # fmt: skip
