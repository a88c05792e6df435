"""How sure a ratio of two sums is, by drawing the tenants that made it anew.

Tasks of one tenant resemble each other, so that a bootstrap over tasks takes its own noise for knowledge: over tenants a
nominal 90% interval covers some 85%, over tasks 24 to 78%. An interval is no money: floats are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from pipelines.economics.figures import shown

LEVEL = Decimal("0.90")
DRAWS = 2000
FEWEST = 5
"""With fewer tenants a bootstrap says more about who happens to be there than about the ratio."""
_CHUNK = 200
_DIGITS = 6


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
    generator = np.random.default_rng(0)
    ratios = np.empty(draws)
    for start in range(0, draws, _CHUNK):
        size = min(_CHUNK, draws - start)
        drawn = generator.multinomial(count, np.full(count, 1 / count), size=size)
        sums, wholes = drawn @ numerators, drawn @ denominators
        ratios[start : start + size] = np.divide(sums, wholes, out=np.full(size, np.inf), where=wholes > 0)
    tail = float(1 - LEVEL) / 2
    low, high = np.quantile(ratios, [tail, 1 - tail], method="inverted_cdf")
    return None if np.isinf(low) else Interval(LEVEL, _digits(low), None if np.isinf(high) else _digits(high), count)


def interval_words(interval: Interval) -> str:
    """As a person reads it, amounts in dollars."""
    level, tenants = f"{interval.level:.0%}", f"{interval.clusters} tenants"
    if interval.high is None:
        return f"{level} of draws over {tenants} lie above {shown(interval.low, 'usd')}, without an upper end"
    return f"{level} interval over {tenants} {shown(interval.low, 'usd')} to {shown(interval.high, 'usd')}"


def _digits(value: float) -> Decimal:
    return Decimal(f"{value:.{_DIGITS}g}")
