"""What the two caches save: the gateway's, by hits and by cost, and the providers' prompt caches against their break-even."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import streamlit as st

from dashboards import cache_tables, charts, downloads, markup, share_charts
from dashboards import format as text
from dashboards.cache_figures import disagreement_words, reads_per_write, together, weighted_bound
from dashboards.markup import Card
from dashboards.page import Page, coverage_words
from pipelines.economics.figures import shown, shown_bound
from pipelines.settings import Targets
from warehouse.model_rows import CacheWeek, PromptCacheUse
from warehouse.rows import Period, quotient

TITLE, ICON, ORDER = "Cache", ":material/cached:", 4


def show(page: Page) -> None:
    top = st.columns([2.2, 1.1, 1.1], vertical_alignment="bottom")
    with top[2]:
        week = page.choose_week()
    period = Period.week(week)
    costs = page.marts.costs(period, ("feature", "is_production"))
    with top[1]:
        feature = page.choose_feature(costs)
    with top[0]:
        words = f"Production{f', {text.known(feature)}' if feature else ''}"
        page.header(
            f"Cache, {text.span(period)}", words, coverage_words([c for c in costs if feature in (None, c.key[0])])
        )
    lacking = {c.key[0] for c in costs if c.key[1] and (c.unpriced_requests or c.partial_requests)}
    _gateway(page, week, feature, lacking)
    _prompt(page, week, feature)
    page.remarks()
    page.footer()


def _gateway(page: Page, week: date, feature: str | None, lacking: set[str]) -> None:
    """`lacking`: features with production requests without a full price: what their misses cost is a lower bound."""
    every = [row for row in page.marts.cache_weeks() if feature in (None, row.feature)]
    rows = [row for row in every if row.week_start == week]
    whole = together(week, rows)
    st.html(markup.heading("The gateway's cache", "answers that were kept: no call to a provider"))
    if whole is None:
        st.html(markup.note("info", "No request of this week says whether a cache answered it (is_gateway_cache_hit)."))
    else:
        is_bound = any(row.feature in lacking for row in rows)
        targets = page.settings.targets if feature is None else None
        st.html(markup.cards(_cards(whole, targets, are_misses_bound=is_bound)))
        if sum((whole.exact_hits, whole.semantic_hits, whole.embedding_hits, whole.tool_hits)):
            st.html(markup.paragraph(_kinds(whole)))
    _weeks(every)
    if rows and whole is not None:
        cache_tables.gateway(rows, whole, lacking, week)
        _download("gateway", downloads.rows_csv("cache", CacheWeek, rows), week)


def _cards(whole: CacheWeek, targets: Targets | None, *, are_misses_bound: bool) -> list[Card]:
    """`targets`: of the company; a single feature has none."""
    sign, is_bound = weighted_bound(whole, are_misses_bound=are_misses_bound)
    target = targets.gateway_cache_hit_rate_min if targets else None
    met = whole.hit_rate >= target if whole.hit_rate is not None and target is not None else None
    aim = (
        markup.joined(markup.verdict(met), f"target {shown(target, 'ratio')}", between="  ·  ")
        if target is not None
        else ""
    )
    unpriced = f"{text.counted(whole.hits_without_price, 'hit')} without a price" if whole.hits_without_price else ""
    return [
        Card("Hit rate", shown(whole.hit_rate, "ratio") or text.NONE,
             [f"{text.count(whole.cache_hits)} of {text.counted(whole.cache_lookups, 'lookup')}", aim],
             "Hits over lookups of calls that can be cached"),
        Card("Hit rate by cost", shown_bound(whole.cost_weighted_hit_rate, "ratio", sign) or text.NONE,
             ["of what all lookups would have cost" if is_bound else "of what has a price; the rest is unknown"],
             "Avoided cost over avoided and paid cost: hits on cheap calls count for little"),
        Card("Avoided", shown_bound(whole.avoided_cost_usd, "usd", "at_least" if whole.hits_without_price else None),
             [unpriced, f"paid for misses {shown_bound(whole.miss_cost_usd, 'usd', 'at_least' if are_misses_bound else None)}",
              f"paid for hits {shown(whole.lookup_cost_usd, 'usd')}"],
             "What the hits would have cost at the company's own prices"),
        Card("Stale answers", shown(whole.stale_hit_rate, "ratio") or text.NONE,
             [f"{text.counted(whole.stale_hits, 'hit')} reported as stale", disagreement_words(whole), _latency(whole)],
             "Hits that the feed stale_reports names; where it samples hits against fresh answers, with a 95% Wilson interval"),
    ]  # fmt: skip


def _latency(row: CacheWeek) -> str:
    hit, miss = (
        shown(None if v is None else Decimal(v), "ms") for v in (row.hit_p50_latency_ms, row.miss_p50_latency_ms)
    )
    return f"half of the hits within {hit}, of the misses within {miss}" if hit and miss else ""


def _kinds(whole: CacheWeek) -> str:
    kinds = {
        "exact": whole.exact_hits,
        "semantic": whole.semantic_hits,
        "embedding": whole.embedding_hits,
        "tool": whole.tool_hits,
    }
    kinds["of no named kind"] = whole.cache_hits - sum(kinds.values())
    parts = [f"{text.count(number)} {name}" for name, number in kinds.items() if number]
    return f"Hits by kind: {', '.join(parts)}."


def _weeks(every: Sequence[CacheWeek]) -> None:
    by_week: dict[date, list[CacheWeek]] = {}
    for row in every:
        by_week.setdefault(row.week_start, []).append(row)
    sums = [(week, together(week, rows)) for week, rows in sorted(by_week.items())]
    if len(sums) < 2:
        return
    series = {
        "hits over lookups": [(week, row and row.hit_rate) for week, row in sums],
        "by cost": [(week, row and row.cost_weighted_hit_rate) for week, row in sums],
    }
    st.plotly_chart(share_charts.rates(series), config=charts.CONFIG, key="cache_weeks")


def _prompt(page: Page, week: date, feature: str | None) -> None:
    rows = [row for row in page.marts.prompt_cache(week) if feature in (None, row.feature)]
    st.html(markup.heading("The providers' prompt caches", "input that a provider read from its cache"))
    if not rows:
        st.html(markup.paragraph("No production request of this week has input."))
        return
    read, tokens = (sum(getattr(row, name) for row in rows) for name in ("cache_read_input_tokens", "input_tokens"))
    saving = sum((row.saving_usd for row in rows), Decimal(0))
    rate = quotient(Decimal(read), Decimal(tokens)) if tokens else None
    ratio, written = reads_per_write(rows)
    st.html(
        markup.cards(
            [
                Card("Read from cache", shown(rate, "ratio") or text.NONE, [f"of {text.count(tokens)} input tokens"]),
                Card("Saved", shown(saving, "usd"), ["against plain input, writes paid"],
                     "Cached tokens at the price of plain input, less what they cost; storage by the hour is not logged"),
                Card("Tokens read", text.count(read)),
                Card("Reads per write", shown(ratio, "multiple") or text.NONE,
                     [f"{text.count(written)} tokens written" if written else "no writes are logged"],
                     "Of the features and models whose writes are logged"),
            ]
        )
    )  # fmt: skip
    cache_tables.prompt(rows, page.marts.model_prices(Period.week(week)))
    _download(
        "prompt", downloads.rows_csv("prompt_cache", PromptCacheUse, rows, more=("rate", "reads_per_write")), week
    )


def _download(name: str, content: bytes, week: date) -> None:
    st.download_button(
        "Download (CSV, exact)", content, f"margincall-{name}-cache-{week}.csv", "text/csv", icon=":material/download:",
        on_click="ignore", key=f"download_{name}",
    )  # fmt: skip
