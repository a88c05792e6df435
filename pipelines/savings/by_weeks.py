"""A change held against the weeks before it: what this week's calls would have cost as calls did then.

Every week since is compared with each week before by the bridge at fixed volume, and the mean is taken tenant's feature by
tenant's feature. The same figure of each week before against the other ones says what weeks differ by when nothing was changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from pipelines.bridge import Cell, CellSaving, View, savings_by_cell
from pipelines.economics.apportion import EXACT
from pipelines.economics.bridge import FACTORS
from pipelines.economics.savings import MOVES, Realised, Spread, realised, spread
from pipelines.settings import Change
from warehouse.bridge_rows import BridgeCalls, Two
from warehouse.reader import Reader
from warehouse.rows import Period, quotient

_WEEK = timedelta(days=7)
_SHARE = Decimal("0.000001")

Progress = Callable[[int, int], None]
"""Told how many comparisons are done, and how many there are."""


@dataclass(frozen=True)
class WeekSaving:
    """One week since the change. `saved_usd`: of the factors that such a change can move; `factors_usd`: of every one.

    `cost_usd` is what the calls compared did cost; `uncompared_usd` what those cost that no week before has: other tenants,
    other features, models without a price on one side.
    """

    start: date
    saved_usd: Decimal
    factors_usd: Mapping[str, Decimal]
    cost_usd: Decimal
    uncompared_usd: Decimal


@dataclass(frozen=True)
class ByWeeks:
    """`spread` is None with fewer than four weeks before."""

    before: tuple[date, ...]
    weeks: tuple[WeekSaving, ...]
    placebos: tuple[Decimal, ...]
    spread: Spread | None
    realised: Realised

    @property
    def total_usd(self) -> Decimal:
        return sum((week.saved_usd for week in self.weeks), Decimal(0))


def weeks_around(reader: Reader, change: Change, most_before: int) -> tuple[list[date], list[date]]:
    """Complete weeks that end before the change, the last `most_before` of them, and those that lie in it whole.

    The week in which it happened is in neither.
    """
    complete = sorted({point.week_start for point in reader.trend() if point.is_complete})
    before = [week for week in complete if week + _WEEK <= change.since]
    since = [
        week for week in complete if week >= change.since and (change.until is None or week + _WEEK <= change.until)
    ]
    return before[-most_before:], since


def by_weeks(
    reader: Reader, change: Change, before: Sequence[date], since: Sequence[date], progress: Progress
) -> ByWeeks | None:
    """None where there is no week before, none since, or no call to compare."""
    if not before or not since:
        return None
    view, counted = View(change.tenant, change.feature), MOVES[change.what]
    steps = len(since) * len(before) + len(before) * (len(before) - 1) // 2
    done = 0

    def weeks_of(one: date, other: date) -> BridgeCalls:
        nonlocal done
        found = reader.bridge_calls(Period.week(one), Period.week(other))
        progress(done := done + 1, steps)
        return found

    weeks = [_week(week, [weeks_of(other, week) for other in before], view, counted) for week in since]
    whole = sum((week.cost_usd + week.saved_usd for week in weeks), Decimal(0))
    if not any(week.cost_usd or week.saved_usd for week in weeks):
        return None
    pairs = {(a, b): weeks_of(a, b) for n, a in enumerate(before) for b in before[n + 1 :]}
    placebos = _placebos(before, pairs, view, counted)
    count = len(weeks)
    weekly = quotient(sum((week.saved_usd for week in weeks), Decimal(0)), Decimal(count))
    found = spread(placebos)
    return ByWeeks(
        tuple(before),
        tuple(weeks),
        tuple(placebos),
        found,
        realised(weekly, quotient(whole, Decimal(count)), found),
    )


def _placebos(
    before: Sequence[date], pairs: Mapping[tuple[date, date], BridgeCalls], view: View, counted: Sequence[str]
) -> list[Decimal]:
    """What each week before seems to have saved against the other ones, as a share of what it would have cost."""
    found: list[Decimal] = []
    for week in before:
        others = [
            pairs[other, week] if other < week else _turned(pairs[week, other]) for other in before if other != week
        ]
        if others:
            one = _week(week, others, view, counted)
            whole = one.cost_usd + one.saved_usd
            if whole > 0:
                found.append((one.saved_usd / whole).quantize(_SHARE, rounding=ROUND_HALF_EVEN))
    return found


def _week(start: date, comparisons: Iterable[BridgeCalls], view: View, counted: Sequence[str]) -> WeekSaving:
    """The mean of several comparisons of one week; a tenant's feature counts by the comparisons that have it."""
    cells: dict[Cell, list[CellSaving]] = {}
    alone: dict[Cell, list[int]] = {}
    for weeks in comparisons:
        both, one = savings_by_cell(weeks, view)
        for key, saving in both.items():
            cells.setdefault(key, []).append(saving)
        for key, cost_pico in one.items():
            alone.setdefault(key, []).append(cost_pico)
    factors = {
        factor: sum((_mean([saving.saved_pico[factor] for saving in found]) for found in cells.values()), Fraction(0))
        for factor in FACTORS[1:]
    }
    cost = sum((_mean([saving.cost_pico for saving in found]) for found in cells.values()), Fraction(0))
    # What is compared at least once is compared; of a model without a price on one side, what those weeks leave out.
    uncompared = sum((_mean(found) for key, found in alone.items() if key not in cells), Fraction(0))
    return WeekSaving(
        start,
        _usd(sum((factors[factor] for factor in counted), Fraction(0))),
        {factor: _usd(pico) for factor, pico in factors.items()},
        _usd(cost),
        _usd(uncompared),
    )


def _turned(weeks: BridgeCalls) -> BridgeCalls:
    """The same two weeks the other way round."""
    return BridgeCalls(
        cells=[
            replace(cell, calls=_back(cell.calls), served=_back(cell.served), lookup_pico=_back(cell.lookup_pico))
            for cell in weeks.cells
        ],
        parts=[
            replace(
                part,
                attempts=_back(part.attempts),
                tokens=tuple(map(_back, part.tokens)),
                cost_pico=tuple(map(_back, part.cost_pico)),
                other_cost_pico=tuple(map(_back, part.other_cost_pico)),
                drawdown_pico=_back(part.drawdown_pico),
            )
            for part in weeks.parts
        ],
        coverage=[replace(row, cost_pico=_back(row.cost_pico)) for row in weeks.coverage],
    )


def _back(two: Two) -> Two:
    return two[1], two[0]


def _mean(values: Sequence[int]) -> Fraction:
    return Fraction(sum(values), len(values))


def _usd(pico: Fraction) -> Decimal:
    return Decimal(round(pico)).scaleb(-12, EXACT)
