"""How far a share of few can be trusted. Shares of counts are no money: floats are enough."""

from __future__ import annotations

from math import sqrt

Z_95 = 1.959963984540054
"""97.5th percentile of the normal distribution: two sides of 95%."""


def wilson(successes: int, trials: int, z: float = Z_95) -> tuple[float, float] | None:
    """Wilson's score interval of a share, within 0 and 1; None without a trial.

    Unlike the usual ± it stays right for few trials, and for shares near 0 and 1. Raises ValueError for more
    successes than trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if trials == 0:
        return None
    share, weight = successes / trials, z * z / trials
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * sqrt(share * (1 - share) / trials + weight / (4 * trials))
    # At the ends the arithmetic of floats misses 0 and 1 by a hair.
    low = 0.0 if successes == 0 else middle - half
    return low, 1.0 if successes == trials else middle + half
