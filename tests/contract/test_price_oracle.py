"""Our prices against two independent calculators' results on the same usages; `price_agreement.py` knows the rules."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.economics.pricing import price_request
from pipelines.pricebook.aliases import resolve
from pipelines.pricebook.book import build_price_book
from pipelines.pricebook.litellm import read_litellm_prices
from pipelines.pricebook.slices import price_slices
from tests.contract.price_agreement import (
    AGREEMENTS,
    CLOCK,
    LITELLM_PRICES,
    RULES,
    Case,
    compared,
    report,
    rule_for,
    usage_of,
)

REAL_DATA = os.environ.get("MARGINCALL_REAL_DATA", "")
if not REAL_DATA:
    pytest.skip(
        "MARGINCALL_REAL_DATA is not set: no price oracle was consulted; name the folder that holds price_oracle/",
        allow_module_level=True,
    )


@pytest.fixture(scope="module")
def found() -> list[tuple[str, Case]]:
    """Every vector with each calculator's cost; the table is printed once."""
    made = compared(Path(REAL_DATA))
    print("\n" + "\n".join(report(made)))
    return made


def test_every_vector_costs_what_the_catalogues_own_calculator_says(found: list[tuple[str, Case]]) -> None:
    cases = [case for calculator, case in found if calculator == "genai"]
    assert len(cases) >= 250
    assert [(c.vector, c.request, c.theirs) for c in cases if rule_for(c) not in AGREEMENTS] == []


def test_every_disagreement_with_litellm_follows_from_a_named_rule(found: list[tuple[str, Case]]) -> None:
    cases = [case for calculator, case in found if calculator == "litellm"]
    assert [(c.vector, c.request, c.theirs) for c in cases if rule_for(c) not in RULES] == []
    agreed = sum(rule_for(case) in AGREEMENTS for case in cases)
    assert agreed >= 0.8 * len(cases)


def test_where_both_calculators_agree_so_do_we(found: list[tuple[str, Case]]) -> None:
    agreed = [case for _, case in found if case.vector["result"] == "agree"]
    assert agreed
    assert [(c.vector, c.request) for c in agreed if c.ours != c.theirs] == []


def test_no_disagreement_is_hidden_by_a_request_that_claims_to_be_unpriced(found: list[tuple[str, Case]]) -> None:
    """An unpriced request would differ from nothing; only a model that the catalogue does not list may be one."""
    unpriced = [case for _, case in found if case.ours is None]
    assert {case.request.reason for case in unpriced} <= {"unknown_model"}
    assert [c.vector for c in unpriced if c.vector["genai_cost"] is not None] == []


def test_the_gateways_name_and_the_catalogues_name_mean_the_same_model(found: list[tuple[str, Case]]) -> None:
    def model(provider: str, name: str) -> tuple[str, str] | None:
        alias = resolve(provider, name)
        return (alias.price_provider, alias.price_model) if alias else None

    fields = ("provider", "genai_model", "litellm_provider", "litellm_model")
    names = {tuple(case.vector[field] for field in fields) for _, case in found}
    assert [n for n in sorted(names) if model(n[0], n[1]) != model(n[2], n[3])] == []


def test_litellms_list_as_second_source_prices_what_the_catalogue_does_not_know_and_nothing_else(
    found: list[tuple[str, Case]],
) -> None:
    book = build_price_book(litellm=read_litellm_prices(LITELLM_PRICES))
    slices = price_slices(book.slices)
    changed: dict[int, int | None] = {}
    for case in (case for calculator, case in found if calculator == "litellm"):
        vector = case.vector
        alias = book.names.resolve(vector["provider"], vector["genai_model"])
        request = price_request(
            usage_of(vector["usage"]),
            slices[alias.price_provider, alias.price_model] if alias else None,
            started_at=CLOCK,
            is_batch=vector["batch"],
            service_tier=vector["service_tier"],
        )
        if request.cost_pico_usd != case.ours:
            changed[vector["id"]] = request.cost_pico_usd
    unknown = {c.vector["id"]: c.theirs for _, c in found if rule_for(c) == "only_litellm_knows_it"}
    assert unknown
    assert changed == unknown
