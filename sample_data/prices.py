"""What the gateway of the sample company believes a token costs, in integer pico-USD (1 USD = 10^12).

The tables equal the providers' public list prices of the period, so a price book that knows them arrives at the same
costs; `cost_reported` and the amounts in `truth.json` come from here. One model is missing on purpose.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

PICO_PER_USD = 10**12
LONG_CONTEXT_TOKENS = 200_000
"""A request with more input than this, cache included, pays the higher step for all of its tokens."""


class Usage(NamedTuple):
    """Tokens of one attempt: `input` includes all cache tokens, `output` includes reasoning."""

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0


class TokenPrice(NamedTuple):
    """Pico-USD per token."""

    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int


class Cost(NamedTuple):
    """Pico-USD by what was paid for; `input` is the uncached part only."""

    input: int
    cache_read: int
    cache_write: int
    output: int

    @property
    def total(self) -> int:
        return sum(self)


FREE_OF_CHARGE = Cost(0, 0, 0, 0)

# Model and price context -> pico-USD per token: $1 per million tokens is 1,000,000.
_PRICES: dict[tuple[str, str], TokenPrice] = {
    ("gpt-5", "standard"): TokenPrice(1_250_000, 125_000, 1_250_000, 1_250_000, 10_000_000),
    ("gpt-5", "flex"): TokenPrice(625_000, 62_500, 625_000, 625_000, 5_000_000),
    ("gpt-5", "priority"): TokenPrice(2_500_000, 250_000, 2_500_000, 2_500_000, 20_000_000),
    ("gpt-5-mini", "standard"): TokenPrice(250_000, 25_000, 250_000, 250_000, 2_000_000),
    ("gpt-5-mini", "batch"): TokenPrice(125_000, 12_500, 125_000, 125_000, 1_000_000),
    ("gpt-4o-mini", "standard"): TokenPrice(150_000, 75_000, 150_000, 150_000, 600_000),
    ("text-embedding-3-small", "standard"): TokenPrice(20_000, 20_000, 20_000, 20_000, 0),
    ("claude-sonnet-4-5-20250929", "standard"): TokenPrice(3_000_000, 300_000, 3_750_000, 6_000_000, 15_000_000),
    ("claude-haiku-4-5-20251001", "standard"): TokenPrice(1_000_000, 100_000, 1_250_000, 2_000_000, 5_000_000),
    ("gemini-2.5-pro", "standard"): TokenPrice(1_250_000, 125_000, 1_250_000, 1_250_000, 10_000_000),
    ("gemini-2.5-pro", "standard, long"): TokenPrice(2_500_000, 250_000, 2_500_000, 2_500_000, 15_000_000),
    ("gemini-2.5-flash", "standard"): TokenPrice(300_000, 30_000, 300_000, 300_000, 2_500_000),
}

MISTRAL = "mistral-large-4"
# Promotional, list, and new list price, each from a day on, newest first; provider page: https://mistral.ai/pricing/api.
_MISTRAL_PRICES = (
    (date(2026, 10, 29), TokenPrice(700_000, 70_000, 700_000, 700_000, 2_100_000)),
    (date(2026, 10, 20), TokenPrice(1_360_000, 140_000, 1_360_000, 1_360_000, 4_180_000)),
    (date.min, TokenPrice(680_000, 70_000, 680_000, 680_000, 2_090_000)),
)


def price_of(model: str, context: str, input_tokens: int, day: date) -> TokenPrice | None:
    """The step that a request of a day lands in; None for a model without a price."""
    if model == MISTRAL and context == "standard":
        return next(price for valid_from, price in _MISTRAL_PRICES if day >= valid_from)
    if input_tokens > LONG_CONTEXT_TOKENS and (model, f"{context}, long") in _PRICES:
        return _PRICES[model, f"{context}, long"]
    return _PRICES.get((model, context))


def cost_of(model: str, context: str, usage: Usage, day: date) -> Cost | None:
    """Exact cost in pico-USD of one attempt that started on a day; None for a model without a price."""
    price = price_of(model, context, usage.input, day)
    return None if price is None else cost_at(price, usage)


def cost_at(price: TokenPrice, usage: Usage) -> Cost:
    """Exact cost of tokens at a price, in pico-USD."""
    uncached = usage.input - usage.cache_read - usage.cache_write_5m - usage.cache_write_1h
    return Cost(
        input=uncached * price.input,
        cache_read=usage.cache_read * price.cache_read,
        cache_write=usage.cache_write_5m * price.cache_write_5m + usage.cache_write_1h * price.cache_write_1h,
        output=usage.output * price.output,
    )


def decimal_usd(amount_pico: int) -> str:
    """Pico-USD as a decimal string with twelve places: 6500000000 -> '0.006500000000'."""
    sign = "-" if amount_pico < 0 else ""
    whole, rest = divmod(abs(amount_pico), PICO_PER_USD)
    return f"{sign}{whole}.{rest:012d}"
