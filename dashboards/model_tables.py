"""Tables of models: tiers, every model with who is behind it, routing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import streamlit as st

from dashboards import format as text
from dashboards import markup
from dashboards.address import link_to, write
from dashboards.markup import Column, Row
from dashboards.page import Page
from pipelines.economics.figures import shown, shown_bound
from warehouse.model_rows import RoutedTasks, TierUse
from warehouse.rows import CostLine, Period, quotient

ROWS = 12
Model = tuple[str | None, str | None]
"""Provider and model, None where a request names none."""


def tiers(uses: Sequence[TierUse]) -> None:
    """Requests, tokens and cost of each tier."""
    order = ("small", "mid", "large", "unknown")
    sums = {tier: [use for use in uses if use.model_tier == tier] for tier in order}
    requests, tokens = (sum(getattr(use, name) for use in uses) for name in ("served_requests", "tokens"))
    cost = sum((use.cost_usd for use in uses), Decimal(0))
    listed = [(tier, found) for tier, found in sums.items() if found]
    amounts = text.column([sum((use.cost_usd for use in found), Decimal(0)) for _, found in listed])
    rows: list[Row] = []
    for (tier, found), amount in zip(listed, amounts, strict=True):
        its_requests, its_tokens = (sum(getattr(use, name) for use in found) for name in ("served_requests", "tokens"))
        its_cost = sum((use.cost_usd for use in found), Decimal(0))
        lacking = sum(use.incomplete_requests for use in found)
        rows.append(
            Row([tier,
                 markup.stacked(text.count(its_requests), text.share(its_requests, requests)),
                 markup.stacked(text.count(its_tokens), text.share(its_tokens, tokens)),
                 markup.stacked(f"{'≥ ' if lacking else ''}{amount}", shown(quotient(its_cost, cost), "ratio") if cost else ""),
                 text.count(lacking) if lacking else text.NONE])
        )  # fmt: skip
    columns = [Column("tier"), Column("requests", True), Column("tokens", True), Column("cost", True, "mc-strong"),
               Column("without full price", True)]  # fmt: skip
    st.html(markup.table(columns, rows, label="Tiers"))


def models(page: Page, lines: Sequence[CostLine], period: Period, feature: str | None) -> None:
    """One row per model, dearest first; the one that the address names is opened below."""
    st.html(markup.heading("By model", "all environments; open one to see who uses it"))
    found = _by_model(lines)
    if not found:
        st.html(markup.paragraph("No model was called in this week."))
        return
    whole = sum((line.cost_usd for line in found.values()), Decimal(0))
    amounts = text.column([line.cost_usd for line in found.values()])
    address = {"week": period.start.isoformat()} | ({"feature": feature} if feature else {})
    rows = [
        Row([markup.stacked(markup.link(name[1] or "no model named", link_to("models", **address, model=_key(name))),
                            f"{name[0] or 'no provider named'}, {line.key[0]}"),
             text.count(line.requests), text.count(line.input_tokens), text.count(line.output_tokens),
             f"{'≥ ' if _lacking(line) else ''}{amount}", shown(quotient(line.cost_usd, whole), "ratio") if whole else text.NONE,
             text.count(_lacking(line)) if _lacking(line) else text.NONE])
        for (name, line), amount in zip(found.items(), amounts, strict=True)
    ]  # fmt: skip
    columns = [Column("model", css="mc-name"), Column("requests", True), Column("tokens in", True), Column("tokens out", True),
               Column("cost", True, "mc-strong"), Column("share", True), Column("without full price", True)]  # fmt: skip
    st.html(markup.table(columns, rows, label="Models"))
    asked = page.address.text("model")
    opened = next((name for name in found if _key(name) == asked), None)
    if opened is not None:
        write("model", asked)
        _opened(page, opened, period, feature)
    elif asked is not None:
        page.address.notes.append(f"Model “{asked[:60]}” was not called in this week.")
        write("model", None)


def _key(name: Model) -> str:
    return f"{name[0] or ''}|{name[1] or ''}"


def _lacking(line: CostLine) -> int:
    return line.unpriced_requests + line.partial_requests


def _by_model(lines: Sequence[CostLine]) -> dict[Model, CostLine]:
    """Lines by (provider, model, tier, feature) as one per model, whose key is its tiers; dearest first."""
    groups: dict[Model, list[CostLine]] = {}
    for line in lines:
        groups.setdefault((line.key[0], line.key[1]), []).append(line)
    sums = {name: _sum(group) for name, group in groups.items()}
    return dict(sorted(sums.items(), key=lambda item: (-item[1].cost_usd, _key(item[0]))))


def _sum(group: Sequence[CostLine]) -> CostLine:
    counts = ("requests", "unpriced_requests", "partial_requests", "unconverted_events", "input_tokens",
              "cache_read_input_tokens", "output_tokens")  # fmt: skip
    tiers_of = ", ".join(sorted({str(line.key[2]) for line in group}))
    cost, at_list, contracted = (
        sum((getattr(line, name) for line in group), Decimal(0))
        for name in ("cost_usd", "list_cost_usd", "contracted_cost_usd")
    )
    sums = [sum(getattr(line, name) for line in group) for name in counts]
    return CostLine((tiers_of,), cost, *sums, list_cost_usd=at_list, contracted_cost_usd=contracted)


def _opened(page: Page, name: Model, period: Period, feature: str | None) -> None:
    st.html(markup.heading(f"Who uses {name[1] or 'a model without a name'}", name[0] or "no provider named"))
    names = {row.tenant_id: row.name for row in page.marts.tenant_margins(period) if row.name}
    with st.container(key="tables"):
        left, right = st.columns(2, gap="large")
        with left:
            tenants = page.marts.model_users(period, *name, "tenant_id")
            label = "Tenants of the model" if feature is None else "Tenants of the model, all features"
            st.html(_users(tenants, label, lambda key: _tenant(key, names, period)))
        with right:
            features = page.marts.model_users(period, *name, "feature")
            st.html(_users(features, "Features of the model", text.known))


def _tenant(key: str | None, names: dict[str, str], period: Period) -> markup.Text:
    if key not in names:
        return text.known(key)
    return markup.link(names[key], link_to("tenants", week=period.start.isoformat(), period="week", tenant=key))


def _users(lines: Sequence[CostLine], label: str, words: Callable[[str | None], markup.Text]) -> markup.Html:
    """The dearest of them, and the others as one row."""
    rest = lines[ROWS:]
    costs = [line.cost_usd for line in lines[:ROWS]] + (
        [sum((line.cost_usd for line in rest), Decimal(0))] if rest else []
    )
    amounts = text.column(costs)
    rows = [
        Row([words(line.key[0]), text.count(line.requests), f"{'≥ ' if _lacking(line) else ''}{amount}"])
        for line, amount in zip(lines[:ROWS], amounts, strict=False)
    ]
    if rest:
        sign = "≥ " if any(_lacking(line) for line in rest) else ""
        number = text.count(sum(line.requests for line in rest))
        rows.append(Row([f"{text.count(len(rest))} more", number, f"{sign}{amounts[-1]}"], "mc-plain"))
    columns = [
        Column(label.partition(" ")[0].lower(), css="mc-name"),
        Column("requests", True),
        Column("cost", True, "mc-strong"),
    ]
    return markup.table(columns, rows, label=label)


def routing(rows: Sequence[RoutedTasks]) -> None:
    """One row per feature, and all of them together; rates are of sums."""
    names = ("tasks", "routed_tasks", "moved_up_tasks", "handed_over_tasks")
    counts = [sum(getattr(row, name) for row in rows) for name in names]
    whole = RoutedTasks("", *counts, moved_up_cost_usd=sum((row.moved_up_cost_usd for row in rows), Decimal(0)))
    body = [Row([text.known(row.feature), *_routing_cells(row)]) for row in rows]
    if len(rows) > 1:
        body.append(Row(["All features", *_routing_cells(whole)], "mc-total"))
    columns = [
        Column("feature", css="mc-name"),
        Column("tasks", True),
        Column("routed", True, hint="Tasks with a logged routing decision"),
        Column("moved up a tier", True, "mc-strong", "Of routed tasks: a later attempt was served by a larger tier"),
        Column("their model cost", True),
        Column("handed to a person", True, "mc-strong", "Of all tasks"),
    ]
    st.html(markup.table(columns, body, label="Routing"))
    if not whole.routed_tasks:
        st.html(
            markup.paragraph(
                "No routing decision is logged (route_decision): how often a router moves up is not known."
            )
        )


def _routing_cells(row: RoutedTasks) -> list[markup.Text]:
    moved = shown_bound(row.moved_up_cost_usd, "usd", None) if row.moved_up_tasks else text.NONE
    return [
        text.count(row.tasks),
        text.count(row.routed_tasks) if row.routed_tasks else text.NONE,
        markup.stacked(shown(row.up_tier_rate, "ratio") or text.NONE,
                       text.counted(row.moved_up_tasks, "task") if row.moved_up_tasks else ""),
        moved,
        markup.stacked(shown(row.human_handoff_rate, "ratio") or text.NONE, text.counted(row.handed_over_tasks, "task")),
    ]  # fmt: skip
