"""Thousands of generated requests over the whole catalogue, priced by us and by the catalogue's own calculator.

Both must arrive at the same pico-dollar, or a named rule says why not. The rules are about names and about prices that
the catalogue does not state; there is none about arithmetic.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import pytest
from genai_prices import Usage as CatalogueUsage
from genai_prices import calc_price
from genai_prices.data import providers
from genai_prices.types import ClauseAnd, ClauseEquals, ClauseOr, MatchLogic, ModelInfo

from pipelines.economics.pricing import PricedRequest, price_request
from pipelines.pricebook.aliases import Alias, resolve
from pipelines.pricebook.catalogue import CATALOGUE_CONTEXT
from tests.contract.catalogue_traffic import Call, calls
from tests.contract.price_agreement import PICO, book_slices

SEED: Final = 20261121
USAGE_KEY: Final = {
    "input_tokens": "input_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
    "cache_creation_1h_input_tokens": "cache_write_1h_tokens",
    "output_tokens": "output_tokens",
    "reasoning_output_tokens": "output_reasoning_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "output_audio_tokens": "output_audio_tokens",
    "input_image_tokens": "input_image_tokens",
    "output_image_tokens": "output_image_tokens",
    "web_search_requests": "web_searches",
}


@dataclass(frozen=True)
class Compared:
    """A request, our verdict, and theirs: the model that they found and its cost in pico-dollars, `None` for neither."""

    call: Call
    alias: Alias | None
    ours: PricedRequest
    has_fractions: bool
    model: ModelInfo | None
    theirs: int | None

    @property
    def is_same_cost(self) -> bool:
        return self.theirs is not None and self.ours.cost_pico_usd == self.theirs

    @property
    def steps(self) -> list[str]:
        return self.alias.rule.split("+") if self.alias else []

    @property
    def is_affixed(self) -> bool:
        """Whether we took something off the name, or took it for an id that their own match does not know."""
        return any(step.startswith("without_") or step in ("id", "dashed_date") for step in self.steps)

    @property
    def is_loose(self) -> bool:
        """Whether they matched the start or a part of the name, and not the name."""
        name = self.call.model.lower()
        return self.model is not None and name != self.model.id.lower() and name not in set(_equals(self.model.match))

    @property
    def is_other_model(self) -> bool:
        """Whether both know the name and mean different models, whoever sells them."""
        if self.alias is None or self.model is None:
            return False
        return self.alias.price_model.rpartition("/")[2] != self.model.id.rpartition("/")[2]

    @property
    def is_within_rounding(self) -> bool:
        """Half a pico-dollar for every rounding, ours of each component and theirs here of the sum."""
        ours, theirs = self.ours.cost_pico_usd, self.theirs
        if ours is None or theirs is None or not self.has_fractions:
            return False
        return 2 * abs(ours - theirs) <= len(self.ours.components_pico_usd) + 1


RULES: Final[dict[str, tuple[str, Callable[[Compared], bool]]]] = {
    "equal": ("the same cost to the pico-dollar", lambda case: case.is_same_cost),
    "unknown_to_both": ("neither knows the name", lambda case: case.alias is None and case.model is None),
    "affix_leaves_the_price_alone": (
        "we find the model behind a version date or a gateway's prefix where they find none or, by a part of the name, another",
        lambda case: case.is_affixed and (case.model is None or (case.is_other_model and case.is_loose)),
    ),
    "loose_match": (
        "their clause takes any longer name; this one has an affix that may change the price, so it is unpriced",
        lambda case: case.alias is None and case.is_loose,
    ),
    "own_prefix_is_the_gateways": (
        "'perplexity/sonar' is 'sonar' as a gateway writes it; they list another model by that id",
        lambda case: "without_own_prefix" in case.steps and not case.is_loose,
    ),
    "states_no_price": (
        "the catalogue lists the model without the prices that this usage needs; they say 0, we say unpriced",
        lambda case: case.theirs == 0 and (case.ours.reason or "").startswith("no_price:") and not case.is_other_model,
    ),
    "rounded_by_component": (
        "a price is no whole number of pico-dollars; we round every component, they nothing",
        lambda case: case.is_within_rounding and not case.is_other_model,
    ),
}
"""All that may be said of a request, in this order; the first that holds does."""


@pytest.fixture(scope="module")
def compared() -> list[Compared]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(_compared())


def _compared() -> Iterator[Compared]:
    slices = book_slices()
    for call in calls(providers, SEED):
        alias = resolve(call.logged_provider, call.model)
        prices = slices[alias.price_provider, alias.price_model] if alias else None
        ours = price_request(
            call.usage,
            prices,
            started_at=call.started_at,
            is_batch=call.context == "batch",
            service_tier=None if call.context == "batch" else call.context,
        )
        has_fractions = any(price.price_block > 1 for price in prices or ())
        yield Compared(call, alias, ours, has_fractions, *_theirs(call))


def _theirs(call: Call) -> tuple[ModelInfo | None, int | None]:
    counts = {theirs: getattr(call.usage, ours) for ours, theirs in USAGE_KEY.items()}
    try:
        price = calc_price(
            CatalogueUsage(**{name: count for name, count in counts.items() if count}),
            call.model,
            provider_id=call.provider,
            genai_request_timestamp=call.started_at,
            price_context=dict(CATALOGUE_CONTEXT.get(call.context, {})) or None,
        )
    except LookupError:
        return None, None
    return price.model, int((price.total_price * PICO).quantize(Decimal(1), ROUND_HALF_EVEN))


def rule_for(case: Compared) -> str | None:
    return next((name for name, (_, holds) in RULES.items() if holds(case)), None)


def _equals(clause: MatchLogic) -> Iterator[str]:
    if isinstance(clause, ClauseEquals):
        yield clause.equals.lower()
    elif isinstance(clause, ClauseOr | ClauseAnd):
        for part in clause.or_ if isinstance(clause, ClauseOr) else clause.and_:
            yield from _equals(part)


def test_every_generated_request_costs_the_same_or_a_named_rule_says_why_not(compared: list[Compared]) -> None:
    counts = Counter(rule_for(case) for case in compared)
    print(f"{len(compared)} requests:", ", ".join(f"{n} {rule}" for rule, n in counts.most_common()))
    assert [case for case in compared if rule_for(case) not in RULES][:5] == []
    assert counts["equal"] >= 3_000


def test_every_model_of_the_catalogue_is_found_by_its_own_id(compared: list[Compared]) -> None:
    ids = {(provider.id, model.id) for provider in providers for model in provider.models}
    asked = [case for case in compared if (case.call.provider, case.call.model) in ids]
    assert len(asked) >= len(ids)
    assert [case.call for case in asked if case.alias is None] == []


def test_every_context_and_kind_of_token_was_compared(compared: list[Compared]) -> None:
    equal = [case for case in compared if rule_for(case) == "equal"]
    assert {case.ours.price_context for case in equal} == {"standard", "batch", "flex", "priority", "fast"}
    costly = Counter(name for case in equal for name, cost in case.ours.components_pico_usd.items() if cost)
    assert min(costly[name] for name in costly) >= 5
    assert set(costly) >= {
        "input",
        "cache_read",
        "cache_write_5m",
        "cache_write_1h",
        "output",
        "reasoning",
        "web_search",
    }
