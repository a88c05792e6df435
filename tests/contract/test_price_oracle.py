"""Our prices against two independent calculators' results on the same usages, clock pinned at 2026-11-21T12:00Z.

Reads `price_oracle/vectors.jsonl` under MARGINCALL_REAL_DATA: one JSON object per line with a usage (input includes
cache and audio, output includes reasoning and audio), a tier, and each calculator's cost as a float of USD.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.economics.pricing import PricedRequest, PriceSlice, Usage, price_request
from pipelines.pricebook.aliases import resolve
from pipelines.pricebook.book import build_price_book
from pipelines.pricebook.slices import price_slices

REAL_DATA = os.environ.get("MARGINCALL_REAL_DATA", "")
if not REAL_DATA:
    pytest.skip(
        "MARGINCALL_REAL_DATA is not set: no price oracle was consulted; name the folder that holds price_oracle/",
        allow_module_level=True,
    )

CLOCK = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULES = {
    "equal": "the same cost to the pico-dollar, and the same grounds for it",
    "equal_but_partial": "the catalogue bills the standard price where a tier has none; so do we, and say so",
    "unknown_to_both": "neither knows the model; it is unpriced, not free",
}
"""All that may be said of a vector. Anything else fails the test."""


@pytest.fixture(scope="module")
def vectors() -> list[dict[str, Any]]:
    lines = (Path(REAL_DATA) / "price_oracle" / "vectors.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def slices() -> dict[tuple[str, str], tuple[PriceSlice, ...]]:
    return price_slices(build_price_book().slices)


def usage_of(counts: dict[str, int]) -> Usage:
    return Usage(
        input_tokens=counts["input"],
        cache_read_input_tokens=counts["cache_read"],
        cache_creation_input_tokens=counts["cache_write_5m"] + counts["cache_write_1h"],
        cache_creation_1h_input_tokens=counts["cache_write_1h"],
        output_tokens=counts["output"],
        reasoning_output_tokens=counts["reasoning"],
        input_audio_tokens=counts["audio_in"],
        output_audio_tokens=counts["audio_out"],
    )


def ours(vector: dict[str, Any], slices: dict[tuple[str, str], tuple[PriceSlice, ...]]) -> PricedRequest:
    alias = resolve(vector["provider"], vector["genai_model"])
    return price_request(
        usage_of(vector["usage"]),
        slices[alias.price_provider, alias.price_model] if alias else None,
        started_at=CLOCK,
        is_batch=vector["batch"],
        service_tier=vector["service_tier"],
    )


def pico_usd(cost_usd: float | None) -> int | None:
    """Costs here are below 1,000 USD, where a float's shortest text is exact to the pico-dollar."""
    return None if cost_usd is None else int((Decimal(repr(cost_usd)) * 10**12).to_integral_value())


def rule_for(request: PricedRequest, genai_cost_usd: float | None) -> str | None:
    if request.cost_pico_usd != pico_usd(genai_cost_usd):
        return None
    if request.cost_pico_usd is None:
        return "unknown_to_both" if request.reason == "unknown_model" else None
    return "equal" if request.status == "priced" else "equal_but_partial"


def test_every_vector_is_priced_as_the_catalogues_calculator_did_or_by_a_named_rule(
    vectors: list[dict[str, Any]], slices: dict[tuple[str, str], tuple[PriceSlice, ...]]
) -> None:
    agreement: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    unexplained: list[object] = []
    for vector in vectors:
        request = ours(vector, slices)
        rule = rule_for(request, vector["genai_cost"])
        agreement[vector["provider"]][rule] += 1
        if rule not in RULES:
            unexplained.append((vector, request))
    for provider, counts in sorted(agreement.items()):
        print(f"{provider}: {counts['equal']} of {counts.total()} equal", dict(counts))
    assert unexplained == []


def test_where_both_calculators_agree_so_do_we(
    vectors: list[dict[str, Any]], slices: dict[tuple[str, str], tuple[PriceSlice, ...]]
) -> None:
    agreed = [vector for vector in vectors if vector["result"] == "agree"]
    assert agreed
    assert [v for v in agreed if ours(v, slices).cost_pico_usd != pico_usd(v["litellm_cost"])] == []


def test_the_gateways_name_and_the_catalogues_name_mean_the_same_model(vectors: list[dict[str, Any]]) -> None:
    def model(provider: str, name: str) -> tuple[str, str] | None:
        alias = resolve(provider, name)
        return (alias.price_provider, alias.price_model) if alias else None

    names = {(v["provider"], v["genai_model"], v["litellm_provider"], v["litellm_model"]) for v in vectors}
    assert [n for n in sorted(names) if model(n[0], n[1]) != model(n[2], n[3])] == []
