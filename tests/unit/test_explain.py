"""Explanations without a database: what is told of a price, and that every name leads somewhere."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pipelines.economics.formula import Expression, terms_of
from pipelines.explain.behind import KINDS, LINES
from pipelines.explain.metrics import FORMULAS
from pipelines.explain.show import priced_as
from pipelines.explain.terms import TERMS, Scope

NOTHING = dict.fromkeys(
    (
        *("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens", "input_cost_pico"),
        *("cache_read_cost_pico", "cache_write_cost_pico", "output_cost_pico", "media_cost_pico"),
        *("request_cost_pico", "drawdown_pico"),
    )
)


def test_every_name_in_a_formula_is_a_term_and_every_term_and_every_kind_of_rows_is_used() -> None:
    used = set[str]()
    for formula in FORMULAS.values():
        expressions: list[Expression] = [formula.expression, *(need.what for need in formula.needs)]
        expressions += [
            part for part in (formula.for_tenant, formula.lower, formula.upper) if isinstance(part, Expression)
        ]
        used |= {*terms_of(*expressions), *formula.asked_of()}
    assert used == set(TERMS)
    assert {name for term in TERMS.values() for name in term.behind} == {*KINDS, *LINES}


def test_the_sql_of_a_term_is_one_line_and_holds_a_tenant_as_a_literal() -> None:
    sql = Scope(date(2026, 11, 9), "o'neil  {days}").sql(TERMS["revenue"].sql)
    assert sql == (
        "select coalesce(sum(revenue_usd), 0) as revenue_usd from fct_tenant_day "
        "where usage_date >= date '2026-11-09' and usage_date < date '2026-11-16' and tenant_id = 'o''neil  {days}'"
    )
    month = Scope(date(2026, 11, 30), None).sql(TERMS["month_cost"].sql)
    assert "usage_date >= date '2026-12-01' and usage_date <= date '2026-12-06'" in month


@pytest.mark.parametrize(
    ("row", "text"),
    [
        # 600 at 3 USD, 400 read at 0.30, 100 out at 15 USD per million
        (
            {
                "input_tokens": 1000,
                "cache_read_input_tokens": 400,
                "output_tokens": 100,
                "input_cost_pico": 1_800_000_000,
            }
            | {"cache_read_cost_pico": 120_000_000, "output_cost_pico": 1_500_000_000},
            "600 input × $3/M + 400 cache read × $0.3/M + 100 output × $15/M",
        ),
        (
            {"input_tokens": 3, "input_cost_pico": 10_000_000, "drawdown_pico": -5_000_000, "request_cost_pico": 0},
            "3 input × about $3.333333/M + drawdown -$0.000005",
        ),
        (
            {"input_tokens": 10, "output_tokens": 2, "input_cost_pico": 4, "output_cost_pico": 6, "media_cost_pico": 7},
            "10 input $0.000000000004 + 2 output $0.000000000006 + media $0.000000000007",
        ),
        ({"input_tokens": 500, "output_tokens": 0}, "500 input"),
        ({}, ""),
    ],
)
def test_a_request_tells_its_tokens_of_each_kind_and_what_a_million_of_them_cost(
    row: dict[str, Any], text: str
) -> None:
    assert priced_as(NOTHING | row) == text
