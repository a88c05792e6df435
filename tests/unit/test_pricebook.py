"""The price book against the catalogue it is built from, and the strictness of model names."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from genai_prices.data import providers
from genai_prices.data_units import unit_data
from genai_prices.types import ModelInfo, Provider, TieredPrices
from genai_prices.types import Usage as CatalogueUsage

from pipelines.economics.pricing import CONTEXTS, PricedRequest, PriceSlice, Usage, price_request
from pipelines.pricebook.aliases import resolve
from pipelines.pricebook.book import (
    TABLES,
    PriceBook,
    PriceBookError,
    build_price_book,
    load_price_book,
    problems_of,
    write_price_book,
)
from pipelines.pricebook.catalogue import CATALOGUE_CONTEXT, PriceCell, collapse, price_cells, resold_model
from pipelines.pricebook.naming import Names
from pipelines.pricebook.slices import (
    common_block,
    pico_usd_per_unit,
    price_slices,
    slice_table,
    with_fallbacks,
    with_new_columns,
)

USAGES = (
    Usage(input_tokens=4_521, output_tokens=387),
    Usage(input_tokens=200_000, cache_read_input_tokens=150_001, output_tokens=999, reasoning_output_tokens=333),
    Usage(
        input_tokens=300_007,
        cache_read_input_tokens=100_003,
        cache_creation_input_tokens=50_021,
        cache_creation_1h_input_tokens=20_011,
        output_tokens=7_001,
        reasoning_output_tokens=17,
        web_search_requests=3,
    ),
    Usage(
        input_tokens=9_001,
        input_audio_tokens=4_003,
        input_image_tokens=777,
        output_tokens=5_003,
        output_audio_tokens=2_001,
        output_image_tokens=101,
        rerank_searches=7,
    ),
    Usage(input_tokens=101, output_tokens=11, audio_ms=61_234),
    Usage(audio_ms=9_999),
)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DIFFERENCES = {
    "no_price": "the catalogue counts what it has no price for as 0 USD; here it is unpriced",
    "rounded": "a unit costs a fraction of a pico-dollar: each component is rounded, the catalogue's sum is not",
}
"""All the ways in which a price may differ from the catalogue's own calculator."""


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return build_price_book()


@pytest.fixture(scope="module")
def slices(book: PriceBook) -> dict[tuple[str, str], tuple[PriceSlice, ...]]:
    return price_slices(book.slices)


def every_model() -> Iterator[tuple[Provider, ModelInfo, str]]:
    by_id = {provider.id: provider for provider in providers}
    for provider in providers:
        yield from ((provider, model, model.id) for model in provider.models)
        for seller in provider.fallback_model_providers or ():
            yield from ((provider, model, resold_model(seller, model.id)) for model in by_id[seller].models)


def as_the_catalogue_counts(usage: Usage) -> CatalogueUsage:
    """The same usage in the catalogue's inclusive counts; it wants every overlap stated, so the rest are zeros."""
    counts = dict.fromkeys((key for key in unit_data if key != "requests"), 0) | {
        "input_tokens": usage.input_tokens,
        "cache_read_tokens": usage.cache_read_input_tokens,
        "cache_write_tokens": usage.cache_creation_input_tokens,
        "cache_write_5m_tokens": usage.cache_creation_input_tokens - usage.cache_creation_1h_input_tokens,
        "cache_write_1h_tokens": usage.cache_creation_1h_input_tokens,
        "output_tokens": usage.output_tokens,
        "output_reasoning_tokens": usage.reasoning_output_tokens,
        "input_audio_tokens": usage.input_audio_tokens,
        "output_audio_tokens": usage.output_audio_tokens,
        "input_image_tokens": usage.input_image_tokens,
        "output_image_tokens": usage.output_image_tokens,
        "audio_seconds": Decimal(usage.audio_ms) / 1_000,
        "input_audio_seconds": Decimal(usage.audio_ms) / 1_000,
        "web_searches": usage.web_search_requests,
        "rerank_searches": usage.rerank_searches,
    }
    return CatalogueUsage(**counts)


def in_context(usage: Usage, model: tuple[PriceSlice, ...], context: str, instant: datetime) -> PricedRequest:
    return price_request(usage, model, started_at=instant, is_batch=context == "batch", service_tier=context)


def difference(ours: PricedRequest, theirs_usd: Decimal, price_block: int) -> str | None:
    """Name the difference between two prices: None where there is none, '?' where no reason covers it."""
    theirs_pico_usd = Fraction(theirs_usd) * 10**12
    if ours.cost_pico_usd is None:
        return "no_price" if theirs_pico_usd == 0 and (ours.reason or "").startswith("no_price:") else "?"
    if ours.cost_pico_usd == theirs_pico_usd:
        return None
    error = abs(ours.cost_pico_usd - theirs_pico_usd)
    return "rounded" if price_block > 1 and error <= Fraction(len(ours.components_pico_usd), 2) else "?"


def instants_of(model: ModelInfo, draw: random.Random) -> list[datetime]:
    """Around every start date that the model names, at its windows' edges, now, and on a random instant."""
    dated = [*(model.prices if isinstance(model.prices, list) else ()), *(model.price_variants or ())]
    days = {start for c in dated if (start := getattr(c.constraint, "start_date", None))}
    edges = {edge for c in dated for n in ("start_time", "end_time") if (edge := getattr(c.constraint, n, None))}
    midnights = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in sorted(days)]
    second = timedelta(seconds=1)
    return [
        NOW,
        datetime(2023, 1, 1, tzinfo=UTC) + timedelta(seconds=draw.randrange(4 * 365 * 86_400)),
        *(midnight - second for midnight in midnights),
        *midnights,
        *(datetime.combine(NOW.date(), edge) + shift for edge in sorted(edges) for shift in (-second, 0 * second)),
    ]


def test_every_model_costs_what_the_catalogue_calculates(
    slices: dict[tuple[str, str], tuple[PriceSlice, ...]],
) -> None:
    draw = random.Random(20261121)
    theirs = [as_the_catalogue_counts(usage) for usage in USAGES]
    found: Counter[str | None] = Counter()
    unexplained: list[object] = []
    for provider, model, name in every_model():
        ours = slices[provider.id, name]
        price_block = max(s.price_block for s in ours)
        for instant in instants_of(model, draw):
            for context in CONTEXTS if model.price_variants else draw.sample(CONTEXTS, 2):
                i = draw.randrange(len(USAGES))
                calculated = model.calc_price(
                    theirs[i], provider, genai_request_timestamp=instant, price_context=CATALOGUE_CONTEXT[context]
                )
                request = in_context(USAGES[i], ours, context, instant)
                kind = difference(request, calculated.total_price, price_block)
                found[kind] += 1
                if kind == "?":
                    unexplained.append((provider.id, name, context, instant, USAGES[i], request, calculated))
    print(
        f"{found[None]} prices equal to the pico-dollar",
        {DIFFERENCES[k]: n for k, n in found.items() if k in DIFFERENCES},
    )
    assert unexplained == []
    assert found[None] > 10_000


def test_every_tier_threshold_is_priced_as_the_catalogue_does_on_both_sides(
    slices: dict[tuple[str, str], tuple[PriceSlice, ...]],
) -> None:
    checked = 0
    for provider, model, name in every_model():
        tiered = [p for p in vars(model.get_prices(NOW)).values() if isinstance(p, TieredPrices)]
        price_block = max(s.price_block for s in slices[provider.id, name])
        for start in sorted({tier.start for price in tiered for tier in price.tiers}):
            for input_tokens in (start, start + 1):
                usage = Usage(input_tokens=input_tokens, cache_read_input_tokens=start // 2, output_tokens=1_000)
                request = in_context(usage, slices[provider.id, name], "standard", NOW)
                calculated = model.calc_price(as_the_catalogue_counts(usage), provider, genai_request_timestamp=NOW)
                assert difference(request, calculated.total_price, price_block) in (None, "rounded"), (name, usage)
                checked += 1
    assert checked > 200


@pytest.mark.parametrize(
    ("provider", "model", "last_of_lower_step"),
    [("google", "gemini-2.5-pro", 200_000), ("x-ai", "grok-4.3", 199_999)],
)
def test_a_step_begins_above_200_000_and_for_xai_at_200_000(
    slices: dict[tuple[str, str], tuple[PriceSlice, ...]], provider: str, model: str, last_of_lower_step: int
) -> None:
    def cost(input_tokens: int) -> int:
        found = in_context(Usage(input_tokens=input_tokens), slices[provider, model], "standard", NOW).cost_pico_usd
        assert found is not None
        return found

    lower = Fraction(cost(last_of_lower_step), last_of_lower_step)
    assert lower == cost(1)
    assert Fraction(cost(last_of_lower_step + 1), last_of_lower_step + 1) == 2 * lower


def test_openais_default_tier_overrides_nothing_so_standard_needs_no_context() -> None:
    variants = [v for p in providers for m in p.models for v in m.price_variants or ()]
    default = [v for v in variants if v.when == {"service_tier": "default"}]
    assert default
    assert [v.prices for v in default if any(price is not None for price in vars(v.prices).values())] == []


def test_slices_of_a_model_and_context_cover_every_instant_and_size_exactly_once(book: PriceBook) -> None:
    assert problems_of(book.slices) == []
    models = {(p.id, name) for p, _, name in every_model()}
    keys = book.slices.select(["price_provider", "price_model"]).to_pylist()
    assert {(key["price_provider"], key["price_model"]) for key in keys} == models


def test_an_overlap_a_gap_and_a_negative_price_are_all_reported(book: PriceBook) -> None:
    rows = [
        row
        for row in book.slices.to_pylist()
        if (row["price_provider"], row["price_model"]) == ("google", "gemini-2.5-pro")
    ]
    low, high = sorted((r for r in rows if r["price_context"] == "standard"), key=lambda r: r["tier_lo"])
    others = [row for row in rows if row["price_context"] not in ("standard", "batch")]
    broken = [
        low | {"tier_hi": 200_002},
        high,
        low | {"price_context": "batch", "input_num": -1},
        *others,
    ]
    assert problems_of(pa.Table.from_pylist(broken, schema=book.slices.schema)) == [
        "google gemini-2.5-pro batch: negative price of input per 1",
        "google gemini-2.5-pro batch: slices leave gaps or reach beyond the calendar",
        "google gemini-2.5-pro standard: slices overlap",
        "google gemini-2.5-pro standard: slices leave gaps or reach beyond the calendar",
    ]


def test_a_context_without_prices_of_its_own_borrows_the_standard_ones_and_says_so(
    slices: dict[tuple[str, str], tuple[PriceSlice, ...]],
) -> None:
    call = Usage(input_tokens=1_000, output_tokens=100)
    flex = in_context(call, slices["anthropic", "claude-haiku-4-5"], "flex", NOW)
    standard = in_context(call, slices["anthropic", "claude-haiku-4-5"], "standard", NOW)
    assert (flex.status, flex.reason) == ("partial", "no_price_for_context:flex")
    assert flex.cost_pico_usd == standard.cost_pico_usd == 1_500_000_000  # $1 and $5 per million
    batch = in_context(call, slices["anthropic", "claude-haiku-4-5"], "batch", NOW)
    assert (batch.status, batch.cost_pico_usd) == ("priced", 750_000_000)
    assert in_context(call, slices["azure", "openai/gpt-4o"], "batch", NOW).reason == "no_price_for_context:batch"


def test_prices_are_exact_fractions_over_one_block() -> None:
    third = pico_usd_per_unit(Decimal("4.8"), 3_600)
    assert third == Fraction(4_000_000_000, 3)
    assert common_block({"input": Fraction(3_000_000), "audio_hours": third}) == (
        {"input": 9_000_000, "audio_hours": 4_000_000_000},
        3,
    )
    assert pico_usd_per_unit(Decimal("0.18000000000000002"), 10**6) == Fraction(9_000_000_000_000_001, 50_000_000_000)


CELL = PriceCell("p", "m", "standard", date(1970, 1, 1), date.max, 0, 86_400, 0, 2**63 - 1, True, (), None)


def test_prices_that_cannot_be_written_are_all_refused_by_name() -> None:
    too_fine = replace(CELL, prices=(("input", Decimal("0.0000000000000000000000001"), 10**6),))
    too_dear = replace(CELL, model="n", prices=(("input", Decimal(10**14), 10**6),))
    negative = replace(CELL, model="o", prices=(("output", Decimal(-1), 10**6),))
    with pytest.raises(PriceBookError) as refused:
        slice_table([too_fine, too_dear, negative])
    assert [problem.partition(" needs ")[0] for problem in refused.value.problems[:2]] == [
        "p m (standard, from 1970-01-01): input",
        "p n (standard, from 1970-01-01): input",
    ]
    assert refused.value.problems[2] == (
        "p o (standard, from 1970-01-01): the price -1 is not a finite non-negative number"
    )


def test_missing_prices_fall_back_to_the_nearest_one_and_are_named() -> None:
    assert with_fallbacks({"input": 3, "cache_write_5m": 4, "output": 9}) == (
        {
            "input": 3,
            "cache_write_5m": 4,
            "output": 9,
            "cache_read": 3,
            "cache_write_1h": 4,
            "reasoning": 9,
            "input_audio": 3,
            "output_audio": 9,
            "input_image": 3,
            "output_image": 9,
        },
        "cache_read<-input,cache_write_1h<-cache_write_5m,reasoning<-output,"
        "input_audio<-input,output_audio<-output,input_image<-input,output_image<-output",
    )
    assert with_fallbacks({"input": 3})[1].startswith("cache_read<-input,cache_write_5m<-input,cache_write_1h<-input")
    assert with_fallbacks({}) == ({}, "")


def test_only_explicit_zeros_are_free() -> None:
    assert replace(CELL, prices=(("input", Decimal(0), 10**6), ("output", Decimal("0.0"), 10**6))).is_free
    assert not replace(CELL, prices=(("input", Decimal(0), 10**6), ("web_search", Decimal(10), 1_000))).is_free
    assert not CELL.is_free


def test_equal_neighbours_are_one_run() -> None:
    assert collapse([0, 5, 9], ["a", "a", "b"], 12) == [(0, 9, "a"), (9, 12, "b")]


def test_units_without_a_column_stay_in_the_long_table_and_leave_the_slice_empty(
    book: PriceBook, slices: dict[tuple[str, str], tuple[PriceSlice, ...]]
) -> None:
    components = set(book.components["component"].to_pylist())
    assert {"input_document_kpages", "input_mchars", "storage_searches_kcount"} <= components
    priced_by_the_letter = slices["azure", "openai/tts-1"]
    assert {tuple(s.nums) for s in priced_by_the_letter} == {()}
    request = in_context(Usage(input_tokens=1), priced_by_the_letter, "standard", NOW)
    assert (request.status, request.reason) == ("unpriced", "no_price:input")


def test_a_book_is_the_same_bytes_every_time_and_survives_the_disk(book: PriceBook, tmp_path: Path) -> None:
    write_price_book(book, tmp_path / "a")
    write_price_book(build_price_book(), tmp_path / "b")
    written = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert written == [
        "price_alias.parquet",
        "price_capacity.parquet",
        "price_component.parquet",
        "price_drawdown.parquet",
        "price_drawdown_model.parquet",
        "price_drawdown_segment.parquet",
        "price_slice.parquet",
    ]
    for name in written:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    loaded = load_price_book(tmp_path / "a")
    assert (loaded.price_book_id, loaded.source, loaded.source_version) == (
        book.price_book_id,
        "genai-prices",
        book.source_version,
    )
    assert {name for name, table in loaded.tables().items() if table.equals(book.tables()[name])} == set(TABLES)


def test_a_book_of_an_earlier_release_has_no_prices_of_what_came_later(book: PriceBook) -> None:
    later = ("min_audio_ms", "audio_time_num", "contract_audio_time_num")
    found = with_new_columns(book.slices.drop_columns(list(later)))
    assert [set(found[name].to_pylist()) for name in later] == [{0}, {None}, {None}]
    assert price_slices(found)["groq", "whisper-large-v3"][0].nums == {}


def test_a_book_that_was_tampered_with_is_refused(book: PriceBook, tmp_path: Path) -> None:
    write_price_book(book, tmp_path)
    pq.write_table(book.slices.slice(1), tmp_path / "price_slice.parquet")
    with pytest.raises(PriceBookError, match="the hash of its rows is"):
        load_price_book(tmp_path)


def test_a_book_that_lacks_a_table_is_refused_by_name(book: PriceBook, tmp_path: Path) -> None:
    write_price_book(book, tmp_path)
    (tmp_path / "price_capacity.parquet").unlink()
    with pytest.raises(PriceBookError, match=r"price_capacity\.parquet is missing"):
        load_price_book(tmp_path)


def test_weekdays_are_a_dimension_of_the_partition(book: PriceBook) -> None:
    rows = [
        row for row in book.slices.to_pylist() if row["price_model"] == "gpt-4o" and row["price_provider"] == "openai"
    ]
    standard = next(row for row in rows if row["price_context"] == "standard")
    others = [row for row in rows if row["price_context"] != "standard"]

    def problems(*masks: int) -> list[str]:
        split = [standard | {"dow_mask": mask} for mask in masks]
        return problems_of(pa.Table.from_pylist([*split, *others], schema=book.slices.schema))

    assert problems(0b001_1111, 0b110_0000) == []
    assert problems(0b011_1111, 0b110_0000) == [
        "openai gpt-4o standard: slices overlap",
        "openai gpt-4o standard: slices leave gaps or reach beyond the calendar",
    ]
    assert problems(0b001_1111, 0b100_0000) == [
        "openai gpt-4o standard: slices leave gaps or reach beyond the calendar"
    ]
    assert len(problems(0b1111_1111)) == 1  # no such weekday


def test_cells_come_in_every_context_for_every_model() -> None:
    contexts = {(cell.provider, cell.model, cell.context) for cell in price_cells()}
    assert len(contexts) == len(CONTEXTS) * sum(1 for _ in every_model())


@pytest.mark.parametrize(
    ("provider_name", "model", "price_provider", "price_model"),
    [
        ("anthropic", "anthropic/claude-haiku-4-5-20251001", "anthropic", "claude-haiku-4-5"),
        ("anthropic", "claude-sonnet-4-20250514", "anthropic", "claude-sonnet-4-0"),
        ("openai", "openai/gpt-4o-mini", "openai", "gpt-4o-mini"),
        ("openai", "gpt-5-2025-08-07", "openai", "gpt-5"),
        ("openai", "gpt-4o-20240513", "openai", "gpt-4o-2024-05-13"),
        ("openai", "gpt-4o-realtime-preview-2024-12-17", "openai", "gpt-4o-realtime-preview"),
        ("openai", "ft:gpt-4o-2024-08-06:acme::abc123", "openai", "ft:gpt-4o"),
        ("text-completion-openai", "gpt-3.5-turbo-instruct", "openai", "gpt-3.5-turbo-instruct"),
        ("azure", "azure/gpt-4o-2024-08-06", "azure", "openai/gpt-4o"),
        ("azure.ai.openai", "o4-mini", "azure", "o4-mini"),
        ("azure_ai", "azure_ai/phi-4", "azure", "phi-4"),
        ("gemini", "gemini/gemini-2.5-pro", "google", "gemini-2.5-pro"),
        ("gemini", "models/gemini-2.0-flash-001", "google", "gemini-2.0-flash"),
        ("gemini", "gemini-2.5-pro-preview-06-05", "google", "gemini-2.5-pro"),
        ("vertex_ai-anthropic_models", "claude-sonnet-4-5@20250929", "google", "claude-sonnet-4-5"),
        ("vertex_ai", "vertex_ai/claude-sonnet-5@20260101", "google", "anthropic/claude-sonnet-5"),
        ("bedrock", "us.amazon.nova-pro-v1:0", "aws", "amazon.nova-pro-v1:0"),
        ("bedrock", "anthropic.claude-3-haiku-20240307-v1:0", "aws", "regional.anthropic.claude-3-haiku-20240307-v1:0"),
        (
            "bedrock_converse",
            "bedrock/us-east-1/global.anthropic.claude-haiku-4-5-20251001-v1:0",
            "aws",
            "global.anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
        (
            "aws.bedrock",
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-6-v1",
            "aws",
            "regional.anthropic.claude-opus-4-6-v1:0",
        ),
        ("xai", "xai/grok-4", "x-ai", "grok-4-0709"),
        ("groq", "groq/openai/gpt-oss-120b", "groq", "openai/gpt-oss-120b"),
        (
            "together_ai",
            "meta-llama/Llama-3.3-70B-Instruct-Turbo",
            "together",
            "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        ),
        ("fireworks_ai", "fireworks_ai/accounts/fireworks/models/glm-5p2", "fireworks", "glm-5p2"),
        ("cohere_chat", "command-a-03-2025", "cohere", "command-a"),
        ("openrouter", "openrouter/openai/gpt-oss-20b:free", "openrouter", "openai/gpt-oss-20b:free"),
        ("perplexity", "perplexity/sonar", "perplexity", "sonar"),
        (None, "claude-haiku-4-5", "anthropic", "claude-haiku-4-5"),
        ("litellm_proxy", "openai/gpt-5-mini", "openai", "gpt-5-mini"),
    ],
)
def test_a_logged_name_means_its_model(
    provider_name: str | None, model: str, price_provider: str, price_model: str
) -> None:
    alias = resolve(provider_name, model)
    assert alias is not None
    assert (alias.price_provider, alias.price_model) == (price_provider, price_model)


@pytest.mark.parametrize(
    ("provider_name", "model"),
    [
        ("anthropic", "claude-haiku-4-5-acme"),
        ("anthropic", "claude-haiku-4-5-20251001-acme"),
        ("anthropic", "claude-haiku-4-5-20251399"),
        ("azure", "azure/gpt-4o-prod"),
        ("azure", "acme-o4-mini"),
        ("openai", "gpt-4o-prod"),
        ("openai", "gpt-4o:acme"),
        ("openai", "azure/gpt-4o"),
        ("openai", "openai/llama-3-internal"),
        ("openai", "openai/acme-unpriced-1"),
        ("gemini", "gemini-1.5-flash-8b"),
        ("bedrock", "global.claude-opus-4-6"),
        ("bedrock", "acme.claude-3-haiku-20240307-v1:0"),
        ("bedrock", "amazon.titan-embed-text-v3"),
        ("openrouter", "openai/gpt-4o:free"),
        ("custom_openai", "gpt-4o"),
        ("ollama", "gpt-oss-20b"),
        ("acme", "gpt-4o"),
        (None, "azure-gpt-4o"),
        (None, "no-such-model"),
        ("", ""),
    ],
)
def test_a_name_with_an_unknown_part_is_not_priced(provider_name: str | None, model: str) -> None:
    assert resolve(provider_name, model) is None


def test_every_id_of_the_catalogue_means_itself_with_one_exception() -> None:
    exceptions = {("perplexity", "perplexity/sonar"): "a leading 'perplexity/' is what gateways put before 'sonar'"}
    strays = {
        (provider.id, model.id)
        for provider in providers
        for model in provider.models
        if (alias := resolve(provider.id, model.id)) is None
        or (alias.price_provider, alias.price_model) != (provider.id, model.id)
    }
    assert strays == set(exceptions)


def test_an_alias_names_the_rules_that_led_to_it() -> None:
    def rule(provider_name: str | None, model: str) -> str:
        alias = resolve(provider_name, model)
        assert alias is not None
        return alias.rule

    assert rule("openai", "gpt-4o") == "provider_id+id"
    assert rule("openai", "openai/gpt-4o-2027-01-01") == "provider_id+without_own_prefix+without_version+id"
    assert rule("bedrock", "us.amazon.nova-pro-v1:0") == "provider_map+contains"
    assert rule("azure", "gpt-4o") == "provider_map+id+list_price_of_openai"
    assert rule(None, "claude-haiku-4-5") == "model_match+id"


def test_the_table_of_names_has_a_row_per_known_name_in_lower_case_and_none_for_the_others() -> None:
    names = Names()
    pairs = [("OpenAI", "GPT-4o"), ("openai", "gpt-4o"), (None, "gpt-5-mini"), ("openai", "acme"), (None, "gpt-5-mini")]
    assert names.table(pairs).drop_columns(["valid_from", "valid_to"]).to_pylist() == [
        {
            "provider_name": "",
            "model": "gpt-5-mini",
            "price_provider": "openai",
            "price_model": "gpt-5-mini",
            "rule": "model_match+id",
        },
        {
            "provider_name": "openai",
            "model": "gpt-4o",
            "price_provider": "openai",
            "price_model": "gpt-4o",
            "rule": "provider_id+id",
        },
    ]
    assert names.table([]).num_rows == 0
