"""Tables of the caches: the gateway's by feature, the providers' by feature and model with their break-even."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal

import streamlit as st

from dashboards import format as text
from dashboards import markup
from dashboards.address import link_to
from dashboards.cache_figures import BreakEven, break_even, disagreement_words, does_pay, weighted_bound
from dashboards.markup import Column, Row
from pipelines.economics.figures import shown, shown_bound
from warehouse.model_rows import CacheWeek, ModelPrice, PromptCacheUse

ROWS = 15
_PAYS = {True: ("mc-good", "✓ pays"), False: ("mc-bad", "✗ does not")}


def gateway(rows: Sequence[CacheWeek], whole: CacheWeek, lacking: Collection[str], week: date) -> None:
    """One row per feature, and all of them together; `lacking`: features whose misses are not fully priced."""
    body = [
        Row([markup.link(text.known(row.feature), link_to("cache", week=week.isoformat(), feature=str(row.feature))),
             *_gateway_cells(row, is_bound=row.feature in lacking)])
        for row in rows
    ]  # fmt: skip
    if len(rows) > 1:
        is_bound = any(row.feature in lacking for row in rows)
        body.append(Row(["All features", *_gateway_cells(whole, is_bound=is_bound)], "mc-total"))
    columns = [
        Column("feature", css="mc-name"),
        Column("lookups", True),
        Column("hit rate", True, "mc-strong"),
        Column("by cost", True),
        Column("avoided", True),
        Column("paid for misses", True),
        Column("stale", True),
        Column(
            "hits, misses p50", True, hint="Half of them took no longer; latencies of several features do not add up"
        ),
    ]
    st.html(markup.table(columns, body, label="Gateway cache"))


def _gateway_cells(row: CacheWeek, *, is_bound: bool) -> list[markup.Text]:
    sign, is_whole = weighted_bound(row, are_misses_bound=is_bound)
    hit, miss = (_ms(value) for value in (row.hit_p50_latency_ms, row.miss_p50_latency_ms))
    slow_hit, slow_miss = (_ms(value) for value in (row.hit_p95_latency_ms, row.miss_p95_latency_ms))
    known = row.hit_p50_latency_ms is not None or row.miss_p50_latency_ms is not None
    return [
        text.count(row.cache_lookups),
        shown(row.hit_rate, "ratio") or text.NONE,
        markup.stacked(
            shown_bound(row.cost_weighted_hit_rate, "ratio", sign) or text.NONE, "" if is_whole else "of what is priced"
        ),
        shown_bound(row.avoided_cost_usd, "usd", "at_least" if row.hits_without_price else None),
        shown_bound(row.miss_cost_usd, "usd", "at_least" if is_bound else None),
        markup.stacked(shown(row.stale_hit_rate, "ratio") or text.NONE, disagreement_words(row)),
        markup.stacked(f"{hit}, {miss}", f"p95 {slow_hit}, {slow_miss}") if known else text.NONE,
    ]


def _ms(value: int | None) -> str:
    """Cache hits take milliseconds: tenths of a second would all be 0.0."""
    if value is None:
        return text.NONE
    return f"{text.count(value)} ms" if value < 1000 else shown(Decimal(value), "ms")


def prompt(rows: Sequence[PromptCacheUse], prices: Sequence[ModelPrice]) -> None:
    """One row per feature and model, most input first."""
    columns = [
        Column("feature", css="mc-name"),
        Column("model", css="mc-name"),
        Column("read", True, hint="Cache reads over all input tokens"),
        Column("saved", True, "mc-strong"),
        Column("reads per write", True),
        Column(
            "pays from", True, hint="(price of a write − of input) ÷ (price of input − of a read), five-minute writes"
        ),
        Column(""),
    ]
    body = [_prompt_row(row, break_even(_of(prices, row))) for row in rows[:ROWS]]
    if len(rows) > ROWS:
        rest = sum((row.saving_usd for row in rows[ROWS:]), Decimal(0))
        body.append(Row([f"{len(rows) - ROWS} more", "", "", shown(rest, "usd"), "", "", ""], "mc-plain"))
    st.html(markup.table(columns, body, label="Prompt cache"))
    st.html(
        markup.paragraph(
            "A cache pays when each written token is read more often than its break-even: (write − input) ÷ (input − read), "
            "at the prices in force in the week. Storage by the hour is not logged and in no figure here."
        )
    )


def _of(prices: Sequence[ModelPrice], row: PromptCacheUse) -> list[ModelPrice]:
    wanted = (row.provider_name, row.model)
    return [
        price
        for price in prices
        if (price.provider_name or "unattributed", price.model or "unattributed") == wanted
    ]  # fmt: skip


def _prompt_row(row: PromptCacheUse, limit: BreakEven | None) -> Row:
    pays = does_pay(row, limit)
    css, words = _PAYS[pays] if pays is not None else ("mc-muted", "")
    return Row(
        [
            text.known(row.feature),
            markup.stacked(text.known(row.model), text.known(row.provider_name)),
            shown(row.rate, "ratio") or text.NONE,
            shown(row.saving_usd, "usd"),
            shown(row.reads_per_write, "multiple") or text.NONE,
            _limit_words(limit),
            markup.tag("span", words, css=css),
        ]
    )


def _limit_words(limit: BreakEven | None) -> str:
    if limit is None:
        return "no price"
    if limit.low is None or limit.high is None:
        return "never"
    low, high = shown(limit.low, "multiple"), shown(limit.high, "multiple")
    words = low if low == high else f"{low} – {high}"
    return "the first read" if words == "0.00" else words
