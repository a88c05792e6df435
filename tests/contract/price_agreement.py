"""Our prices beside two independent calculators' on the same usages: `make price-agreement` prints the table.

Reads `price_oracle/vectors.jsonl` under MARGINCALL_REAL_DATA, clock pinned at 2026-11-21T12:00Z: one JSON object per
line with a usage (input includes cache and audio, output includes reasoning and audio), a tier, and the cost by
genai-prices and by LiteLLM as floats of USD. Costs agree if they are equal to the pico-dollar. Every disagreement needs
a rule that can be decided from the usage, our prices and LiteLLM's own price list, and that arrives at the other
calculator's number exactly; which side is right is written down in docs/price-agreement.md.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pipelines.economics.pricing import PricedRequest, PriceSlice, Usage, price_request
from pipelines.pricebook.aliases import Alias, resolve
from pipelines.pricebook.book import build_price_book
from pipelines.pricebook.slices import price_slices

Slices = Mapping[tuple[str, str], tuple[PriceSlice, ...]]
Vector = Mapping[str, Any]

CLOCK: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
PICO: Final = 10**12
CALCULATORS: Final = ("genai", "litellm")
LITELLM_PRICES: Final = Path(__file__).parent / "litellm_prices.json"
"""Entries of LiteLLM 1.102.4's own list, in its format: those models for which it names other prices than ours."""
AGREEMENTS: Final = ("equal", "equal_but_partial", "unknown_to_both")


@dataclass(frozen=True)
class Case:
    """One usage, our verdict on it, and what a calculator said (pico-dollars, `None` where it knows no price)."""

    vector: Vector
    alias: Alias | None
    slices: tuple[PriceSlice, ...]
    litellm_slices: tuple[PriceSlice, ...]
    theirs: int | None

    @cached_property
    def request(self) -> PricedRequest:
        return _price(self.vector, self.slices or None)

    @property
    def ours(self) -> int | None:
        return self.request.cost_pico_usd

    @property
    def parts(self) -> Mapping[str, int]:
        return self.request.components_pico_usd

    @property
    def is_batch(self) -> bool:
        return bool(self.vector["batch"])

    @property
    def is_flex(self) -> bool:
        return self.vector["service_tier"] == "flex"

    @cached_property
    def standard(self) -> int | None:
        """What the same usage costs us outside of any tier."""
        return _price({**self.vector, "batch": False, "service_tier": None}, self.slices or None).cost_pico_usd

    @cached_property
    def batch_reads_as_input(self) -> int | None:
        """Our cost with cache reads counted as plain input."""
        return _price({**self.vector, "usage": {**self.vector["usage"], "cache_read": 0}}, self.slices).cost_pico_usd

    @cached_property
    def at_litellms_list(self) -> int | None:
        return _price(self.vector, self.litellm_slices or None).cost_pico_usd

    @property
    def is_single_step(self) -> bool:
        """Whether our price does not depend on the length of the prompt."""
        return all(s.tier_lo == 0 for s in self.slices if s.price_context == self.request.price_context)

    @property
    def with_long_prompt_surcharge(self) -> int:
        """Twice the input side and one and a half times the output side."""
        outputs = sum(self.parts.get(name, 0) for name in ("output", "reasoning"))
        return 2 * ((self.ours or 0) - outputs) + outputs * 3 // 2


@dataclass(frozen=True)
class Rule:
    says: str
    holds: Callable[[Case], bool]


RULES: Final[Mapping[str, Rule]] = {
    "equal": Rule(
        "the same cost to the pico-dollar",
        lambda case: case.ours is not None and case.ours == case.theirs and case.request.status in ("priced", "free"),
    ),
    "equal_but_partial": Rule(
        "the same cost; the list has no price for this tier and bills the standard one, and we say so",
        lambda case: case.ours is not None and case.ours == case.theirs and case.request.status == "partial",
    ),
    "unknown_to_both": Rule(
        "neither knows the model; it is unpriced, not free",
        lambda case: case.theirs is None and case.request.reason == "unknown_model",
    ),
    "only_litellm_knows_it": Rule(
        "the catalogue does not list the model; unpriced until LiteLLM's list is configured as a second source",
        lambda case: case.vector["genai_cost"] is None and case.request.reason == "unknown_model",
    ),
    "batch_halved_without_a_batch_price": Rule(
        "the catalogue has no batch price for this model, so the request is partial at the standard one; they halve it",
        lambda case: (
            case.is_batch and case.request.reason == "no_price_for_context:batch" and 2 * _known(case) == case.ours
        ),
    ),
    "batch_reads_cost_as_much_as_input": Rule(
        "they bill cache reads in a batch as plain batch input; the list has a price for them",
        lambda case: case.is_batch and case.theirs == case.batch_reads_as_input,
    ),
    "batch_is_half_of_everything": Rule(
        "they halve cache reads in a batch too; the list does not",
        lambda case: case.is_batch and 2 * _known(case) == case.standard,
    ),
    "flex_at_the_standard_price": Rule(
        "they have no flex price for this model and bill the standard one",
        lambda case: case.is_flex and case.theirs == case.standard,
    ),
    "flex_is_exactly_half": Rule(
        "they halve the standard price; the list rounds its flex prices",
        lambda case: case.is_flex and 2 * _known(case) == case.standard,
    ),
    "long_prompt_surcharge": Rule(
        "beyond 200,000 tokens they bill 2 x input and 1.5 x output; the catalogue has no such step for this model",
        lambda case: (
            case.vector["usage"]["input"] > 200_000
            and case.is_single_step
            and case.theirs == case.with_long_prompt_surcharge
        ),
    ),
    "no_regional_premium": Rule(
        "a Bedrock name without `global.` runs in its region, which costs 10% more; they leave that out",
        lambda case: (
            case.alias is not None
            and case.alias.price_model.startswith("regional.")
            and 11 * _known(case) == 10 * (case.ours or 0)
        ),
    ),
    "cache_reads_for_nothing": Rule(
        "they have no price for cache reads of this model and bill nothing for them",
        lambda case: case.ours is not None and case.theirs == case.ours - case.parts.get("cache_read", 0),
    ),
    "another_list_price": Rule(
        "their list names other prices for this model, and at those the cost is exactly theirs",
        lambda case: case.theirs is not None and case.theirs == case.at_litellms_list,
    ),
}
"""All that may be said of a vector, in this order; the first that holds does."""


def _known(case: Case) -> int:
    """Their cost, and a number that nothing equals where they have none."""
    return -1 if case.theirs is None else case.theirs


def rule_for(case: Case) -> str | None:
    return next((name for name, rule in RULES.items() if rule.holds(case)), None)


def cases(vectors: Iterable[Vector], slices: Slices, litellm: Mapping[str, tuple[PriceSlice, ...]]) -> list[Case]:
    """Every vector with each calculator, in the order of CALCULATORS."""
    made: list[Case] = []
    for vector in vectors:
        alias = resolve(vector["provider"], vector["genai_model"])
        own = slices[alias.price_provider, alias.price_model] if alias else ()
        lent = litellm.get(vector["litellm_model_key"] or "", ())
        made += [Case(vector, alias, own, lent, pico_usd(vector[f"{name}_cost"])) for name in CALCULATORS]
    return made


def read_vectors(real_data: Path) -> list[dict[str, Any]]:
    lines = (real_data / "price_oracle" / "vectors.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def book_slices() -> Slices:
    return price_slices(build_price_book().slices)


def litellm_slices(path: Path = LITELLM_PRICES) -> dict[str, tuple[PriceSlice, ...]]:
    """LiteLLM's list as slices, by its own model key; prices there are USD per token, as decimal text."""
    listed = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    return {key: _steps(entry, _step_start(key)) for key, entry in listed.items() if "input_cost_per_token" in entry}


FIELD_OF_COMPONENT: Final = {
    "input": "input_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "output": "output_cost_per_token",
    "reasoning": "output_cost_per_token",
    "input_audio": "input_cost_per_audio_token",
    "output_audio": "output_cost_per_audio_token",
}
LONG: Final = "_above_200k_tokens"


def _step_start(key: str) -> int:
    """The first count of input tokens at the higher price; xAI's step includes 200,000 itself."""
    return 200_000 if key.startswith("xai/") else 200_001


def _steps(entry: Mapping[str, Any], start: int) -> tuple[PriceSlice, ...]:
    short = {name: int(entry[f] * PICO) for name, f in FIELD_OF_COMPONENT.items() if f in entry}
    long = {name: int(entry[f + LONG] * PICO) for name, f in FIELD_OF_COMPONENT.items() if f + LONG in entry}
    if not long:
        return (PriceSlice(nums=short),)
    return (PriceSlice(nums=short, tier_hi=start), PriceSlice(nums={**short, **long}, tier_lo=start))


def _price(vector: Vector, slices: tuple[PriceSlice, ...] | None) -> PricedRequest:
    return price_request(
        usage_of(vector["usage"]),
        slices,
        started_at=CLOCK,
        is_batch=vector["batch"],
        service_tier=vector["service_tier"],
    )


def usage_of(counts: Mapping[str, int]) -> Usage:
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


def pico_usd(cost_usd: float | None) -> int | None:
    """Costs here are below 1,000 USD, where a float's shortest text is exact to the pico-dollar."""
    return None if cost_usd is None else int((Decimal(repr(cost_usd)) * PICO).to_integral_value())


def report(found: Iterable[tuple[str, Case]]) -> list[str]:
    """Lines of the table: per provider and calculator how many costs agree, and by which rule the others differ."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for calculator, case in found:
        counts[case.vector["provider"], calculator][rule_for(case) or "UNEXPLAINED"] += 1
        counts["all", calculator][rule_for(case) or "UNEXPLAINED"] += 1
    lines = [f"{'provider':<12}{'calculator':<14}{'agree':>6}{'differ':>8}  by rule"]
    for (provider, calculator), rules in sorted(counts.items(), key=lambda item: (item[0][0] == "all", item[0])):
        agree = sum(rules[name] for name in AGREEMENTS)
        others = ", ".join(f"{n} {name}" for name, n in sorted(rules.items()) if name != "equal")
        lines.append(f"{provider:<12}{calculator:<14}{agree:>6}{rules.total() - agree:>8}  {others}".rstrip())
    met = {name for rules in counts.values() for name in rules}
    return [*lines, "", *(f"{name}: {rule.says}" for name, rule in RULES.items() if name in met and name != "equal")]


def compared(real_data: Path) -> list[tuple[str, Case]]:
    """Every (calculator, case) of the file."""
    made = cases(read_vectors(real_data), book_slices(), litellm_slices())
    return [(CALCULATORS[n % len(CALCULATORS)], case) for n, case in enumerate(made)]


def main() -> int:
    real_data = os.environ.get("MARGINCALL_REAL_DATA", "")
    if not real_data:
        print("MARGINCALL_REAL_DATA is not set: no vectors to compare; name the folder that holds price_oracle/")
        return 0
    found = compared(Path(real_data))
    print("\n".join(report(found)))
    return int(any(rule_for(case) is None for _, case in found))


if __name__ == "__main__":
    sys.exit(main())
