"""What the rows of the caches add up to, and whether a prompt cache pays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.economics.figures import shown
from pipelines.economics.prompt_caching import break_even_reads
from pipelines.economics.wilson import wilson
from warehouse.model_rows import CacheWeek, ModelPrice, PromptCacheUse
from warehouse.rows import quotient

_SUMMED = (
    "cache_lookups", "cache_hits", "exact_hits", "semantic_hits", "embedding_hits", "tool_hits", "stale_hits",
    "sampled_hits", "disagreeing_hits", "hits_without_price", "saved_tokens",
)  # fmt: skip
_AMOUNTS = ("avoided_cost_usd", "lookup_cost_usd", "miss_cost_usd")
_LATENCIES = ("hit_p50_latency_ms", "hit_p95_latency_ms", "miss_p50_latency_ms", "miss_p95_latency_ms")


def together(week: date, rows: Sequence[CacheWeek]) -> CacheWeek | None:
    """Several features as one, without latencies unless there is one feature only; None without a row."""
    if len(rows) < 2:
        return rows[0] if rows else None
    counts = {name: sum(getattr(row, name) for row in rows) for name in _SUMMED}
    amounts = {name: sum((getattr(row, name) for row in rows), Decimal(0)) for name in _AMOUNTS}
    return CacheWeek(week_start=week, feature=None, **counts, **amounts, **dict.fromkeys(_LATENCIES))


def weighted_bound(row: CacheWeek, *, are_misses_bound: bool) -> tuple[str | None, bool]:
    """Of the cost-weighted hit rate: its sign, and whether it is one at all.

    Hits without a price make it a lower bound, misses without one an upper bound; both together leave no bound.
    """
    if row.hits_without_price and are_misses_bound:
        return None, False
    return ("at_least" if row.hits_without_price else "at_most" if are_misses_bound else None), True


def disagreement_words(row: CacheWeek) -> str:
    """What the bypass sample says, with Wilson's 95% interval; empty without a sample."""
    interval = wilson(row.disagreeing_hits, row.sampled_hits)
    if interval is None:
        return ""
    low, high = (f"{share * 100:.1f}%" for share in interval)
    return f"{shown(row.disagreement_rate, 'ratio')} of {row.sampled_hits:,} sampled disagree ({low} – {high})"


def reads_per_write(rows: Iterable[PromptCacheUse]) -> tuple[Decimal | None, int]:
    """Tokens read for each one written, and how many were written; only of features and models whose writes are logged."""
    writing = [row for row in rows if row.cache_creation_input_tokens]
    read, written = (
        sum(getattr(row, name) for row in writing)
        for name in ("cache_read_input_tokens", "cache_creation_input_tokens")
    )
    return (quotient(Decimal(read), Decimal(written)) if written else None), written


@dataclass(frozen=True)
class BreakEven:
    """Reads per written token from which a prompt cache pays, lowest and highest among the prices in force.

    `never`: a read of at least one of these prices is no cheaper than plain input.
    """

    low: Decimal | None
    high: Decimal | None
    never: bool


def break_even(prices: Iterable[ModelPrice]) -> BreakEven | None:
    """Of a model's interactive prices, five-minute writes; None where none of them has a price of input, reads and writes."""
    found: list[Decimal | None] = []
    for price in prices:
        parts = (price.input_per_million, price.cache_read_per_million, price.cache_write_5m_per_million)
        if price.context == "standard" and all(part is not None for part in parts):
            found.append(break_even_reads(*(part for part in parts if part is not None)))
    if not found:
        return None
    reached = [reads for reads in found if reads is not None]
    return BreakEven(min(reached, default=None), max(reached, default=None), len(reached) < len(found))


def does_pay(use: PromptCacheUse, limit: BreakEven | None) -> bool | None:
    """More reads per write than the break-even; None where nothing was cached or the prices leave it open."""
    if limit is None or not (use.cache_read_input_tokens or use.cache_creation_input_tokens):
        return None
    if limit.low is None or limit.high is None:
        return False
    reads = use.reads_per_write
    if reads is None:
        return None if limit.never else True
    if reads > limit.high and not limit.never:
        return True
    return False if reads <= limit.low else None
