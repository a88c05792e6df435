"""What the providers bill, by day, model, tier and kind of token: everything that was sent, seen by the logs or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from random import Random
from typing import NamedTuple

from sample_data.attempts import Attempt
from sample_data.lengths import around
from sample_data.litellm_payload import provider_of
from sample_data.period import day_of
from sample_data.planted import BYPASS, UNPRICED_MODEL, Plants, within
from sample_data.prices import LONG_CONTEXT_TOKENS, TokenPrice, Usage, cost_at, price_of

UNLISTED_PRICE = TokenPrice(50_000, 50_000, 50_000, 50_000, 50_000)
"""Of the model that no price table knows: only its bill tells, $0.05 per million tokens."""
BYPASS_MODEL = "claude-sonnet-4-5-20250929"
_BYPASS_CALLS_A_NIGHT = 40
_BILLED_BY = {"gemini": "google"}
"""Who sends the bill, where the gateway knows the provider by another name."""
_TOKEN_TYPES = TokenPrice._fields


class Meter(NamedTuple):
    """What a line of a bill counts. `is_long` is the step above 200,000 tokens of input."""

    provider: str
    day: date
    model: str
    context: str
    is_long: bool
    token_type: str


class Line(NamedTuple):
    meter: Meter
    tokens: int
    amount_pico: int


_Place = tuple[date, str, str, bool]
"""Day, model, price context, and whether the input is longer than the step: one price for each kind of token."""


class Billed:
    """Adds up tokens; amounts are integer pico-USD, exact, because every line has one price."""

    def __init__(self, seed: int, plants: Plants, scale: float) -> None:
        self._seed, self._plants, self._scale = seed, plants, scale
        self._tokens: dict[_Place, list[int]] = defaultdict(lambda: [0] * len(_TOKEN_TYPES))

    def observe(self, attempt: Attempt) -> None:
        """The gateway's cache and a refusal cost nothing; an answer that was cut is billed as far as it was written."""
        if attempt.status != "hit" and attempt.usage.input:
            self._add(attempt.model, attempt.context, attempt.usage, day_of(attempt.start_us), attempt.unseen_output)

    def bypass(self, day: date) -> list[int]:
        """Bill the night's calls past the gateway; what each costs in pico-USD."""
        price = price_of(BYPASS_MODEL, "standard", 0, day)
        if price is None or not within(day, BYPASS):
            return []
        rng = Random(f"{self._seed}/bypass/{day}")
        calls = round(max(2, _BYPASS_CALLS_A_NIGHT * self._scale) * self._plants.size)
        usages = [Usage(input=around(rng, 7_000, 0.5), output=around(rng, 600, 0.4)) for _ in range(calls)]
        for usage in usages:
            self._add(BYPASS_MODEL, "standard", usage, day)
        return [cost_at(price, usage).total for usage in usages]

    def lines(self) -> Iterator[Line]:
        """In order of provider, day, model, tier, step and kind of token; no empty lines."""
        counted: dict[Meter, int] = defaultdict(int)
        price_pico: dict[Meter, int] = {}
        for (day, model, context, is_over), tokens in self._tokens.items():
            price = _price(model, context, LONG_CONTEXT_TOKENS + is_over, day)
            is_long = price != _price(model, context, LONG_CONTEXT_TOKENS, day)
            provider = provider_of(model)
            for token_type, count in zip(_TOKEN_TYPES, tokens, strict=True):
                meter = Meter(_BILLED_BY.get(provider, provider), day, model, context, is_long, token_type)
                counted[meter] += count
                price_pico[meter] = getattr(price, token_type)
        for meter in sorted(meter for meter, count in counted.items() if count):
            yield Line(meter, counted[meter], counted[meter] * price_pico[meter])

    def _add(self, model: str, context: str, usage: Usage, day: date, unseen_output: int = 0) -> None:
        tokens = self._tokens[day, model, context, usage.input > LONG_CONTEXT_TOKENS]
        tokens[0] += usage.input - usage.cache_read - usage.cache_write_5m - usage.cache_write_1h
        tokens[1] += usage.cache_read
        tokens[2] += usage.cache_write_5m
        tokens[3] += usage.cache_write_1h
        tokens[4] += usage.output + unseen_output


def _price(model: str, context: str, input_tokens: int, day: date) -> TokenPrice:
    price = UNLISTED_PRICE if model == UNPRICED_MODEL else price_of(model, context, input_tokens, day)
    if price is None:
        raise ValueError(f"no provider sells {model} as {context}")
    return price
