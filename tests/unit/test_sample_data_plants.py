"""The dollars of `truth.json`, computed anew from the lines on disk; and companies with half of it, or nothing, planted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.pricebook.catalogue import PriceCell, price_cells
from sample_data.__main__ import main
from sample_data.period import FIRST_MONDAY
from sample_data.planted import BATCH_FROM, SERVICE_TIERS_FROM, Plants
from sample_data.prices import Usage, cost_of, decimal_usd, price_of
from tests.unit.test_sample_data import Sample, good_canonical, usage_of, written

NOISE = {"cut_streams", "malformed_lines"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return written(tmp_path_factory.mktemp("plants"), 3, 50_000)


def day_of(record: dict[str, Any]) -> date:
    if "started_at" in record:
        return date.fromisoformat(record["started_at"][:10])
    return date(1970, 1, 1) + timedelta(days=record["startTime"] // 86_400)


def about(record: dict[str, Any], name: str) -> Any:
    """A value that the caller gave, wherever the format keeps it."""
    return record.get(name) if "started_at" in record else record["metadata"]["spend_logs_metadata"].get(name)


def model_of(record: dict[str, Any]) -> str:
    return record["response_model"] if "started_at" in record else record["model"].partition("/")[2]


def tokens_of(record: dict[str, Any]) -> Usage:
    if "started_at" not in record:
        return usage_of(record)
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_5m_input_tokens")
    names += ("cache_creation_1h_input_tokens", "output_tokens", "reasoning_output_tokens")
    return Usage(*(record.get(name, 0) for name in names))


def context_of(record: dict[str, Any]) -> str:
    if "started_at" in record:
        return "batch" if record["is_batch"] else "standard"
    tier = (record["cost_breakdown"] or {}).get("service_tier")
    return tier if tier in ("flex", "priority") else "standard"


def charged(record: dict[str, Any], on: date | None = None) -> Decimal:
    """What the provider charges for a record, at the prices of its day or of another; nothing for a cache hit."""
    if record.get("cache_hit") or not tokens_of(record).input:
        return Decimal(0)
    cost = cost_of(model_of(record), context_of(record), tokens_of(record), on or day_of(record))
    return Decimal(decimal_usd(cost.total)) if cost else Decimal(0)


def found(sample: Sample, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    seen: set[str] = set()
    return [r for r in (*sample.litellm, *good_canonical(sample)) if wanted(r) and not _repeats(r, seen)]


def _repeats(record: dict[str, Any], seen: set[str]) -> bool:
    """Whether the record is the second log of the one hit that is logged twice."""
    key = f"{record.get('id', record.get('source_record_id', '')).partition('_cache_hit')[0]}/{record.get('startTime')}"
    is_known = key in seen
    seen.add(key)
    return is_known


def total(records: Iterable[dict[str, Any]]) -> Decimal:
    return sum((charged(record) for record in records), Decimal(0))


def cost_of_plant(sample: Sample, kind: str) -> Decimal:
    return sum((Decimal(entry["cost_usd"]) for entry in sample.planted(kind)), Decimal(0))


def test_the_price_change_costs_what_its_days_cost_above_the_old_price(sample: Sample) -> None:
    changed = found(
        sample,
        lambda r: model_of(r) == "mistral-large-4" and date(2026, 10, 20) <= day_of(r) < date(2026, 10, 29),
    )
    before = sum((charged(record, date(2026, 10, 19)) for record in changed), Decimal(0))
    assert len(changed) > 100
    assert cost_of_plant(sample, "price_change") == total(changed) - before
    # Twice the promotional price, but $4.18 and $0.14 are exactly 2 x $2.09 and 2 x $0.07, and $1.36 is 2 x $0.68.
    assert total(changed) == 2 * before


def test_the_tenant_at_10x_costs_what_its_integration_sends(sample: Sample) -> None:
    (entry,) = sample.planted("tenant_at_10x")
    of_tenant = found(
        sample, lambda r: about(r, "tenant_id") == entry["tenant_id"] or r.get("tenant_id") == entry["tenant_id"]
    )
    sent = [r for r in of_tenant if str(r.get("end_user") or r.get("end_user_id")).endswith("-api")]
    assert Decimal(entry["cost_usd"]) == total(sent)
    assert (entry["from"], min(map(day_of, sent))) == ("2026-10-27", date(2026, 10, 27))
    tasks: dict[date, set[str]] = defaultdict(set)
    for record in of_tenant:
        tasks[day_of(record)].add(about(record, "task_id") or record["task_id"])
    weekdays = [day for day in sorted(tasks) if day.weekday() < 5]
    before, after = (
        [len(tasks[day]) for day in weekdays if (day >= date(2026, 10, 27)) is late] for late in (False, True)
    )
    assert 9 < (sum(after) / len(after)) / (sum(before) / len(before)) < 11


def test_the_longer_prompt_costs_its_tokens_at_the_price_of_input(sample: Sample) -> None:
    grown = found(
        sample,
        lambda r: (
            about(r, "feature") == "support_reply"
            and about(r, "prompt_version") == "v8"
            and not r["cache_hit"]
            and tokens_of(r).input > 0
        ),
    )
    (entry,) = sample.planted("prompt_growth")
    prices = (price_of(model_of(r), context_of(r), tokens_of(r).input, day_of(r)) for r in grown)
    dollars = sum((Decimal(decimal_usd(1_100 * price.input)) for price in prices if price), Decimal(0))
    assert (entry["count"], Decimal(entry["cost_usd"])) == (len(grown), dollars)
    old = found(sample, lambda r: about(r, "prompt_version") == "v7" and tokens_of(r).input > 0)
    assert min(tokens_of(r).input for r in old) < 4_700 <= min(tokens_of(r).input for r in grown)


def test_the_lost_cache_hits_cost_about_what_the_lower_hit_rate_says(sample: Sample) -> None:
    """Which call would have been answered nobody logs: rates before and after, times what an unanswered one costs."""
    answers = found(
        sample,
        lambda r: (
            about(r, "feature") == "search_answer"
            and r.get("call_type") == "acompletion"
            and not model_of(r).startswith("acme")
        ),
    )
    calls: dict[bool, dict[str, list[dict[str, Any]]]] = {False: defaultdict(list), True: defaultdict(list)}
    for record in answers:
        calls[day_of(record) >= date(2026, 11, 3)][record["litellm_call_id"]].append(record)
    rate = {late: sum(any(r["cache_hit"] for r in c) for c in of.values()) / len(of) for late, of in calls.items()}
    assert 0.31 < rate[False] < 0.37
    assert 0.05 < rate[True] < 0.15
    paid = [total(c) for c in calls[True].values() if not any(r["cache_hit"] for r in c)]
    expected = Decimal(rate[False] - rate[True]) * len(calls[True]) * sum(paid) / len(paid)
    (entry,) = sample.planted("semantic_cache_regression")
    assert (entry["feature"], entry["from"]) == ("search_answer", "2026-11-03")
    assert float(Decimal(entry["cost_usd"]) / expected) == pytest.approx(1, abs=0.25)


def test_the_long_context_cliff_costs_what_trimming_would_save(sample: Sample) -> None:
    over = found(sample, lambda r: 200_000 < tokens_of(r).input <= 220_000 and model_of(r) == "gemini-2.5-pro")
    (entry,) = sample.planted("long_context_cliff")
    saved = Decimal(0)
    for record in over:
        trimmed = cost_of("gemini-2.5-pro", "standard", tokens_of(record)._replace(input=200_000), day_of(record))
        assert trimmed is not None
        saved += charged(record) - Decimal(decimal_usd(trimmed.total))
    assert (entry["count"], Decimal(entry["cost_usd"])) == (len(over), saved)


def test_the_oversized_model_does_simple_work_for_one_tenant(sample: Sample) -> None:
    (entry,) = sample.planted("oversized_model")
    large = found(sample, lambda r: about(r, "feature") == "extraction" and model_of(r) == "gpt-5")
    first_tried = [r for r in large if r.get("request_model") == "gpt-5"]
    assert len(first_tried) > 20
    assert {r.get("tenant_id", entry["tenant_id"]) for r in first_tried} == {entry["tenant_id"]}
    assert Decimal(entry["cost_usd"]) >= total(first_tried) > 0


@pytest.mark.parametrize("seed", [21, 22])
def test_without_plants_only_noise_is_left(tmp_path: Path, seed: int) -> None:
    bare = written(tmp_path, seed, 17_500, plants=Plants.NONE)
    assert {entry["kind"] for entry in bare.truth} == NOISE
    assert {model_of(r) for r in bare.litellm}.isdisjoint({"acme-rerank-exp-1"})
    assert {r["response_model"] for r in bare.canonical}.isdisjoint({"mistral-large-4"})
    assert {about(r, "prompt_version") for r in bare.litellm} >= {
        "v4",
        "v5",
        "v7",
        "v8",
    }  # deploys come out all the same


def test_half_of_the_plants_are_about_half_as_large(tmp_path: Path) -> None:
    full = written(tmp_path / "full", 4, 20_000)
    half = written(tmp_path / "half", 4, 20_000, plants=Plants.HALF)
    assert {entry["kind"] for entry in half.truth} == {entry["kind"] for entry in full.truth}
    for kind in (
        "retry_storm",
        "ci_on_production_keys",
        "prompt_growth",
        "tenant_at_10x",
        "long_context_cliff",
        "missing_logs",
    ):
        assert 0.3 < cost_of_plant(half, kind) / cost_of_plant(full, kind) < 0.75, kind
    assert (len(full.planted("under_water_tenant")), len(half.planted("under_water_tenant"))) == (5, 3)


@pytest.mark.parametrize("seed", range(30, 35))
def test_five_tenants_are_under_water_whatever_the_seed(tmp_path: Path, seed: int) -> None:
    sample = written(tmp_path, seed, 17_500)
    assert len(sample.planted("under_water_tenant")) == 5


def test_the_size_of_the_plants_is_an_option(tmp_path: Path) -> None:
    asked = ["--seed", "1", "--attempts", "1750", "--weeks", "1", "--plants", "none"]
    assert main([*asked, "--out", str(tmp_path)]) == 0
    assert '"tenant_at_10x"' not in (tmp_path / "truth.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def cells_of_the_catalogue() -> list[PriceCell]:
    return list(price_cells())


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        *(("openai", name) for name in ("gpt-5", "gpt-5-mini", "gpt-4o-mini", "text-embedding-3-small")),
        ("anthropic", "claude-sonnet-4-5"),
        ("anthropic", "claude-haiku-4-5"),
        ("google", "gemini-2.5-pro"),
        ("google", "gemini-2.5-flash"),
        ("mistral", "mistral-large-4"),
    ],
)
def test_the_gateways_prices_are_those_of_the_catalogue_on_every_day(
    cells_of_the_catalogue: list[PriceCell], provider: str, model: str
) -> None:
    dated = {"claude-sonnet-4-5": "claude-sonnet-4-5-20250929", "claude-haiku-4-5": "claude-haiku-4-5-20251001"}
    cells = [
        c
        for c in cells_of_the_catalogue
        if (c.provider, c.model) == (provider, model) and (c.tier_lo == 0 or model == "gemini-2.5-pro")
    ]
    assert cells
    compared = 0
    for day in (FIRST_MONDAY + timedelta(days=number) for number in range(70)):
        for cell in cells:
            if not cell.valid_from <= day < cell.valid_to:
                continue
            ours = price_of(dated.get(model, model), cell.context, cell.tier_lo, day)
            is_used = cell.context == "standard" or day >= (
                BATCH_FROM if cell.context == "batch" else SERVICE_TIERS_FROM
            )
            if ours is None or not is_used:
                continue
            theirs = {component: price * 10**12 / per for component, price, per in cell.prices}
            fallback = theirs["input"]
            assert ours.input == theirs["input"]
            assert ours.output == theirs.get("output", 0)
            assert ours.cache_read == theirs.get("cache_read", fallback)
            assert ours.cache_write_5m == theirs.get("cache_write_5m", fallback)
            assert ours.cache_write_1h == theirs.get("cache_write_1h", theirs.get("cache_write_5m", fallback))
            compared += 1
    assert compared >= 70
