"""What a change has saved, held against what it was said to save: which reasons count, how sure the amount is, the verdict.

Pure. Amounts are Decimal USD; shares are statistics in floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from pipelines.economics.bridge import FACTORS
from pipelines.economics.figures import shown

Kind = Literal["route", "cache", "prompt", "model", "price"]
_USAGE = tuple(factor for factor in FACTORS if factor not in ("volume", "list_price"))
MOVES: Mapping[Kind, tuple[str, ...]] = {
    # Hits take the cheap calls away and leave the dear ones, so that lengths and mix of the rest move with them.
    "cache": _USAGE,
    "route": tuple(factor for factor in _USAGE if factor != "response_cache"),
    "model": tuple(factor for factor in _USAGE if factor != "response_cache"),
    "prompt": tuple(factor for factor in _USAGE if factor not in ("response_cache", "tier_mix")),
    "price": ("list_price",),
}
"""Factors of the bridge that a kind of change can move, its side effects too: a shorter prompt that needs more tries has not
saved what the shorter prompt alone would."""
FEWEST_PLACEBOS = 4
"""With fewer there is no interval."""


@dataclass(frozen=True)
class Spread:
    """What the same figure is between weeks in which nothing was changed, as shares of cost; holds `level` of such weeks."""

    low: Decimal
    high: Decimal
    level: Decimal
    count: int


@dataclass(frozen=True)
class Realised:
    """Saved a week, with its interval where there is one."""

    weekly_usd: Decimal
    low_usd: Decimal | None
    high_usd: Decimal | None
    level: Decimal | None

    @property
    def is_told_from_nothing(self) -> bool | None:
        if self.low_usd is None or self.high_usd is None:
            return None
        return self.low_usd > 0 or self.high_usd < 0


def spread(placebos: Sequence[Decimal]) -> Spread | None:
    """The smallest and the largest placebo: with n of them another lies between these with n − 1 in n + 1. None for few.

    Nothing is always inside: an amount belongs to its own interval.
    """
    count = len(placebos)
    if count < FEWEST_PLACEBOS:
        return None
    level = (Decimal(count - 1) / Decimal(count + 1)).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)
    return Spread(min(*placebos, Decimal(0)), max(*placebos, Decimal(0)), level, count)


def realised(weekly_usd: Decimal, counterfactual_weekly_usd: Decimal, found: Spread | None) -> Realised:
    """What is left of a measured saving when weeks like those without a change may have made a part of it."""
    if found is None:
        return Realised(weekly_usd, None, None, None)
    low = weekly_usd - found.high * counterfactual_weekly_usd
    high = weekly_usd - found.low * counterfactual_weekly_usd
    return Realised(weekly_usd, low, high, found.level)


def verdict(claimed_weekly_usd: Decimal, found: Realised | None) -> str:
    """One sentence."""
    claimed = f"claimed {shown(claimed_weekly_usd, 'usd')}"
    if found is None:
        return f"{claimed}, nothing to hold against it yet"
    low, high = found.low_usd, found.high_usd
    if low is None or high is None:
        return f"{claimed}, realised {shown(found.weekly_usd, 'usd')} a week, without an interval"
    range_of = f"{claimed}, realised {shown(low, 'usd')} to {shown(high, 'usd')} a week"
    if not found.is_told_from_nothing:
        return f"{range_of}: not told apart from nothing"
    if high < 0:
        return f"{range_of}: it has cost more"
    if claimed_weekly_usd > high:
        return f"{range_of}: less than claimed"
    return f"{range_of}: {'more than' if claimed_weekly_usd < low else 'as'} claimed"
