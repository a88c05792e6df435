"""When a prompt cache pays, what the gateway's cache of several features is as one, and what a price's row says."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from dashboards import share_charts
from dashboards.cache_figures import (
    BreakEven,
    break_even,
    disagreement_words,
    does_pay,
    reads_per_write,
    together,
    weighted_bound,
)
from dashboards.prices_in_force import holds
from pipelines.economics.prompt_caching import break_even_reads
from warehouse.model_rows import CacheWeek, ModelPrice, PromptCacheUse
from warehouse.rows import Period
from warehouse.task_rows import ContextBin

MONDAY = date(2026, 11, 9)
WEEK = Period.week(MONDAY)


def price(plain: str | None = "3", read: str | None = "0.3", write: str | None = "3.75", **values: Any) -> ModelPrice:
    amounts = [None if part is None else Decimal(part) for part in (plain, read, write, "6", "15")]
    fields: dict[str, Any] = {
        "provider_name": "anthropic", "model": "m", "price_provider": "anthropic", "price_model": "m", "context": "standard",
        "context_step_tokens": 0, "valid_from": date(1970, 1, 1), "valid_to": date(9999, 12, 31), "time_of_day_from_s": 0,
        "time_of_day_to_s": 86_400, "weekday_mask": 127, "source": "genai-prices", "has_contract": False, "currency": "USD",
    }  # fmt: skip
    return ModelPrice(*(fields | values).values(), *amounts)


def use(reads: int, writes: int) -> PromptCacheUse:
    return PromptCacheUse("reply", "anthropic", "m", 1, 1000, reads, writes, Decimal(0))


def cache(feature: str, lookups: int, hits: int, avoided: str, missed: str, **values: int) -> CacheWeek:
    names = ("stale_hits", "sampled_hits", "disagreeing_hits", "hits_without_price")
    counts = [lookups, hits, 0, 0, 0, 0, *(values.get(name, 0) for name in names), 0]
    return CacheWeek(MONDAY, feature, *counts, Decimal(avoided), Decimal(0), Decimal(missed), 5, 9, 700, 900)


def test_a_bypass_sample_is_told_with_its_interval() -> None:
    """Wilson, 95%: 1 of 10 between 1.8% and 40.4%, and 2 of 20, two features together, between 2.8% and 30.1%."""
    rows = [cache(name, 50, 30, "1", "1", sampled_hits=10, disagreeing_hits=1) for name in ("a", "b")]
    assert disagreement_words(rows[0]) == "10.0% of 10 sampled disagree (1.8% – 40.4%)"
    whole = together(MONDAY, rows)
    assert whole is not None and disagreement_words(whole) == "10.0% of 20 sampled disagree (2.8% – 30.1%)"
    assert disagreement_words(cache("a", 50, 30, "1", "1")) == ""


@pytest.mark.parametrize(
    ("plain", "read", "write", "reads"),
    [
        ("3", "0.3", "3.75", "0.277777777778"),  # 0.75 / 2.7
        ("3", "0.3", "6", "1.111111111111"),  # an hour: 3 / 2.7
        ("1.25", "0.125", "1.25", "0"),  # writes cost what input does
        ("3", "1.5", "2", "0"),  # and even less
        ("3", "3", "3.75", None),  # reads save nothing
        ("3", "4", "3", None),
    ],
)  # fmt: skip
def test_a_cache_pays_from_the_premium_of_a_write_over_the_saving_of_a_read(
    plain: str, read: str, write: str, reads: str | None
) -> None:
    found = break_even_reads(Decimal(plain), Decimal(read), Decimal(write))
    assert found == (None if reads is None else Decimal(reads))


def test_the_break_even_is_that_of_the_interactive_prices_that_are_complete() -> None:
    assert break_even([]) is None
    assert break_even([price(read=None), price(context="batch")]) is None
    # 0.75 / 2.7 and, at another time, 0.5 / 1
    assert break_even([price(), price("2", "1", "2.5")]) == BreakEven(Decimal("0.277777777778"), Decimal("0.5"), False)
    assert break_even([price(), price(read="3")]) == BreakEven(*[Decimal("0.277777777778")] * 2, True)
    assert break_even([price(read="3")]) == BreakEven(None, None, True)


@pytest.mark.parametrize(
    ("reads", "writes", "low", "high", "pays"),
    [
        (300, 1000, "0.2", "0.2", True),
        (200, 1000, "0.2", "0.2", False),  # just as dear as none
        (300, 1000, "0.2", "0.4", None),  # under one price yes, under the other no
        (300, 0, "0.2", "0.2", True),  # no write was paid
        (0, 1000, "0.2", "0.2", False),
        (0, 0, "0.2", "0.2", None),  # nothing was cached
    ],
)
def test_whether_a_cache_pays(reads: int, writes: int, low: str, high: str, pays: bool | None) -> None:
    assert does_pay(use(reads, writes), BreakEven(Decimal(low), Decimal(high), False)) is pays


def test_a_cache_without_a_saving_never_pays_and_without_a_price_nothing_is_said() -> None:
    assert does_pay(use(500, 0), BreakEven(None, None, True)) is False
    assert does_pay(use(500, 1), None) is None


def test_reads_of_models_that_log_no_writes_are_not_set_against_writes_of_others() -> None:
    assert reads_per_write([use(300, 100), use(9000, 0), use(100, 100)]) == (Decimal(2), 200)
    assert reads_per_write([use(9000, 0)]) == (None, 0)


def test_features_together_are_sums_and_latencies_do_not_add_up() -> None:
    one, other = cache("a", 10, 5, "1", "3", stale_hits=1), cache("b", 90, 5, "2", "2", hits_without_price=2)
    whole = together(MONDAY, [one, other])
    assert whole is not None
    # 10 of 100; 3 of 8 dollars; 1 of 10
    assert (whole.hit_rate, whole.cost_weighted_hit_rate, whole.stale_hit_rate) == (
        Decimal("0.1"), Decimal("0.375"), Decimal("0.1"),
    )  # fmt: skip
    assert (whole.feature, whole.hits_without_price, whole.hit_p50_latency_ms) == (None, 2, None)
    assert together(MONDAY, [one]) is one
    assert together(MONDAY, []) is None


def test_a_rate_by_cost_is_a_bound_while_one_of_its_parts_is() -> None:
    whole, lacking = cache("a", 1, 1, "1", "1"), cache("a", 1, 1, "1", "1", hits_without_price=1)
    assert weighted_bound(whole, are_misses_bound=False) == (None, True)
    assert weighted_bound(lacking, are_misses_bound=False) == ("at_least", True)
    assert weighted_bound(whole, are_misses_bound=True) == ("at_most", True)
    assert weighted_bound(lacking, are_misses_bound=True) == (None, False)


def test_a_price_says_when_it_holds() -> None:
    assert holds(price(), WEEK) == ""
    assert holds(price(context="batch", context_step_tokens=200_001), WEEK) == "batch; from 200,001 input tokens"
    assert holds(price(weekday_mask=0b1100000, time_of_day_from_s=59_400), WEEK) == "Sat, Sun; 16:30 – 24:00 UTC"
    # Days up to, without, the last.
    assert holds(price(valid_from=date(2026, 11, 12)), WEEK) == "from 12 Nov 2026"
    assert holds(price(valid_to=date(2026, 11, 12)), WEEK) == "until 11 Nov 2026"


def test_bars_of_tiers_are_whole_and_what_has_nothing_is_left_out() -> None:
    bars = {"requests": {"small": Decimal(3), "large": Decimal(1)}, "cost": {"small": Decimal(0)}}
    figure = share_charts.tiers(bars, {"requests": "count", "cost": "usd"})
    assert [(bar.name, bar.y, bar.x) for bar in figure.data] == [
        ("small", ("requests",), (75.0,)),
        ("large", ("requests",), (25.0,)),
    ]
    assert "75.0%" in figure.data[0].text[0]


def test_success_by_context_leaves_out_bins_without_a_judged_task() -> None:
    bins = [ContextBin(0, 1000, 12, 8, 2, Decimal(1)), ContextBin(1000, 2000, 3, 0, 0, Decimal(1)),
            ContextBin(1_000_000, None, 1, 1, 0, Decimal(1))]  # fmt: skip
    (marks,) = share_charts.success_by_context(bins).data
    assert marks.x == ("under 1k", "from 1M")
    assert marks.y == (80.0, 100.0)
    assert marks.error_y.array[0] == pytest.approx(14.3318, abs=1e-4)  # 0.943318 - 0.8
    assert marks.error_y.arrayminus[0] == pytest.approx(30.9838, abs=1e-4)
