"""Which models are used by whom and for how much: tiers, models and who is behind each, routing, prices in force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import streamlit as st

from dashboards import charts, downloads, markup, model_tables, prices_in_force, share_charts, waste_table
from dashboards import format as text
from dashboards.markup import Card
from dashboards.page import Page, coverage_words
from pipelines.economics.figures import shown, shown_bound
from pipelines.settings import Targets
from warehouse.model_rows import ModelPrice, TierUse
from warehouse.rows import CostLine, Dimension, Period, quotient

TITLE, ICON, ORDER = "Models", ":material/neurology:", 5

BY: tuple[Dimension, ...] = ("provider_name", "model", "model_tier", "feature")
WASTE = ("simple_work_on_large_models", "batchable", "just_over_a_price_step")
MEASURES = {"requests": "By requests", "tokens": "By tokens", "cost": "By cost"}
_UNIT = {"requests": "count", "tokens": "count", "cost": "usd"}


def show(page: Page) -> None:
    top = st.columns([2.2, 1.1, 1.1], vertical_alignment="bottom")
    with top[2]:
        week = page.choose_week()
    period = Period.week(week)
    every = page.marts.costs(period, ("feature",))
    with top[1]:
        feature = page.choose_feature(every)
    with top[0]:
        words = text.known(feature) if feature else "All features"
        page.header(
            f"Models, {text.span(period)}", words, coverage_words([c for c in every if feature in (None, c.key[0])])
        )
    lines = [
        line
        for line in page.marts.costs(period, (*BY, "is_model_call"))
        if line.key[4] and feature in (None, line.key[3])
    ]
    uses = [use for use in page.marts.tier_uses(week) if feature in (None, use.feature)]
    st.html(markup.cards(_cards(lines, uses, page.settings.targets if feature is None else None)))
    _tiers(page, uses, feature)
    model_tables.models(page, lines, period, feature)
    _download("models", downloads.costs_csv(BY, [_without_last(line) for line in lines]), week)
    _routing(page, week, feature)
    is_bound = any(line.unpriced_requests or line.partial_requests for line in lines)
    waste_table.show(page, "models", week, feature, WASTE, is_bound=is_bound)
    _prices(page, period, lines)
    page.remarks()
    page.footer()


def _without_last(line: CostLine) -> CostLine:
    return CostLine(line.key[:-1], *(getattr(line, name) for name in list(CostLine.__dataclass_fields__)[1:]))


def _cards(lines: Sequence[CostLine], uses: Sequence[TierUse], targets: Targets | None) -> list[Card]:
    """`targets`: of the company; a single feature has none."""
    cost = sum((line.cost_usd for line in lines), Decimal(0))
    requests = sum(line.requests for line in lines)
    lacking = sum(line.unpriced_requests + line.partial_requests for line in lines)
    models = len({line.key[:2] for line in lines})
    served, small = (
        sum(use.served_requests for use in uses if use.model_tier in wanted)
        for wanted in (share_charts.TIERS, ("small", "mid"))
    )
    share = quotient(Decimal(small), Decimal(served)) if served else None
    target = targets.small_or_mid_share_min if targets else None
    met = share >= target if share is not None and target is not None else None
    aim = (
        markup.joined(markup.verdict(met), f"target {shown(target, 'ratio')}", between="  ·  ")
        if target is not None
        else ""
    )
    unknown = sum(use.served_requests for use in uses if use.model_tier == "unknown")
    return [
        Card("Cost of model calls", shown_bound(cost, "usd", "at_least" if lacking else None),
             ["all environments", f"{text.counted(lacking, 'request')} without a full price" if lacking else ""]),
        Card("Models", text.count(models), [text.counted(requests, "request")]),
        Card("On mid or small models", shown(share, "ratio") or text.NONE, ["of served production requests", aim]),
        Card("Of unknown tier", text.share(unknown, served),
             ["name them in [model_tiers]" if unknown else "every model has a tier"],
             "Served production requests on models that no rule gives a tier"),
    ]  # fmt: skip


def _tiers(page: Page, uses: Sequence[TierUse], feature: str | None) -> None:
    st.html(markup.heading("Tier mix", "production; cost counts what has a price"))
    if not uses:
        st.html(markup.paragraph("No production request of this week was served by a model."))
        return
    with st.container(key="charts"):
        left, right = st.columns(2, gap="large")
        with left:
            st.html(markup.tag("div", "Company" if feature is None else text.known(feature), css="mc-chart-title"))
            whole = {name: _by_tier(uses, name) for name in MEASURES}
            st.plotly_chart(share_charts.tiers(whole, _UNIT), config=charts.CONFIG, key="tiers")
        with right:
            measure = page.address.switch("tiers_by", "Tiers by", MEASURES, "requests")
            features = list(dict.fromkeys(use.feature for use in uses))
            bars = {
                text.known(name): _by_tier([use for use in uses if use.feature == name], measure) for name in features
            }
            st.plotly_chart(
                share_charts.tiers(bars, dict.fromkeys(bars, _UNIT[measure])), config=charts.CONFIG, key="feature_tiers"
            )
    model_tables.tiers(uses)


def _by_tier(uses: Sequence[TierUse], measure: str) -> dict[str, Decimal]:
    field = {"requests": "served_requests", "tokens": "tokens", "cost": "cost_usd"}[measure]
    sums: dict[str, Decimal] = {}
    for use in uses:
        sums[use.model_tier] = sums.get(use.model_tier, Decimal(0)) + getattr(use, field)
    return sums


def _routing(page: Page, week: date, feature: str | None) -> None:
    rows = [row for row in page.marts.routed_tasks(week) if feature in (None, row.feature)]
    st.html(markup.heading("Routing", "two rates: moved up a tier by the router, handed to a person"))
    if not rows:
        st.html(markup.paragraph("No production task began in this week."))
        return
    model_tables.routing(rows)


def _prices(page: Page, period: Period, lines: Sequence[CostLine]) -> None:
    used = {line.key[:2] for line in lines}
    prices = [price for price in page.marts.model_prices(period) if (price.provider_name, price.model) in used]
    st.html(markup.heading("Prices in force", "per million tokens; a contract's where there is one"))
    if not prices:
        st.html(markup.paragraph("No model of this week has a price."))
        return
    prices_in_force.show(prices, period)
    _download("prices", downloads.rows_csv("prices", ModelPrice, prices), period.start)


def _download(name: str, content: bytes, week: date) -> None:
    st.download_button(
        "Download (CSV, exact)", content, f"margincall-{name}-{week}.csv", "text/csv", icon=":material/download:",
        on_click="ignore", key=f"download_{name}",
    )  # fmt: skip
