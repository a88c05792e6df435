"""Prices that providers publish, worked out by hand: what our models make of the same usage, from log line to mart.

Every case names the page and the day on which it was read. Where the page works an example itself, the counts are its
own; else they are chosen so that every published price is met. Counts are as logs have them: input includes cache reads
and writes. docs/price-agreement.md lists where a published price is not the catalogue's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from tests.workspace import Workspace, request

ANTHROPIC = "https://platform.claude.com/docs/en/about-claude/pricing"
OPENAI = "https://developers.openai.com/api/docs/pricing"
GOOGLE = "https://ai.google.dev/gemini-api/docs/pricing"
BEDROCK = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonBedrock/current/us-east-1/index.json"


class Example(NamedTuple):
    """`cost_usd` is the sum of `arithmetic`, which is written as count x USD per million."""

    page: str
    read_on: str
    provider: str
    model: str
    counts: dict[str, Any]
    arithmetic: str
    cost_usd: str
    started_at: str = "2026-11-10T12:00:00Z"


def counts(inputs: int, outputs: int, **others: Any) -> dict[str, Any]:
    return {"input_tokens": inputs, "output_tokens": outputs, **others}


EXAMPLES = {
    "anthropic: a coding session of one hour (the page's own example, without its $0.08 of runtime)": Example(
        *(ANTHROPIC, "2026-09-26", "anthropic", "claude-opus-5", counts(50_000, 15_000)),
        arithmetic="50,000 x 5 + 15,000 x 25 = 250,000 + 375,000",
        cost_usd="0.625",
    ),
    "anthropic: the same with 40,000 of the input read from cache (the page's own example)": Example(
        *(ANTHROPIC, "2026-09-26", "anthropic", "claude-opus-5"),
        counts(50_000, 15_000, cache_read_input_tokens=40_000),
        arithmetic="10,000 x 5 + 40,000 x 0.5 + 15,000 x 25 = 50,000 + 20,000 + 375,000",
        cost_usd="0.445",
    ),
    "anthropic: 10,000 support tickets of 3,700 tokens (the page's own example, all of them counted as input)": Example(
        *(ANTHROPIC, "2026-09-26", "anthropic", "claude-haiku-4-5", counts(37_000_000, 0)),
        arithmetic="37,000,000 x 1",
        cost_usd="37",
    ),
    "anthropic: a web search (the page's usage block; its input excludes the cache: 105 + 7,123 + 7,345)": Example(
        *(ANTHROPIC, "2026-09-26", "anthropic", "claude-sonnet-4-6"),
        counts(14_573, 6_039, cache_read_input_tokens=7_123, cache_creation_input_tokens=7_345, web_search_requests=1),
        arithmetic="105 x 3 + 7,123 x 0.3 + 7,345 x 3.75 + 6,039 x 15 = 120,580.65, and 10 / 1,000 for the search",
        cost_usd="0.13058065",
    ),
    "anthropic: writes for five minutes and for one hour cost 1.25 and 2 times the input": Example(
        *(ANTHROPIC, "2026-09-26", "anthropic", "claude-sonnet-4-6"),
        counts(
            *(10_000, 500),
            cache_read_input_tokens=5_000,
            cache_creation_input_tokens=3_000,
            cache_creation_1h_input_tokens=1_000,
        ),
        arithmetic="2,000 x 3 + 5,000 x 0.3 + 2,000 x 3.75 + 1,000 x 6 + 500 x 15 = 28,500",
        cost_usd="0.0285",
    ),
    "anthropic: a request of 900,000 tokens pays per token what one of 9,000 pays": Example(
        *(ANTHROPIC, "2026-09-26", "anthropic", "claude-sonnet-4-6", counts(900_000, 1_000)),
        arithmetic="900,000 x 3 + 1,000 x 15 = 2,715,000",
        cost_usd="2.715",
    ),
    "anthropic: the batch discount of one half applies to cache reads as well": Example(
        *(ANTHROPIC, "2026-09-26", "anthropic", "claude-haiku-4-5"),
        counts(10_000, 1_000, cache_read_input_tokens=4_000, is_batch=True),
        arithmetic="6,000 x 0.5 + 4,000 x 0.05 + 1,000 x 2.5 = 5,700",
        cost_usd="0.0057",
    ),
    "anthropic: fast mode, with the cache multiplier on top": Example(
        *(ANTHROPIC, "2026-09-26", "anthropic", "claude-opus-4-8"),
        counts(2_000, 1_000, cache_read_input_tokens=1_000, speed="fast"),
        arithmetic="1,000 x 10 + 1,000 x 1 + 1,000 x 50 = 61,000",
        cost_usd="0.061",
    ),
    "openai: cached input": Example(
        *(OPENAI, "2026-11-05", "openai", "gpt-5.4", counts(10_000, 1_000, cache_read_input_tokens=4_000)),
        arithmetic="6,000 x 2.5 + 4,000 x 0.25 + 1,000 x 15 = 31,000",
        cost_usd="0.031",
    ),
    "openai: a prompt of 272,000 tokens is short": Example(
        *(OPENAI, "2026-11-05", "openai", "gpt-5.4", counts(272_000, 1_000)),
        arithmetic="272,000 x 2.5 + 1,000 x 15 = 695,000",
        cost_usd="0.695",
    ),
    "openai: a prompt of 272,001 tokens is long, and so is its output": Example(
        *(OPENAI, "2026-11-05", "openai", "gpt-5.4", counts(272_001, 1_000)),
        arithmetic="272,001 x 5 + 1,000 x 22.5 = 1,382,505",
        cost_usd="1.382505",
    ),
    "openai: batch, where the page rounds the price of cached input": Example(
        *(OPENAI, "2026-11-05", "openai", "gpt-5.4"),
        counts(50_000, 1_000, cache_read_input_tokens=20_000, is_batch=True),
        arithmetic="30,000 x 1.25 + 20,000 x 0.13 + 1,000 x 7.5 = 47,600",
        cost_usd="0.0476",
    ),
    "openai: flex": Example(
        *(OPENAI, "2026-11-05", "openai", "o4-mini"),
        counts(2_000, 1_000, cache_read_input_tokens=1_000, service_tier="flex"),
        arithmetic="1,000 x 0.55 + 1,000 x 0.138 + 1,000 x 2.2 = 2,888",
        cost_usd="0.002888",
    ),
    "openai: priority": Example(
        *(OPENAI, "2026-11-05", "openai", "gpt-5.4"),
        counts(10_000, 1_000, cache_read_input_tokens=4_000, service_tier="priority"),
        arithmetic="6,000 x 5 + 4,000 x 0.5 + 1,000 x 30 = 62,000",
        cost_usd="0.062",
    ),
    "google: a prompt of 200,000 tokens": Example(
        *(GOOGLE, "2026-10-05", "google", "gemini-2.5-pro"),
        counts(200_000, 1_000, cache_read_input_tokens=100_000),
        arithmetic="100,000 x 1.25 + 100,000 x 0.125 + 1,000 x 10 = 147,500",
        cost_usd="0.1475",
    ),
    "google: one token more, and all of it costs more": Example(
        *(GOOGLE, "2026-10-05", "google", "gemini-2.5-pro"),
        counts(200_001, 1_000, cache_read_input_tokens=100_000),
        arithmetic="100,001 x 2.5 + 100,000 x 0.25 + 1,000 x 15 = 290,002.5",
        cost_usd="0.2900025",
    ),
    "bedrock: Nova Pro, whose list counts by the thousand: 0.0008, 0.0002 read, 0.0032": Example(
        *(
            BEDROCK,
            "2026-09-01",
            "bedrock",
            "amazon.nova-pro-v1:0",
            counts(10_000, 1_000, cache_read_input_tokens=5_000),
        ),
        arithmetic="5,000 x 0.8 + 5,000 x 0.2 + 1,000 x 3.2 = 8,200",
        cost_usd="0.0082",
    ),
    "bedrock: an endpoint in a region costs 10% more than the global one": Example(
        *(ANTHROPIC, "2026-09-26", "bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0", counts(10_000, 1_000)),
        arithmetic="10,000 x 1.1 + 1,000 x 5.5 = 16,500",
        cost_usd="0.0165",
    ),
    "bedrock: the global endpoint": Example(
        *(ANTHROPIC, "2026-09-26", "bedrock", "global.anthropic.claude-haiku-4-5-20251001-v1:0", counts(10_000, 1_000)),
        arithmetic="10,000 x 1 + 1,000 x 5 = 15,000",
        cost_usd="0.015",
    ),
    "xai: cached tokens (the page's usage block)": Example(
        *(
            "https://docs.x.ai/developers/advanced-api-usage/prompt-caching/usage-and-pricing",
            "2026-08-19",
            "xai",
            "grok-4.3",
        ),
        counts(125, 48, cache_read_input_tokens=98),
        arithmetic="27 x 1.25 + 98 x 0.2 + 48 x 2.5 = 173.35",
        cost_usd="0.00017335",
    ),
    "perplexity: a fee per request, at the largest search context": Example(
        *("https://docs.perplexity.ai/guides/pricing", "2026-09-27", "perplexity", "sonar", counts(100, 200)),
        arithmetic="100 x 1 + 200 x 1 = 300, and 12 / 1,000 for the request",
        cost_usd="0.0123",
        started_at="2026-09-20T12:00:00Z",
    ),
    "mistral: Large 3 by its dated name": Example(
        *("https://docs.mistral.ai/models/mistral-large-3-25-12", "2026-02-26", "mistral", "mistral-large-2512"),
        counts(1_796, 2_267),
        arithmetic="1,796 x 0.5 + 2,267 x 1.5 = 4,298.5",
        cost_usd="0.0042985",
    ),
    "deepseek: standard hours of 2025": Example(
        *("https://api-docs.deepseek.com/quick_start/pricing-details-usd", "2025-03-01", "deepseek", "deepseek-chat"),
        counts(10_000, 1_000, cache_read_input_tokens=4_000),
        arithmetic="6,000 x 0.27 + 4,000 x 0.07 + 1,000 x 1.1 = 3,000",
        cost_usd="0.003",
        started_at="2025-06-02T16:29:59Z",
    ),
    "deepseek: half of it one second later": Example(
        *("https://api-docs.deepseek.com/quick_start/pricing-details-usd", "2025-03-01", "deepseek", "deepseek-chat"),
        counts(10_000, 1_000, cache_read_input_tokens=4_000),
        arithmetic="6,000 x 0.135 + 4,000 x 0.035 + 1,000 x 0.55 = 1,500",
        cost_usd="0.0015",
        started_at="2025-06-02T16:30:00Z",
    ),
}


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[str, int]]:
    """Status and cost in pico-dollars by the example's number, after landing and building."""
    workspace = Workspace(tmp_path_factory.mktemp("published"))
    records = [
        request(
            source_record_id=name,
            provider_name=example.provider,
            response_model=example.model,
            started_at=example.started_at,
            **example.counts,
        )
        for name, example in EXAMPLES.items()
    ]
    try:
        workspace.land_records("published", records)
        workspace.build()
        found = workspace.rows("select source_line, pricing_status, cost_pico from fct_llm_request_priced")
    finally:
        workspace.control.close()
    return {line: (status, cost) for line, status, cost in found}


@pytest.mark.parametrize(("line", "name"), list(enumerate(EXAMPLES, start=1)))
def test_a_published_price_gives_the_published_cost(priced: dict[int, tuple[str, int]], line: int, name: str) -> None:
    example = EXAMPLES[name]
    assert priced[line] == ("priced", int(Decimal(example.cost_usd) * 10**12)), example.arithmetic


def test_the_examples_are_of_eight_providers_and_name_their_pages() -> None:
    assert len({example.provider for example in EXAMPLES.values()}) >= 8
    assert all(example.page.startswith("https://") for example in EXAMPLES.values())
