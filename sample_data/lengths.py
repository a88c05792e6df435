"""Draws token counts: from the tables of `traces.py`, or around a median of our own where no trace says more."""

from __future__ import annotations

from bisect import bisect_right
from random import Random

from sample_data.traces import PERCENTS


def from_table(rng: Random, table: tuple[int, ...]) -> int:
    """A whole number whose quantiles are those of the table, straight lines between them."""
    drawn = 100 * rng.random()
    upper = bisect_right(PERCENTS, drawn)
    low, high = table[upper - 1], table[upper]
    share = (drawn - PERCENTS[upper - 1]) / (PERCENTS[upper] - PERCENTS[upper - 1])
    return low + int((high - low) * share + 0.5)


def around(rng: Random, median: float, spread: float) -> int:
    """A whole number with the given median and lognormal spread, at least 1."""
    return max(1, round(median * rng.lognormvariate(0, spread)))
