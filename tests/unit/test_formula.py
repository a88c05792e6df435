"""A formula's value, its words and its numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pipelines.economics.formula import (
    AtMost,
    Cut,
    Expression,
    Number,
    Operation,
    Rounded,
    Term,
    evaluate,
    is_above,
    spelled,
    terms_of,
)

A, B, C = Term("a"), Term("b"), Term("c")


def value(expression: Expression, **values: Any) -> Decimal | None:
    return evaluate(expression, {name: None if of is None else Decimal(of) for name, of in values.items()})


@pytest.mark.parametrize(
    ("expression", "values", "expected"),
    [
        (A - (B + C), {"a": "10", "b": "2.5", "c": "0.000000000001"}, "7.499999999999"),
        (A / B, {"a": 2, "b": 3}, "0.666666666667"),
        (A / B, {"a": "0.000000000001", "b": 2}, "0"),  # half of a pico-dollar, to even
        (A / B, {"a": "0.000000000003", "b": 2}, "0.000000000002"),
        (A / B, {"a": "-0.000000000003", "b": 2}, "-0.000000000002"),
        (A * B, {"a": "12345678901234567.890123456789", "b": 100}, "1234567890123456789.012345678900"),
        (A / B, {"a": 1, "b": 0}, None),
        (A + B / C, {"a": 1, "b": 1, "c": 0}, None),
        (A - B, {"a": 1, "b": None}, None),
        (Cut(A, 6) * Number(10), {"a": "1.2345678"}, "12.34567"),
        (Cut(A, 6), {"a": "-1.2345678"}, "-1.234567"),
    ],
)
def test_a_value_is_exact_and_rounded_once_at_its_end(
    expression: Expression, values: dict[str, Any], expected: str | None
) -> None:
    assert value(expression, **values) == (None if expected is None else Decimal(expected))


def test_an_inner_quotient_is_rounded_before_it_is_added_and_nothing_where_it_has_no_divisor() -> None:
    half = Decimal("0.000000000001")
    # 0.5 pico-dollars round to 0; 1.5 would round to 2.
    assert value(A + Rounded(B / C), a=half, b=half, c=2) == half
    assert value(A + B / C, a=half, b=half, c=2) == 2 * half
    assert value(A + Rounded(B / C), a=7, b=1, c=0) == 7


@pytest.mark.parametrize(("before", "lost", "months"), [(20, 1, 60), (19, 1, 57), (20, 3, 20), (10, 4, 7), (5, 0, 60)])
def test_a_lifetime_is_whole_months_and_60_at_most(before: int, lost: int, months: int) -> None:
    assert value(AtMost(60, Operation("÷", Number(3) * A, B)), a=before, b=lost) == months


def test_more_than_nothing_is_told_from_the_exact_value() -> None:
    assert is_above(A / B, 0, {"a": Decimal("0.000000000001"), "b": Decimal(10)})
    assert not is_above(A, 19, {"a": Decimal(19)})
    assert not is_above(A, 0, {"a": None})


def test_words_have_the_brackets_that_the_value_needs_and_no_others() -> None:
    def words(expression: Expression) -> str:
        return spelled(expression, str.upper)

    assert words((A - (B + C)) / A) == "(A − (B + C)) ÷ A"
    assert words(A - B + C) == "A − B + C"
    assert words(A + B / C) == "A + B ÷ C"
    assert words(A * B / (C * A)) == "A × B ÷ (C × A)"
    assert words(Cut(A - B, 6) * AtMost(60, Operation("÷", Number(3) * B, C))) == (
        "[A − B, cut to 6 decimals] × [3 × B ÷ C, whole, at most 60]"
    )
    assert words(A + Rounded(B / C)) == "A + [B ÷ C]"


def test_terms_come_once_in_the_order_of_the_formula() -> None:
    assert terms_of((C - A) / (A + B), Rounded(Cut(Term("d"), 6))) == ["c", "a", "b", "d"]
