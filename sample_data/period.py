"""The weeks that the sample covers: when work happens, and how instants are written.

Instants are integer microseconds since 1970 in UTC, so that no arithmetic on them ever rounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import accumulate

FIRST_MONDAY = date(2026, 9, 7)
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_EPOCH = date(1970, 1, 1)
_WEEKDAY_LOAD = (1.00, 1.05, 1.06, 1.02, 0.90, 0.32, 0.28)
_WEEKLY_GROWTH = 1.015
_OFFICE_HOURS = (3, 2, 2, 2, 3, 4, 8, 16, 30, 42, 46, 44, 36, 42, 48, 46, 40, 30, 20, 14, 10, 8, 6, 4)
_WEEKEND_HOURS = (4, 3, 2, 2, 2, 3, 5, 8, 12, 16, 18, 18, 17, 17, 18, 18, 17, 16, 15, 14, 12, 10, 8, 6)
HOURS_CUMULATIVE = (tuple(accumulate(_OFFICE_HOURS)), tuple(accumulate(_WEEKEND_HOURS)))
"""Load by hour of the UTC day, cumulated for one draw: office days first, then weekends."""


@dataclass(frozen=True, slots=True)
class Period:
    """Complete weeks, half-open: `start` is a Monday, `end` the Monday after the last."""

    start: date
    weeks: int

    @property
    def end(self) -> date:
        return self.start + timedelta(weeks=self.weeks)

    @property
    def end_us(self) -> int:
        return midnight_us(self.end)

    @property
    def day_count(self) -> int:
        return 7 * self.weeks

    def days(self) -> Iterator[date]:
        return (self.start + timedelta(days=n) for n in range(self.day_count))

    def day_at(self, share: float) -> date:
        """The day that lies at a share of the period, 0 to 1."""
        return self.start + timedelta(days=min(int(self.day_count * share), self.day_count - 1))

    def months(self) -> Iterator[tuple[date, date]]:
        """Calendar months, half-open, clipped to the period."""
        first = self.start
        while first < self.end:
            following = next_month(first)
            yield first, min(following, self.end)
            first = following

    def load_cumulative(self) -> list[float]:
        """Share of the period's work done up to and including each day; the last is 1."""
        loads = [_WEEKDAY_LOAD[n % 7] * _WEEKLY_GROWTH ** (n / 7) for n in range(self.day_count)]
        total = sum(loads)
        return [done / total for done in accumulate(loads)]


def next_month(day: date) -> date:
    """The first day of the month after."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def midnight_us(day: date) -> int:
    return (day - _EPOCH).days * DAY_US


def day_of(instant_us: int) -> date:
    return _day_after_epoch(instant_us // DAY_US)


def iso_utc(instant_us: int) -> str:
    """ISO 8601 with six decimals and a Z."""
    seconds, micro = divmod(instant_us % DAY_US, SECOND_US)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_day_after_epoch(instant_us // DAY_US)}T{hour:02d}:{minute:02d}:{second:02d}.{micro:06d}Z"


@cache
def _day_after_epoch(days: int) -> date:
    return _EPOCH + timedelta(days=days)


def epoch_s(instant_us: int) -> float:
    """Float seconds, as LiteLLM writes times; exact to the microsecond until the year 2242."""
    return instant_us / SECOND_US
