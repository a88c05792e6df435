"""How sure a ratio of two sums is, by drawing its tenants anew; and a change, by drawing cases with both their sides.

Tasks of one tenant resemble each other, so that a bootstrap over tasks takes its own noise for knowledge: over tenants a
nominal 90% interval covers some 85%, over tasks 24 to 78%. An interval is no money: floats are enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from pipelines.economics.figures import shown

LEVEL = Decimal("0.90")
DRAWS = 2000
FEWEST = 5
"""With fewer tenants a bootstrap says more about who happens to be there than about the ratio."""
_CHUNK = 200
_DIGITS = 6
_CHANGE_PLACES = 9

Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""From how often each case was drawn, one row per draw, to the value of every draw; inf without a denominator."""


@dataclass(frozen=True)
class Interval:
    """A nominal `level` interval over `clusters` tenants, six digits; `high` is None where a draw has no denominator."""

    level: Decimal
    low: Decimal
    high: Decimal | None
    clusters: int


def ratio_interval(parts: Sequence[tuple[Decimal, int]], draws: int = DRAWS) -> Interval | None:
    """Percentile bootstrap of Σ numerator ÷ Σ denominator over clusters; one part is one cluster.

    The same parts in the same order give the same interval. None for fewer than `FEWEST` clusters.
    """
    count = len(parts)
    if count < FEWEST:
        return None
    numerators = np.array([float(numerator) for numerator, _ in parts])
    denominators = np.array([float(denominator) for _, denominator in parts])
    ratios = np.concatenate([ratio(drawn, numerators, denominators) for drawn in _draws(count, draws)])
    low, high = _ends(ratios)
    return None if np.isinf(low) else Interval(LEVEL, _digits(low), None if np.isinf(high) else _digits(high), count)


def change_interval(
    cases: int, before: Statistic, after: Statistic, *, is_relative: bool, draws: int = DRAWS
) -> Interval | None:
    """Percentile bootstrap of the change of a figure between two runs of the same cases: a draw takes a case with both its sides.

    Relative: after ÷ before − 1, else after − before; nine decimals. None for fewer than `FEWEST` cases, where a draw has no
    value, and where more than one draw in twenty has no lower end.
    """
    if cases < FEWEST:
        return None
    changes = np.concatenate([_changes(before(d), after(d), is_relative=is_relative) for d in _draws(cases, draws)])
    if np.isnan(changes).any():
        return None
    low, high = _ends(changes)
    if np.isinf(low):
        return None
    return Interval(LEVEL, _change_digits(low), None if np.isinf(high) else _change_digits(high), cases)


def arms_interval(
    control: Sequence[tuple[Decimal, int]],
    treatment: Sequence[tuple[Decimal, int]],
    *,
    is_paired: bool,
    draws: int = DRAWS,
) -> Interval | None:
    """Percentile bootstrap of how much greater Σ numerator ÷ Σ denominator is in one arm of an experiment than in the other.

    Each part is a cluster. Paired: both sequences are of the same clusters, of which each is drawn with both its sides, because
    what makes one dear makes it dear in both arms; otherwise each arm is drawn by itself. Nine decimals; None for fewer than
    `FEWEST` clusters of an arm, and where a draw has none of an arm.
    """
    counts = (len(control), len(treatment))
    if min(counts) < FEWEST:
        return None
    sides = [
        (np.array([float(part) for part, _ in arm]), np.array([float(whole) for _, whole in arm]))
        for arm in (control, treatment)
    ]
    if is_paired:
        values = [
            ratio(drawn, *sides[0]) - ratio(drawn, *sides[1])
            for drawn in _draws(counts[0], draws)
            if ((drawn @ sides[0][1] > 0) & (drawn @ sides[1][1] > 0)).all()
        ]
    else:
        values = [
            ratio(one, *sides[0]) - ratio(other, *sides[1])
            for one, other in zip(_draws(counts[0], draws), _draws(counts[1], draws, seed=1), strict=True)
        ]
    differences = np.concatenate(values) if values else np.array([])
    if len(differences) < draws or not np.isfinite(differences).all():
        return None
    low, high = _ends(differences)
    return Interval(LEVEL, _change_digits(low), _change_digits(high), counts[0] if is_paired else sum(counts))


def ratio(drawn: Floats, numerators: Floats, denominators: Floats) -> Floats:
    """Σ numerator ÷ Σ denominator of every draw; inf without a denominator."""
    sums, wholes = drawn @ numerators, drawn @ denominators
    return np.divide(sums, wholes, out=np.full(len(sums), np.inf), where=wholes > 0)


def _changes(before: Floats, after: Floats, *, is_relative: bool) -> Floats:
    """A figure that neither side has did not change; from nothing to something there is no end."""
    if not is_relative:
        is_there = np.isfinite(before) & np.isfinite(after)
        return np.subtract(after, before, out=np.full(len(before), np.nan), where=is_there)
    is_same = before == after
    is_from_nothing = (before == 0) & ~is_same
    is_usual = ~is_same & ~is_from_nothing & np.isfinite(before)
    changes = np.where(is_from_nothing, np.inf, np.where(is_same, 0.0, np.where(np.isinf(before), -1.0, np.nan)))
    return np.divide(after, before, out=changes + 1, where=is_usual) - 1


def _draws(count: int, draws: int, seed: int = 0) -> Iterator[Floats]:
    """How often each of `count` clusters is drawn, the same ones every time, some draws at once."""
    generator = np.random.default_rng(seed)
    for start in range(0, draws, _CHUNK):
        drawn = generator.multinomial(count, np.full(count, 1 / count), size=min(_CHUNK, draws - start))
        yield drawn.astype(np.float64)


def _ends(values: Floats) -> tuple[float, float]:
    tail = float(1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)


def interval_words(interval: Interval) -> str:
    """As a person reads it, amounts in dollars."""
    level, tenants = f"{interval.level:.0%}", f"{interval.clusters} tenants"
    if interval.high is None:
        return f"{level} of draws over {tenants} lie above {shown(interval.low, 'usd')}, without an upper end"
    return f"{level} interval over {tenants} {shown(interval.low, 'usd')} to {shown(interval.high, 'usd')}"


def _digits(value: float) -> Decimal:
    return Decimal(f"{value:.{_DIGITS}g}")


def _change_digits(value: float) -> Decimal:
    return Decimal(f"{value:.{_CHANGE_PLACES}f}") + 0
