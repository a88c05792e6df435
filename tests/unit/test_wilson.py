"""Wilson's interval against its closed forms: at 0 and at all, z² ÷ (n + z²); at one half, ½ ± z ÷ 2√(n + z²)."""

from __future__ import annotations

import pytest

from pipelines.economics.wilson import wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.277533),  # 3.841459 / 13.841459
        (10, 10, 0.722467, 1.0),
        (1, 1, 0.206549, 1.0),  # 1 / 4.841459
        (50, 100, 0.403832, 0.596168),  # 0.5 -/+ 1.959964 / (2 * sqrt(103.841459))
        (8, 10, 0.490162, 0.943318),  # (0.8 + 0.192073) / 1.384146 -/+ 1.959964 * sqrt(0.016 + 0.009604) / 1.384146
    ],
)
def test_a_share_of_few_has_the_interval_worked_out_by_hand(
    successes: int, trials: int, low: float, high: float
) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-7)


def test_no_trial_says_nothing_and_more_successes_than_trials_are_refused() -> None:
    assert wilson(0, 0) is None
    for successes, trials in ((3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="successes of"):
            wilson(successes, trials)


def test_more_trials_of_the_same_share_narrow_it() -> None:
    found = [wilson(8 * size, 10 * size) for size in (1, 10, 100)]
    widths = [high - low for low, high in filter(None, found)]
    assert len(widths) == 3
    assert widths == sorted(widths, reverse=True)
