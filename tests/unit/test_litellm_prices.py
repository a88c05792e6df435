"""LiteLLM's price file: hand-written entries in its structure, with numbers of our own (USD per single unit there)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.economics.pricing import PricedRequest, Usage, price_request
from pipelines.pricebook.errors import PriceBookError
from pipelines.pricebook.litellm import LiteLLMPrices, read_litellm_prices
from tests.price_books import SmallBook

NOON = datetime(2026, 11, 9, 12, tzinfo=UTC)
ENTRIES = """{
 "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of the providers"},
 "acme/lite-1": {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": 3e-07,
   "input_cost_per_token_above_128k_tokens": 6e-07, "output_cost_per_token": 1.5e-06,
   "output_cost_per_token_above_128k_tokens": 2.5e-06, "cache_read_input_token_cost": 3e-08,
   "cache_creation_input_token_cost": 3.75e-07, "cache_creation_input_token_cost_above_1hr": 6e-07,
   "input_cost_per_token_batches": 1.5e-07, "output_cost_per_token_batches": 7.5e-07,
   "input_cost_per_token_flex": 2e-07, "input_cost_per_token_priority": 5e-07,
   "input_cost_per_token_above_128k_tokens_priority": 9e-07, "output_cost_per_reasoning_token": 3e-06,
   "input_cost_per_audio_token": 1e-06, "output_cost_per_audio_token": 2e-06, "input_cost_per_image": 0.01,
   "max_input_tokens": 1000000, "supports_vision": true, "source": "https://example.test/prices",
   "search_context_cost_per_query":
     {"search_context_size_low": 0.035, "search_context_size_medium": 0.035, "search_context_size_high": 0.035}},
 "acme/by-size": {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": 1e-06,
   "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_high": 0.03}},
 "acme/steps": {"litellm_provider": "acme", "mode": "chat", "tiered_pricing": [
   {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06},
   {"range": [32000.0, 128000.0], "input_cost_per_token": 2e-06, "output_cost_per_token": 7e-06}]},
 "acme/rank": {"litellm_provider": "acme", "mode": "rerank", "input_cost_per_query": 0.002, "input_cost_per_token": 0.0},
 "acme/listen": {"litellm_provider": "acme", "mode": "audio_transcription", "input_cost_per_second": 0.0001,
   "output_cost_per_second": 0.0001},
 "acme/speak": {"litellm_provider": "acme", "mode": "audio_speech", "input_cost_per_second": 0.0001},
 "acme/zero": {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": 0.0, "output_cost_per_token": 0},
 "acme/picture": {"litellm_provider": "acme", "mode": "image_generation", "output_cost_per_image": 0.04},
 "acme/*": {"litellm_provider": "acme", "input_cost_per_token": 1e-06},
 "ollama/llama": {"litellm_provider": "ollama", "input_cost_per_token": 1e-06},
 "azure/twin": {"litellm_provider": "azure", "input_cost_per_token": 1e-06},
 "azure_ai/twin": {"litellm_provider": "azure_ai", "input_cost_per_token": 2e-06},
 "openai/gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 9.9e-05, "output_cost_per_token": 9.9e-05},
 "bare-1": {"litellm_provider": "openai", "input_cost_per_token": 4e-06, "output_cost_per_token": 0.0}
}"""


def read(folder: Path, text: str = ENTRIES) -> LiteLLMPrices:
    path = folder / "litellm.json"
    path.write_text(text, encoding="utf-8")
    return read_litellm_prices(path)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    folder = tmp_path_factory.mktemp("litellm")
    return SmallBook(
        '[[discount]]\nprovider = "acme"\nmodel = "*"\nmultiplier = "0.5"', folder, ("gpt-4o",), read(folder)
    )


def priced(book: SmallBook, usage: Usage, model: str = "acme/lite-1", **facts: Any) -> PricedRequest:
    return price_request(usage, book.slices("acme", model), started_at=NOON, **facts)


@pytest.mark.parametrize(
    ("input_tokens", "list_cost_pico_usd"),
    [
        (128_000, 128_000 * 300_000 + 10 * 1_500_000),
        (128_001, 128_001 * 600_000 + 10 * 2_500_000),
    ],
)
def test_a_step_begins_above_its_threshold(book: SmallBook, input_tokens: int, list_cost_pico_usd: int) -> None:
    request = priced(book, Usage(input_tokens=input_tokens, output_tokens=10))
    assert (request.list_cost_pico_usd, request.price_source) == (list_cost_pico_usd, "litellm")
    assert request.cost_pico_usd == list_cost_pico_usd // 2


def test_every_component_has_its_own_price(book: SmallBook) -> None:
    usage = Usage(
        input_tokens=1_000, cache_read_input_tokens=100, cache_creation_input_tokens=300,
        cache_creation_1h_input_tokens=200, input_audio_tokens=50, output_tokens=90, reasoning_output_tokens=30,
        output_audio_tokens=20, web_search_requests=2,
    )  # fmt: skip
    # In millionths: 550 x 0.3 + 100 x 0.03 + 100 x 0.375 + 200 x 0.6 + 50 x 1 + 40 x 1.5 + 30 x 3 + 20 x 2 = 565.5,
    # and two searches at 0.035 USD.
    assert priced(book, usage).list_cost_pico_usd == 565_500_000 + 70_000_000_000


@pytest.mark.parametrize(
    ("facts", "input_tokens", "list_cost_pico_usd"),
    [
        ({"is_batch": True}, 1_000, 1_000 * 150_000 + 10 * 750_000),
        ({"service_tier": "flex"}, 1_000, 1_000 * 200_000 + 10 * 1_500_000),  # flex names no output: the standard's
        ({"service_tier": "priority"}, 128_000, 128_000 * 500_000 + 10 * 1_500_000),
        ({"service_tier": "priority"}, 128_001, 128_001 * 900_000 + 10 * 2_500_000),
    ],
)
def test_contexts_replace_the_components_they_name(
    book: SmallBook, facts: dict[str, Any], input_tokens: int, list_cost_pico_usd: int
) -> None:
    request = priced(book, Usage(input_tokens=input_tokens, output_tokens=10), **facts)
    assert (request.status, request.list_cost_pico_usd) == ("priced", list_cost_pico_usd)


def test_a_context_without_a_price_is_partial_at_the_standard_one(book: SmallBook) -> None:
    request = priced(book, Usage(input_tokens=1_000), speed="fast")
    assert (request.reason, request.list_cost_pico_usd) == ("no_price_for_context:fast", 300_000_000)


@pytest.mark.parametrize(("input_tokens", "price"), [(32_000, 1_000_000), (32_001, 2_000_000), (500_000, 2_000_000)])
def test_ranges_take_their_upper_end_and_the_last_goes_on(book: SmallBook, input_tokens: int, price: int) -> None:
    assert priced(book, Usage(input_tokens=input_tokens), "acme/steps").list_cost_pico_usd == input_tokens * price


def test_a_rerank_is_priced_by_the_query(book: SmallBook) -> None:
    assert priced(book, Usage(rerank_searches=3), "rank").list_cost_pico_usd == 3 * 2 * 10**9


def test_transcription_is_priced_by_the_second(book: SmallBook) -> None:
    # 0.0001 USD a second are 100,000 pico-dollars a millisecond.
    assert priced(book, Usage(audio_ms=61_234), "listen").list_cost_pico_usd == 61_234 * 100_000


def test_a_search_whose_price_depends_on_what_no_log_says_has_none(book: SmallBook) -> None:
    request = priced(book, Usage(input_tokens=1, web_search_requests=1), "by-size")
    assert (request.status, request.reason) == ("partial", "no_price:web_search")


def test_what_cannot_be_used_is_left_out_with_its_reason(tmp_path: Path) -> None:
    assert read(tmp_path).left_out == {
        "sample_spec": "not a model",
        "acme/zero": "every price is 0, which may mean unknown",
        "acme/picture": "has no price per token, search, request or second that is transcribed",
        "acme/speak": "has no price per token, search, request or second that is transcribed",
        "acme/*": "a pattern, not a model",
        "ollama/llama": "a server of one's own has no list price",
        "azure/twin": "azure/twin and azure_ai/twin are one name at two prices",
        "azure_ai/twin": "azure/twin and azure_ai/twin are one name at two prices",
    }


def test_a_model_that_genai_prices_knows_is_wholly_genai_prices(book: SmallBook) -> None:
    request = price_request(Usage(input_tokens=1_000), book.slices("openai", "openai/gpt-4o"), started_at=NOON)
    assert (request.price_source, request.list_cost_pico_usd) == ("genai-prices", 2_500_000_000)


@pytest.mark.parametrize(
    ("provider", "model", "meant"),
    [
        ("acme", "ACME/Lite-1", ("acme", "lite-1", "litellm")),
        ("acme", "lite-1", ("acme", "lite-1", "litellm")),
        (None, "acme/lite-1", ("acme", "lite-1", "litellm")),
        (None, "bare-1", ("openai", "bare-1", "litellm")),
        ("openai", "bare-1", ("openai", "bare-1", "litellm")),
        ("acme", "lite-1-tuned", None),
        ("azure", "twin", None),
        ("ollama", "llama", None),
        ("vllm", "lite-1", None),
    ],
)
def test_names_that_only_litellm_knows(
    book: SmallBook, provider: str | None, model: str, meant: tuple[str, str, str] | None
) -> None:
    alias = book.book.names.resolve(provider, model)
    assert (alias and (alias.price_provider, alias.price_model, alias.rule)) == meant


@pytest.mark.parametrize(
    ("price", "shown"), [("-1e-06", "-0.000001"), ('"dear"', "dear"), ("NaN", "nan"), ("true", "True")]
)
def test_what_is_no_price_is_refused_by_name(tmp_path: Path, price: str, shown: str) -> None:
    one, other = (f'{{"litellm_provider": "a", "{k}_cost_per_token": {price}}}' for k in ("input", "output"))
    with pytest.raises(PriceBookError) as refused:
        read(tmp_path, f'{{"a/x": {one}, "a/y": {other}}}')
    what = "is not a finite non-negative number"
    path = tmp_path / "litellm.json"
    assert refused.value.problems == [
        f"{path}: a/x: input_cost_per_token = {shown} {what}",
        f"{path}: a/y: output_cost_per_token = {shown} {what}",
    ]


@pytest.mark.parametrize("text", ["[", json.dumps([])])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PriceBookError, match=r"litellm\.json: (cannot be read as JSON|not an object of models)"):
        read(tmp_path, text)
