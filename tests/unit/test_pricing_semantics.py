"""The twelve rules of pricing, each on a built book, both sides of every kind of threshold; arithmetic written out.

Prices per million tokens: $3 is 3,000,000 pico-USD a token. Those of the catalogue stand in its own files:
Gemini 2.5 Pro 1.25/10, above 200,000 tokens 2.50/15; Claude Haiku 4.5 1/5, read 0.10, written 1.25 and 2; Claude Opus 4.6
5/25, until 2026-03-13 10/37.50 above 200,000; DeepSeek Chat 0.27/1.10, from 16:30 to 00:30 UTC 0.135/0.55.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from pipelines.economics.pricing import PricedRequest, Usage, price_request
from pipelines.pricebook.book import build_price_book
from pipelines.pricebook.capacity import usd_per_token
from pipelines.pricebook.slices import price_slices
from tests.price_books import SmallBook, company

NOON = datetime(2026, 11, 9, 12, tzinfo=UTC)  # a Monday
CALL = Usage(input_tokens=4_521, output_tokens=387)
Priced = Callable[..., PricedRequest]

PRICES = """
[[override]]
provider = "openai"
model = "acme-night"
input = "4"
output = "8"

[[override]]
provider = "deepseek"
model = "deepseek-chat"
input = "0.1"
weekdays = ["sat", "sun"]

[[override]]
provider = "openai"
model = "acme-long"
input = 1
output = 2

[[override]]
provider = "openai"
model = "acme-long"
input = 3
output = 5
above_input_tokens = 200000

[[override]]
provider = "openai"
model = "acme-free"
input = 0
output = 0
is_free = true

[[override]]
provider = "openai"
model = "acme-euro"
currency = "EUR"
input = "2.5"
output = "10"

[[override]]
provider = "openai"
model = "acme-rerank"
rerank_search = "2"

[[override]]
provider = "openai"
model = "acme-listens"
audio_time = "0.36"
min_audio_seconds = 10

[[discount]]
provider = "anthropic"
model = "claude-haiku-*"
multiplier = "0.9"
from = 2026-11-09

[[gpu_pool]]
id = "h100"
models = ["acme-llama-*"]
gpu_hourly_usd = "2.52"
gpus = 8
prefill_tokens_per_s = 40000
decode_tokens_per_s = 8000
utilisation = "0.7"
cache_read_share = "0.1"
from = 2026-11-01

[[alias]]
provider = "openai"
model = "our-assistant"
means = "openai/acme-long"
from = 2026-11-01
to = 2026-11-09

[[alias]]
provider = "openai"
model = "our-assistant"
means = "anthropic/claude-haiku-4-5"
from = 2026-11-09
"""
MODELS = (
    "gemini-2.5-pro", "claude-haiku-4-5", "claude-opus-4-6", "deepseek-chat", "grok-4.3", "gpt-4o",
    "text-embedding-3-small",
)  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    return SmallBook(PRICES, tmp_path_factory.mktemp("prices"), MODELS)


@pytest.fixture
def priced(book: SmallBook) -> Priced:
    def price(provider: str, model: str, usage: Usage = CALL, **facts: object) -> PricedRequest:
        slices = book.slices(provider, model)
        return price_request(usage, slices, **{"started_at": NOON, **facts})  # pyright: ignore[reportArgumentType]

    return price


def test_1_buckets_are_disjoint_and_a_contradiction_is_refused(priced: Priced) -> None:
    usage = Usage(input_tokens=1_000, cache_read_input_tokens=600, cache_creation_input_tokens=400)
    # Nothing is left uncached: 600 x 0.10 + 400 x 1.25 = 60 + 500 millionths, less a tenth by contract.
    assert priced("anthropic", "claude-haiku-4-5", usage).list_cost_pico_usd == 560_000_000
    assert priced("anthropic", "claude-haiku-4-5", usage).cost_pico_usd == 504_000_000
    one_more = Usage(input_tokens=999, cache_read_input_tokens=600, cache_creation_input_tokens=400)
    refused = priced("anthropic", "claude-haiku-4-5", one_more)
    assert (refused.status, refused.reason, refused.cost_pico_usd) == ("unpriced", "inconsistent_usage", None)


@pytest.mark.parametrize(
    ("provider", "model", "input_tokens", "cost_pico_usd"),
    [
        ("google", "gemini-2.5-pro", 200_000, 200_000 * 1_250_000 + 10 * 10_000_000),
        ("google", "gemini-2.5-pro", 200_001, 200_001 * 2_500_000 + 10 * 15_000_000),
        ("xai", "grok-4.3", 199_999, 199_999 * 1_250_000 + 10 * 2_500_000),
        ("xai", "grok-4.3", 200_000, 200_000 * 2_500_000 + 10 * 5_000_000),
        ("openai", "acme-long", 200_000, 200_000 * 1_000_000 + 10 * 2_000_000),
        ("openai", "acme-long", 200_001, 200_001 * 3_000_000 + 10 * 5_000_000),
    ],
)
def test_2_crossing_a_tier_re_prices_the_whole_request(
    priced: Priced, provider: str, model: str, input_tokens: int, cost_pico_usd: int
) -> None:
    cached = Usage(input_tokens=input_tokens, output_tokens=10)
    assert priced(provider, model, cached).cost_pico_usd == cost_pico_usd


def test_3_five_minute_and_one_hour_writes_and_the_fallbacks_that_were_used(priced: Priced) -> None:
    usage = Usage(input_tokens=1_000, cache_creation_input_tokens=1_000, cache_creation_1h_input_tokens=400)
    # 600 x 1.25 + 400 x 2 = 750 + 800 millionths of a dollar.
    request = priced("anthropic", "claude-haiku-4-5", usage)
    assert (request.list_cost_pico_usd, request.fallbacks) == (1_550_000_000, ())
    request = priced("google", "gemini-2.5-pro", usage)  # no price of either write: both at input, 1,000 x 1.25
    assert (request.cost_pico_usd, request.fallbacks) == (
        1_250_000_000, ("cache_write_5m<-input", "cache_write_1h<-input"),
    )  # fmt: skip


def test_4_a_batch_has_prices_of_its_own_per_component(priced: Priced) -> None:
    usage = Usage(input_tokens=1_000, cache_read_input_tokens=500, output_tokens=100)
    # Anthropic halves reads too: 500 x 0.50 + 500 x 0.05 + 100 x 2.50 = 250 + 25 + 250.
    assert priced("anthropic", "claude-haiku-4-5", usage, is_batch=True).list_cost_pico_usd == 525_000_000
    # Gemini does not: 500 x 0.625 + 500 x 0.125 + 100 x 5 = 312.5 + 62.5 + 500.
    assert priced("google", "gemini-2.5-pro", usage, is_batch=True).cost_pico_usd == 875_000_000


@pytest.mark.parametrize(
    ("instant", "input_price"),
    [
        (datetime(2026, 11, 9, 16, 29, 59, 999_999, tzinfo=UTC), 270_000),
        (datetime(2026, 11, 9, 16, 30, tzinfo=UTC), 135_000),
        (datetime(2026, 11, 10, 0, 29, 59, tzinfo=UTC), 135_000),
        (datetime(2026, 11, 10, 0, 30, tzinfo=UTC), 270_000),
        (datetime(2026, 11, 13, 23, 59, 59, 999_999, tzinfo=UTC), 135_000),  # Friday
        (datetime(2026, 11, 14, tzinfo=UTC), 100_000),  # Saturday, by the company's own price
        (datetime(2026, 11, 15, 23, 59, 59, 999_999, tzinfo=UTC), 100_000),
        (datetime(2026, 11, 16, tzinfo=UTC), 135_000),  # Monday
    ],
)
def test_5_the_price_is_that_of_the_second_and_weekday_of_the_start_in_utc(
    priced: Priced, instant: datetime, input_price: int
) -> None:
    usage = Usage(input_tokens=1_000)
    assert priced("deepseek", "deepseek-chat", usage, started_at=instant).cost_pico_usd == 1_000 * input_price


def test_5_a_price_begins_at_midnight_utc(priced: Priced) -> None:
    usage = Usage(input_tokens=200_001)
    midnight = datetime(2026, 3, 13, tzinfo=UTC)
    before = midnight - timedelta(microseconds=1)
    assert priced("anthropic", "claude-opus-4-6", usage, started_at=before).cost_pico_usd == 200_001 * 10_000_000
    assert priced("anthropic", "claude-opus-4-6", usage, started_at=midnight).cost_pico_usd == 200_001 * 5_000_000


def test_5_the_tier_that_was_served_sets_the_price(priced: Priced) -> None:
    # GPT-4o at priority: 4,521 x 4.25 + 387 x 17 = 19,214.25 + 6,579 millionths.
    served = priced("openai", "gpt-4o", service_tier="priority")
    assert (served.price_context, served.cost_pico_usd) == ("priority", 25_793_250_000)


def test_6_unknown_is_not_free_missing_is_partial_and_only_a_stated_zero_is_free(priced: Priced) -> None:
    assert price_request(CALL, None, started_at=NOON).cost_pico_usd is None
    partial = priced("openai", "acme-long", Usage(input_tokens=10, web_search_requests=1))
    assert (partial.status, partial.reason, partial.cost_pico_usd) == ("partial", "no_price:web_search", 10_000_000)
    free = priced("openai", "acme-free")
    assert (free.status, free.cost_pico_usd, free.price_source) == ("free", 0, "override")
    batch = priced("openai", "acme-long", is_batch=True)
    assert (batch.status, batch.reason) == ("partial", "no_price_for_context:batch")
    assert batch.cost_pico_usd == 4_521 * 1_000_000 + 387 * 2_000_000


def test_7_names_resolve_by_date_and_never_by_an_invented_suffix(book: SmallBook) -> None:
    names = book.book.names
    assert names.resolve("anthropic", "claude-haiku-4-5-acme") is None
    last, first = date(2026, 11, 8), date(2026, 11, 9)
    meant = [names.resolve("openai", "our-assistant", day) for day in (date(2026, 10, 31), last, first)]
    assert [alias and alias.price_model for alias in meant] == [None, "acme-long", "claude-haiku-4-5"]


def test_8_gateway_hits_cut_streams_and_failures(priced: Priced) -> None:
    hit = priced("openai", "gpt-4o", is_gateway_cache_hit=True, lookup_cost_pico_usd=7)
    assert (hit.cost_pico_usd, hit.list_cost_pico_usd) == (7, 7)
    # A cut stream: 4,521 x 2.50 + 387 x 10 = 11,302.5 + 3,870 millionths.
    assert priced("openai", "gpt-4o", status="cancelled").cost_pico_usd == 15_172_500_000
    assert priced("openai", "gpt-4o", status="error").cost_pico_usd == 15_172_500_000
    failed = priced("openai", "gpt-4o", Usage(), status="error")
    assert (failed.status, failed.cost_pico_usd, failed.list_cost_pico_usd) == ("reported_none", 0, 0)


def test_9_reranks_per_search_embeddings_by_input_and_web_searches_per_call(priced: Priced) -> None:
    assert priced("openai", "acme-rerank", Usage(rerank_searches=3)).cost_pico_usd == 3 * 2 * 10**9
    embedding = priced("openai", "text-embedding-3-small", Usage(input_tokens=1_000))
    assert (embedding.status, embedding.cost_pico_usd) == ("priced", 20_000_000)
    searched = priced("openai", "gpt-4o", Usage(input_tokens=1, web_search_requests=2))
    assert searched.components_pico_usd == {"input": 2_500_000, "web_search": 20_000_000_000}


@pytest.mark.parametrize(
    ("audio_ms", "cost_pico_usd"),
    # 0.36 USD an hour are 100,000 pico-dollars a millisecond.
    [(1, 10**9), (9_999, 10**9), (10_000, 10**9), (10_001, 1_000_100_000), (3_600_000, 360_000_000_000)],
)
def test_9_audio_by_time_has_a_shortest_length(priced: Priced, audio_ms: int, cost_pico_usd: int) -> None:
    heard = priced("openai", "acme-listens", Usage(audio_ms=audio_ms))
    assert (heard.status, heard.components_pico_usd) == ("priced", {"audio_time": cost_pico_usd})


@pytest.mark.parametrize(
    ("audio_ms", "cost_pico_usd"),
    # Groq bills ten seconds at least. 0.04 USD an hour are 11,111.1… pico-dollars a millisecond.
    [(2_000, 111_111_111), (10_000, 111_111_111), (10_001, 111_122_222), (90_000, 1_000_000_000)],
)
def test_9_the_shortest_audio_that_groq_bills(audio_ms: int, cost_pico_usd: int) -> None:
    slices = price_slices(build_price_book().slices)["groq", "whisper-large-v3-turbo"]
    heard = price_request(Usage(audio_ms=audio_ms), slices, started_at=datetime(2026, 11, 9, tzinfo=UTC))
    assert (heard.status, heard.cost_pico_usd) == ("priced", cost_pico_usd)


def test_9_audio_without_a_price_by_time_is_partial(priced: Priced) -> None:
    heard = priced("openai", "gpt-4o", Usage(input_tokens=1, audio_ms=1))
    assert (heard.status, heard.reason, heard.cost_pico_usd) == ("partial", "no_price:audio_time", 2_500_000)


def test_10_a_pool_costs_what_its_hours_and_its_utilisation_say(
    priced: Priced, book: SmallBook, tmp_path: Path
) -> None:
    (pool,) = company(PRICES, tmp_path).gpu_pools
    # 2.52 x 8 / (3600 x 40,000 x 0.7) = 20.16 / 100,800,000 = 0.0000002 USD a token; decoding is five times slower.
    assert usd_per_token(pool, pool.prefill_tokens_per_s) == Fraction(2, 10**7)
    assert usd_per_token(pool, pool.decode_tokens_per_s) == Fraction(1, 10**6)
    usage = Usage(input_tokens=1_000, cache_read_input_tokens=400, output_tokens=100)
    # 600 x 0.2 + 400 x 0.02 + 100 x 1 = 120 + 8 + 100 millionths.
    request = priced("vllm", "vllm/acme-llama-70b", usage, is_batch=True)
    assert (request.status, request.cost_pico_usd, request.gpu_pool_id) == ("priced", 228_000_000, "h100")
    # A day is paid whether busy or not: 2.52 x 8 x 24 = 483.84 USD.
    assert book.book.capacity.column("paid_pico_per_day").to_pylist() == [483_840_000_000_000]
    before = priced("vllm", "acme-llama-70b", usage, started_at=datetime(2026, 10, 31, tzinfo=UTC))
    assert (before.status, before.reason) == ("unpriced", "no_price:input,cache_read,output")
    assert book.book.names.resolve("vllm", "acme-llama-70b", date(2026, 10, 31)) is None


def test_10_a_price_that_is_no_whole_pico_dollar_stays_exact(tmp_path: Path) -> None:
    (pool,) = company(PRICES.replace('"0.7"', '"0.55"'), tmp_path).gpu_pools
    # 20.16 / (3600 x 40,000 x 0.55) = 20.16 / 79,200,000 = 14 / 55,000,000.
    assert usd_per_token(pool, pool.prefill_tokens_per_s) == Fraction(14, 55_000_000)


def test_11_list_and_contracted_cost_stand_side_by_side(priced: Priced) -> None:
    # 4,521 x 1 + 387 x 5 = 6,456 millionths; nine tenths are 5,810.4. The day before the contract both are the list's.
    request = priced("anthropic", "claude-haiku-4-5")
    assert (request.list_cost_pico_usd, request.cost_pico_usd) == (6_456_000_000, 5_810_400_000)
    assert request.components_pico_usd == {"input": 4_068_900_000, "output": 1_741_500_000}
    before = priced("anthropic", "claude-haiku-4-5", started_at=datetime(2026, 11, 8, 23, 59, 59, tzinfo=UTC))
    assert (before.list_cost_pico_usd, before.cost_pico_usd) == (6_456_000_000, 6_456_000_000)


def test_12_other_currencies_by_the_rate_of_the_day_or_not_at_all(priced: Priced) -> None:
    # 4,521 x 2.50 = 0.0113025 EUR and 387 x 10 = 0.00387 EUR, each at 1.0835:
    # 0.01224625875 and 0.004193145 USD, together 0.01643940375.
    request = priced("openai", "acme-euro", usd_rates={"EUR": Decimal("1.0835")})
    assert request.components_pico_usd == {"input": 12_246_258_750, "output": 4_193_145_000}
    assert (request.cost_pico_usd, request.list_cost_pico_usd) == (16_439_403_750, 16_439_403_750)
    without = priced("openai", "acme-euro", usd_rates={"GBP": Decimal("1.27")})
    assert (without.status, without.reason, without.cost_pico_usd) == ("unpriced", "no_fx_rate:EUR", None)


@pytest.mark.parametrize(
    ("rate", "cost_pico_usd"),
    [
        ("1.0000000005", 1_000_000_001 * 2),  # nine decimals, half-up as in the feed: 1.000000001 x 2 USD
        ("1.00000000049999", 1_000_000_000 * 2),
    ],
)
def test_12_a_rate_counts_with_nine_decimals(priced: Priced, rate: str, cost_pico_usd: int) -> None:
    usage = Usage(input_tokens=800)  # 800 x 2.50 = 2,000 millionths of a euro
    request = priced("openai", "acme-euro", usage, usd_rates={"EUR": Decimal(rate)})
    assert request.cost_pico_usd == cost_pico_usd
