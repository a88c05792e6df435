"""Figures as a person reads them: the only place where a figure is rounded for the eye."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

_BOUND_SIGNS = {"at_least": "≥ ", "at_most": "≤ ", "neither": "* "}
NO_BOUND = (
    "* Neither exact nor a bound: parts of cost and of revenue have no price or rate; margincall explain counts them."
)
"""The note under figures with that mark."""


def shown(value: Decimal | None, unit: str) -> str:
    """A value as text; empty for None.

    `unit`: usd (to the cent from a dollar on, else four digits that matter), ratio (per cent), multiple, ms (seconds), count.
    """
    if value is None:
        return ""
    if unit == "ratio":
        return f"{rounded(value * 100, 1):,}%"
    if unit == "multiple":
        return f"{rounded(value, 2):,}"
    if unit == "ms":
        return f"{rounded(value / 1000, 1):,} s"
    if unit == "count":
        return f"{rounded(value, 0):,}"
    sign, size = ("-" if value < 0 else ""), abs(value)
    places = 2 if size >= 1 or size == 0 else min(12, 3 - size.adjusted())
    return f"{sign}${rounded(size, places):,f}"


def shown_bound(value: Decimal | None, unit: str, bound: str | None) -> str:
    """A value with the sign of what it is a bound of: `at_least` ≥, `at_most` ≤; `neither` *."""
    return "" if value is None else _BOUND_SIGNS.get(bound or "", "") + shown(value, unit)


def shown_change(this: Decimal | None, last: Decimal | None, unit: str) -> str:
    """In points for ratios; in per cent for the rest, left out where the earlier value was zero or negative.

    A change that rounds to nothing has no sign.
    """
    if this is None or last is None or (unit != "ratio" and last <= 0):
        return ""
    size, mark = (this - last, " pt") if unit == "ratio" else ((this - last) / last, "%")
    points = rounded(size * 100, 1)
    return f"{points:+,}{mark}" if points else f"{points:,}{mark}"


def rounded(value: Decimal, places: int) -> Decimal:
    """To `places` decimals, halves to even; what rounds to nothing has no sign."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN) + 0
