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


def newcombe(before: tuple[int, int], after: tuple[int, int], z: float = Z_95) -> tuple[float, float] | None:
    """Interval of a share's change, after − before, from (successes, trials) of each; None where one has no trial.

    Newcombe's hybrid of two score intervals (1998, method 10): right for few trials too. Raises ValueError as `wilson`.
    """
    ends_before, ends_after = wilson(*before, z), wilson(*after, z)
    if ends_before is None or ends_after is None:
        return None
    share_before, share_after = before[0] / before[1], after[0] / after[1]
    change = share_after - share_before
    low = sqrt((share_after - ends_after[0]) ** 2 + (ends_before[1] - share_before) ** 2)
    high = sqrt((ends_after[1] - share_after) ** 2 + (share_before - ends_before[0]) ** 2)
    return change - low, change + high
