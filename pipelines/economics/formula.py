"""Formulas as data: one expression gives a figure's words, its numbers and its exact value, so that they cannot differ.

Values are whole counts and dollars with 12 decimals; between them nothing is rounded that the formula does not say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

Values = Mapping[str, Decimal | None]
PLACES = 12

_EXACT = Context(prec=76)
_BINDS = {"+": 1, "−": 1, "×": 2, "÷": 2}


class Expression:
    """Something that has a value once its terms have theirs."""

    def __add__(self, other: Expression) -> Expression:
        return Operation("+", self, other)

    def __sub__(self, other: Expression) -> Expression:
        return Operation("−", self, other)

    def __mul__(self, other: Expression) -> Expression:
        return Operation("×", self, other)

    def __truediv__(self, other: Expression) -> Expression:
        return Operation("÷", self, other)


@dataclass(frozen=True)
class Term(Expression):
    """A figure that is looked up by its name."""

    name: str


@dataclass(frozen=True)
class Number(Expression):
    value: int


@dataclass(frozen=True)
class Operation(Expression):
    """Without a value where a side has none or the divisor is 0."""

    sign: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Cut(Expression):
    """To so many decimals, towards zero."""

    inner: Expression
    places: int


@dataclass(frozen=True)
class Rounded(Expression):
    """To 12 decimals, halves to even; 0 where there is no value."""

    inner: Expression


@dataclass(frozen=True)
class AtMost(Expression):
    """The whole part of a quotient, but `limit` where it would be more, or where the divisor is 0."""

    limit: int
    quotient: Operation


def evaluate(expression: Expression, values: Values) -> Decimal | None:
    """The value to 12 decimals, halves to even, as the models round it; None where a term or a denominator is missing."""
    exact = _exact(expression, values)
    return None if exact is None else _decimal(exact)


def is_above(expression: Expression, least: int, values: Values) -> bool:
    """Whether the exact value is there and more than `least`."""
    exact = _exact(expression, values)
    return exact is not None and exact > least


def terms_of(*expressions: Expression) -> list[str]:
    """Names of all terms, in the order in which they are first met."""
    found: dict[str, None] = {}
    for expression in expressions:
        if isinstance(expression, Term):
            found[expression.name] = None
        for part in _parts(expression):
            found |= dict.fromkeys(terms_of(part))
    return list(found)


def spelled(expression: Expression, text: Callable[[str], str]) -> str:
    """The formula as a line of text; `text` says what stands for a term."""
    return _spelled(expression, text, 0)


def _parts(expression: Expression) -> tuple[Expression, ...]:
    if isinstance(expression, Operation):
        return (expression.left, expression.right)
    if isinstance(expression, Cut | Rounded):
        return (expression.inner,)
    return (expression.quotient,) if isinstance(expression, AtMost) else ()


def _exact(expression: Expression, values: Values) -> Fraction | None:
    if isinstance(expression, Term):
        value = values[expression.name]
        return None if value is None else Fraction(value)
    if isinstance(expression, Number):
        return Fraction(expression.value)
    if isinstance(expression, Operation):
        left, right = _exact(expression.left, values), _exact(expression.right, values)
        return None if left is None or right is None else _applied(expression.sign, left, right)
    if isinstance(expression, Cut):
        inner, scale = _exact(expression.inner, values), 10**expression.places
        return None if inner is None else Fraction(int(inner * scale), scale)  # `int` cuts towards zero
    if isinstance(expression, Rounded):
        inner = _exact(expression.inner, values)
        return Fraction(0) if inner is None else Fraction(_decimal(inner))
    if isinstance(expression, AtMost):
        quotient = _exact(expression.quotient, values)
        return Fraction(expression.limit if quotient is None else min(expression.limit, int(quotient)))
    raise TypeError(f"{expression!r} is no part of a formula")


def _applied(sign: str, left: Fraction, right: Fraction) -> Fraction | None:
    if sign == "÷":
        return left / right if right else None
    return {"+": left + right, "−": left - right, "×": left * right}[sign]


def _decimal(exact: Fraction) -> Decimal:
    return Decimal(round(exact * 10**PLACES)).scaleb(-PLACES, _EXACT)


def _spelled(expression: Expression, text: Callable[[str], str], binds: int) -> str:
    if isinstance(expression, Term):
        return text(expression.name)
    if isinstance(expression, Number):
        return str(expression.value)
    if isinstance(expression, Operation):
        own = _BINDS[expression.sign]
        # `a − (b + c)` and `a ÷ (b × c)` need their brackets, `a + b + c` none.
        right = own + 1 if expression.sign in "−÷" else own
        line = f"{_spelled(expression.left, text, own)} {expression.sign} {_spelled(expression.right, text, right)}"
        return f"({line})" if own < binds else line
    if isinstance(expression, Cut):
        return f"[{_spelled(expression.inner, text, 0)}, cut to {expression.places} decimals]"
    if isinstance(expression, Rounded):
        return f"[{_spelled(expression.inner, text, 0)}]"
    if isinstance(expression, AtMost):
        return f"[{_spelled(expression.quotient, text, 0)}, whole, at most {expression.limit}]"
    raise TypeError(f"{expression!r} is no part of a formula")
