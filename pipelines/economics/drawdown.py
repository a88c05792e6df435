"""What a commitment, an allowance or a price by volume makes of contracted costs, in exact integers: the reference.

Requests of one window (a calendar month in UTC, or a term) draw on it in the order of their start. The cumulative
measure `m` before a request, its own measure `q` and the cost `F` of the first so many units give its effective cost:

    usd               F(m + q) - F(m)
    tokens, requests  contracted * (F(m + q) - F(m)) / q, half-even; the contracted cost where q is 0

F is the sum over segments of half-even(units in the segment * rate). It is counted in millionths of a unit where units
are not money, so that a rate keeps six decimals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from pipelines.economics.pricing import round_half_even

Measure = Literal["usd", "tokens", "requests"]
Window = Literal["month", "term"]
SEGMENT_END: Final = 10**36
"""Upper end of a drawdown's last segment: no window measures that much."""
MILLIONTHS: Final = 10**6


@dataclass(frozen=True, slots=True)
class Segment:
    """Units `[lo, hi)` of a window's cumulative measure cost `rate_num / rate_den` of what they cost by contract."""

    lo: int
    hi: int
    rate_num: int
    rate_den: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """One request's contracted cost in pico-USD, and its tokens."""

    contracted_pico: int
    tokens: int = 0

    def measured(self, measure: Measure) -> int:
        """Units that this request takes: pico-USD, tokens, or one request."""
        return {"usd": self.contracted_pico, "tokens": self.tokens, "requests": 1}[measure]


def window_start(day: date, window: Window, valid_from: date) -> date:
    """First day of the window that a day of a drawdown lies in: requests of other windows do not draw with it."""
    return valid_from if window == "term" else max(day.replace(day=1), valid_from)


def cost_of_first(units: int, segments: Iterable[Segment], scale: int = 1) -> int:
    """F: what the first `units` of a window cost, times `scale`."""
    inside = ((max(0, min(units, s.hi) - s.lo), s) for s in segments)
    return sum(round_half_even(overlap * s.rate_num * scale, s.rate_den) for overlap, s in inside)


def effective_costs(rows: Sequence[Drawn], segments: Sequence[Segment], measure: Measure) -> list[int]:
    """Effective cost in pico-USD of every row of one window; rows in order of start, without those that have no cost."""
    scale = 1 if measure == "usd" else MILLIONTHS
    costs: list[int] = []
    before = 0
    for row in rows:
        units = row.measured(measure)
        drawn = cost_of_first(before + units, segments, scale) - cost_of_first(before, segments, scale)
        if measure == "usd":
            costs.append(drawn)
        else:
            costs.append(round_half_even(row.contracted_pico * drawn, units * scale) if units else row.contracted_pico)
        before += units
    return costs
