"""The SQL and the readable reference are two implementations of one set of rules: they must agree to the pico-dollar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from pipelines.economics.pricing import COMPONENTS, GATEWAY_LOOKUP, PricedRequest, Usage, price_request
from pipelines.pricebook.aliases import resolve
from pipelines.pricebook.book import build_price_book
from pipelines.pricebook.slices import price_slices
from pipelines.settings import Pricing
from tests.sql.priced_traffic import Book, Record, traffic
from tests.workspace import Workspace

SEED = 20261109
LOOKUP_PICO_USD = 10_000_000
GROUPS = {
    "input_cost_pico": ("input",),
    "cache_read_cost_pico": ("cache_read",),
    "cache_write_cost_pico": ("cache_write_5m", "cache_write_1h"),
    "output_cost_pico": ("output", "reasoning"),
    "media_cost_pico": ("input_audio", "output_audio", "input_image", "output_image"),
    "request_cost_pico": ("web_search", "rerank_search", "request", GATEWAY_LOOKUP),
}
"""Columns of the mart, and the components of the reference that each adds up."""


@pytest.fixture(scope="module")
def book() -> Book:
    return price_slices(build_price_book().slices)


@pytest.fixture(scope="module")
def records(book: Book) -> list[Record]:
    """Models that can be logged by their own name: an alias leads every one of these back to itself."""
    models = [
        pair for pair in sorted(book) if (alias := resolve(*pair)) and (alias.price_provider, alias.price_model) == pair
    ]
    return traffic(book, models, SEED)


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory, records: list[Record]) -> Iterator[list[dict[str, Any]]]:
    """What the models made of them: one row per record, in their order."""
    settings = Pricing(gateway_lookup_usd=Decimal("0.00001"))
    workspace = Workspace(tmp_path_factory.mktemp("parity"), pricing=settings)
    landed = workspace.land_records("requests", records)
    assert (landed.counts.landed, landed.counts.quarantined, landed.counts.duplicate) == (len(records), 0, 0)
    workspace.build()
    columns = (
        "source_line",
        "cost_pico",
        "pricing_status",
        "pricing_reason",
        "price_context",
        "price_fallbacks",
        *GROUPS,
    )
    found = workspace.rows(f"select {', '.join(columns)} from fct_llm_request_priced order by source_line")
    yield [dict(zip(columns, row, strict=True)) for row in found]
    workspace.control.close()


def by_reference(record: Mapping[str, Any], book: Book) -> PricedRequest:
    alias = resolve(record["provider_name"], record.get("base_model") or record["response_model"])
    return price_request(
        Usage(**{name: record.get(name) or 0 for name in Usage.__dataclass_fields__}),
        book[alias.price_provider, alias.price_model] if alias else None,
        started_at=datetime.fromisoformat(record["started_at"]),
        status=record.get("status", "ok"),
        is_gateway_cache_hit=record["is_gateway_cache_hit"],
        is_batch=record.get("is_batch", False),
        service_tier=record.get("service_tier"),
        speed=record.get("speed"),
        lookup_cost_pico_usd=LOOKUP_PICO_USD,
    )


def as_row(line: int, expected: PricedRequest) -> dict[str, Any]:
    """The reference's verdict in the mart's columns; a request without a cost has no part of a cost either."""
    is_unpriced = expected.cost_pico_usd is None
    has_price = expected.status != "reported_none" and expected.reason != "gateway_cache_hit" and not is_unpriced
    parts = expected.components_pico_usd
    return {
        "source_line": line,
        "cost_pico": expected.cost_pico_usd,
        "pricing_status": expected.status,
        "pricing_reason": expected.reason,
        "price_context": expected.price_context,
        "price_fallbacks": ",".join(expected.fallbacks) if has_price else None,
        **{column: None if is_unpriced else sum(parts.get(c, 0) for c in part) for column, part in GROUPS.items()},
    }


def test_sql_and_reference_agree_on_every_request(
    records: list[Record], priced: list[dict[str, Any]], book: Book
) -> None:
    expected = [as_row(line, by_reference(record, book)) for line, record in enumerate(records, start=1)]
    assert len(records) >= 2000
    assert len(priced) == len(records)
    wrong = [
        (record, ours, theirs) for record, ours, theirs in zip(records, priced, expected, strict=True) if ours != theirs
    ]
    assert not wrong, f"{len(wrong)} of {len(records)} differ; the first: {wrong[0]}"


def test_every_rule_and_component_was_met(records: list[Record], priced: list[dict[str, Any]], book: Book) -> None:
    """Agreement on requests that never reach a rule would prove nothing about it."""
    met = Counter((row["pricing_status"], (row["pricing_reason"] or "").partition(":")[0]) for row in priced)
    rules = {
        *(("priced", ""), ("priced", "gateway_cache_hit"), ("reported_none", ""), ("partial", "no_price")),
        *(("partial", "no_price_for_context"), ("partial", "unknown_service_tier"), ("unpriced", "no_price")),
        *(("unpriced", reason) for reason in ("usage_missing", "unknown_model", "inconsistent_usage")),
    }
    assert not rules - set(met), f"never met: {rules - set(met)}"
    assert min(met[rule] for rule in rules) >= 5
    costs = Counter(name for r in records for name, pico in by_reference(r, book).components_pico_usd.items() if pico)
    unpriced_in_catalogue = {"rerank_search"}  # goes when the catalogue learns a price per search
    assert set(costs) == {*COMPONENTS, GATEWAY_LOOKUP} - unpriced_in_catalogue
    assert {row["price_context"] for row in priced} == {"standard", "batch", "flex", "priority", "fast"}
