"""Statistics that a few wild days do not move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

MAD_TO_SIGMA = 1.4826
_CHI2_MEDIAN = 0.455
"""Of chi-squared with one degree of freedom."""


def middle_mean(values: Sequence[float]) -> float:
    """Mean of the middle half: nearly as steady as the mean, nearly as hard to move as the median. 0 of nothing."""
    ordered = sorted(values)
    cut = len(ordered) // 4
    kept = ordered[cut : len(ordered) - cut]
    return sum(kept) / len(kept) if kept else 0.0


def spread(values: Sequence[float]) -> float:
    """Median absolute deviation as a standard deviation; 0 of nothing."""
    if not values:
        return 0.0
    centre = median(values)
    return MAD_TO_SIGMA * median(abs(value - centre) for value in values)


@dataclass(frozen=True)
class Split:
    """Where a series changes its level: `place` is the first index of the later part. `gain`: of log likelihood, 0 for none."""

    place: int
    gain: float


def rate_split(hits: Sequence[int], tries: Sequence[int], least: int) -> Split:
    """The best place to say that the share of hits changed; at least `least` entries on either side."""
    all_hits, all_tries = sum(hits), sum(tries)
    whole = _bernoulli(all_hits, all_tries)
    best = Split(0, 0.0)
    left_hits = left_tries = 0
    for place in range(1, len(hits)):
        left_hits, left_tries = left_hits + hits[place - 1], left_tries + tries[place - 1]
        if least <= place <= len(hits) - least:
            gain = _bernoulli(left_hits, left_tries) + _bernoulli(all_hits - left_hits, all_tries - left_tries) - whole
            if gain > best.gain:
                best = Split(place, gain)
    return best


def rate_dispersion(hits: Sequence[int], tries: Sequence[int]) -> float:
    """How much more neighbouring days differ than draws of one share would: 1 where they do not.

    By neighbours, because a level that changes once moves one difference, and by their median, because a few wild days move few.
    """
    terms: list[float] = []
    for (h, n), (k, m) in pairwise((h, n) for h, n in zip(hits, tries, strict=True) if n):
        rate = (h + k) / (n + m)
        if 0 < rate < 1:
            terms.append((h / n - k / m) ** 2 / (rate * (1 - rate) * (1 / n + 1 / m)))
    return max(1.0, median(terms) / _CHI2_MEDIAN) if terms else 1.0


def count_split(counts: Sequence[int], least: int) -> Split:
    """The best place to say that counts a day changed their level."""
    total = sum(counts)
    whole = _poisson(total, len(counts))
    best = Split(0, 0.0)
    left = 0
    for place in range(1, len(counts)):
        left += counts[place - 1]
        if least <= place <= len(counts) - least:
            gain = _poisson(left, place) + _poisson(total - left, len(counts) - place) - whole
            if gain > best.gain:
                best = Split(place, gain)
    return best


def _bernoulli(hits: int, tries: int) -> float:
    misses = tries - hits
    return sum(part * math.log(part / tries) for part in (hits, misses) if part)


def _poisson(total: int, days: int) -> float:
    return total * math.log(total / days) if total else 0.0
