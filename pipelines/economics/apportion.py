"""Rounding so that parts add up to their total: largest remainder, from the total down.

Every figure comes out as its exact value rounded down or up to the next unit of the last decimal, so zero stays zero and no
figure is a whole unit off, however deep it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Any

EXACT = Context(prec=100)
"""Wide enough that no sum of amounts loses a digit; Python's own 28 digits are fewer than the marts' 38."""

Key = tuple[Any, ...]


def apportion(values: Sequence[Decimal], places: int, total: Decimal | None = None) -> list[Decimal]:
    """Values rounded to `places` decimals, in their order, so that they add up to their total rounded.

    Of equal remainders the first is raised. `total`: what they shall add up to, rounded half-even; default: their sum. Raises
    ValueError where that is not their sum rounded down or up.
    """
    with localcontext(EXACT):
        unit, exact = Decimal(1).scaleb(-places), sum(values, Decimal(0))
        whole = _rounded(exact if total is None else total, places)
        if abs(whole - exact) >= unit:
            raise ValueError(f"Parts of {exact} cannot be rounded to add up to {whole}")
        floors = [_rounded(value, places, ROUND_FLOOR) for value in values]
        raised = int((whole - sum(floors, Decimal(0))) / unit)
        # Largest remainder first.
        order = sorted(range(len(values)), key=lambda position: (floors[position] - values[position], position))
        up = set(order[:raised])
        return [floor + unit if position in up else floor for position, floor in enumerate(floors)]


def apportion_nested(keys: Sequence[Key], values: Sequence[Decimal], places: int, total: Decimal) -> list[Decimal]:
    """As `apportion`, level by level: the total over the first fields of the keys, each of these over the second, and so on.

    `keys`: one per value, all of one length; groups are taken in the order in which they first appear.
    """
    if not keys or not keys[0]:
        return apportion(values, places, total)
    groups: dict[Any, list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault(key[0], []).append(position)
    with localcontext(EXACT):
        sums = [sum((values[position] for position in group), Decimal(0)) for group in groups.values()]
    found = list(values)
    for group, share in zip(groups.values(), apportion(sums, places, total), strict=True):
        parts = apportion_nested([keys[p][1:] for p in group], [values[p] for p in group], places, share)
        for position, part in zip(group, parts, strict=True):
            found[position] = part
    return found


def split(part: Decimal, rest: Decimal, places: int, total: Decimal | None = None) -> tuple[Decimal, Decimal]:
    """Two figures that add up to their total, of which the first is the nearest to its exact value.

    For a total with a headline figure in it: cost, and its cost of goods. `total` as in `apportion`, and nearest to the sum.
    """
    with localcontext(EXACT):
        whole = _rounded(part + rest if total is None else total, places)
        first = _rounded(part, places)
        unit = Decimal(1).scaleb(-places)
        if abs(whole - first - rest) >= unit:  # two halves rounded apart; the other neighbour is as near
            first += unit if whole - first > rest else -unit
        if abs(first - part) * 2 > unit:
            raise ValueError(f"{part} and {rest} cannot be rounded to add up to {whole}")
        return first, whole - first


def _rounded(value: Decimal, places: int, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    # Adding zero takes the sign off a negative zero.
    return value.quantize(Decimal(1).scaleb(-places), rounding=rounding) + 0
