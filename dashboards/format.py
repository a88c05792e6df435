"""Dates, names and amounts as a person reads them; figures themselves are rounded by `pipelines.economics.figures`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from pipelines.economics.apportion import apportion
from pipelines.economics.figures import shown
from warehouse.rows import Period, quotient

NONE = "–"
"""Stands where there is no figure."""
_NAMES = {"unattributed": "Not attributed", "shared": "Shared cost", "unallocated": "Shared cost that no tenant bears"}


def day(value: date) -> str:
    """9 Nov 2026."""
    return f"{value.day} {value:%b %Y}"


def span(period: Period) -> str:
    """9 – 15 Nov 2026; a whole calendar month by its name."""
    first, last = period.start, period.last
    if period == Period.month(first):
        return f"{first:%B %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} – {day(last)}"
    return f"{first.day} {first:%b} – {day(last)}" if first.year == last.year else f"{day(first)} – {day(last)}"


def instant(value: datetime | str | None) -> str:
    """15 Nov 2026, 22:55 UTC; of an ISO 8601 text or a UTC instant."""
    if value is None:
        return NONE
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{day(moment)}, {moment:%H:%M} UTC"


def lasted(start: str, end: str | None) -> str:
    """8 s, 2 min 5 s; of two ISO 8601 texts."""
    if end is None:
        return NONE
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)) // timedelta(seconds=1)
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"


def known(value: str | None) -> str:
    """A key of the marts: null is `not named`, `unattributed`, `shared` and `unallocated` have words of their own."""
    return "not named" if value is None else _NAMES.get(value, value)


def count(value: int) -> str:
    return f"{value:,}"


def counted(value: int, noun: str) -> str:
    """1 row, 2 rows."""
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


def share(part: int, whole: int) -> str:
    """Per cent to one decimal; 100.0% only where nothing is missing."""
    if whole == 0:
        return NONE
    rounded = shown(quotient(Decimal(part), Decimal(whole)), "ratio")
    return "> 99.9%" if rounded == "100.0%" and part < whole else rounded


def column(values: Sequence[Decimal]) -> list[str]:
    """Dollars, to the cent from a dollar on, whose shown parts add up to their shown total."""
    places = places_of(values)
    return [dollars(part, places) for part in apportion(values, places)]


def places_of(values: Sequence[Decimal]) -> int:
    """Decimals at which the largest of these amounts shows four digits, at least cents."""
    largest = max((abs(value) for value in values), default=Decimal(0))
    return 2 if largest >= 1 or largest == 0 else min(12, 3 - largest.adjusted())


def dollars(value: Decimal, places: int) -> str:
    """An amount at stated decimals: -$1,234.50."""
    rounded = round(value, places)
    return f"{'-' if rounded < 0 else ''}${abs(rounded):,.{places}f}"


def usd(value: Decimal | None) -> str:
    return NONE if value is None else shown(value, "usd")


def signed(text: str) -> str:
    """With its sign in front; a figure of zero has none."""
    if not text or text.startswith("-") or not any(digit in text for digit in "123456789"):
        return text
    return f"+{text}"
