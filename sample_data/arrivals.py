"""When tasks begin within their day: the load of the hour, and bursts as the traces have them.

Starts of bursts follow the load; the tasks of a burst follow each other within seconds. With geometric sizes of mean m
the gaps have a squared coefficient of variation of about 2m − 1, which is how `traces.py` arrives at m.
"""

from __future__ import annotations

from bisect import bisect
from datetime import date
from random import Random

from sample_data.period import DAY_US, HOUR_US, HOURS_CUMULATIVE, SECOND_US, midnight_us
from sample_data.traces import CODE, CONVERSATION, LONG_CONVERSATION

MAX_MEAN_BURST = 8.0
"""The code trace's 87 is that of a whole service; some sixty reviews a day have no room for it."""
BURST_GAP_US = 15 * SECOND_US

MEAN_BURST = {
    "support_reply": CONVERSATION.mean_burst,
    "search_answer": CONVERSATION.mean_burst,
    "draft_email": CONVERSATION.mean_burst,
    "code_review": min(CODE.mean_burst, MAX_MEAN_BURST),
    "long_doc": LONG_CONVERSATION.mean_burst,
}


class Arrivals:
    """Remembers the newest start of each feature, because a burst goes on from there."""

    def __init__(self) -> None:
        self._newest_us: dict[str, int] = {}

    def start_us(self, rng: Random, feature: str, day: date) -> int:
        """An instant of the day; features without a trace behind them have no bursts."""
        midnight = midnight_us(day)
        burst = MEAN_BURST.get(feature, 1.0)
        if rng.random() < 1 - 1 / burst:
            start = self._newest_us.get(feature, 0) + 1 + int(rng.expovariate(1 / BURST_GAP_US))
            if midnight <= start < midnight + DAY_US:
                self._newest_us[feature] = start
                return start
        start = midnight + _hour(rng, day) * HOUR_US + int(rng.random() * HOUR_US)
        self._newest_us[feature] = start
        return start


def _hour(rng: Random, day: date) -> int:
    hours = HOURS_CUMULATIVE[day.weekday() >= 5]
    return bisect(hours, int(rng.random() * hours[-1]))
