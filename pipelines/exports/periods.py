"""Which period is exported, and what files say of it: the month or week asked for, else the last complete month of the data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from pipelines.exports.csv_file import Column
from warehouse.reader import Period, Reader
from warehouse.rows import DataState

_MONTH = re.compile(r"(\d{4})-(\d\d)")


class NoSuchPeriod(Exception):
    """The data has no such period, or what was asked for is none; the message lists what there is."""


@dataclass(frozen=True)
class Chosen:
    """A period and the name of its folder: `2026-10` or `week-2026-11-09`."""

    period: Period
    label: str


def chosen_period(reader: Reader, month: str | None, week: date | None) -> Chosen:
    """The month `2026-10`, or the week that holds a day, or without either the last complete month.

    Raises NoSuchPeriod, NoSuchWeek, NothingPublished.
    """
    if month is not None and week is not None:
        raise NoSuchPeriod("--period and --week: one of them, not both.")
    if week is not None:
        first = reader.weekly(week).week_start
        return Chosen(Period.week(first), f"week-{first.isoformat()}")
    months = [Period.month(day) for day in reader.months()]
    known = f"Months in the data: {', '.join(_label(each) for each in months) or 'none: no request was landed'}."
    if month is not None:
        found = [each for each in months if each == _month(month, known)]
        if not found:
            raise NoSuchPeriod(f"No requests in {month}. {known}")
    else:
        state = reader.state()
        found = [each for each in months if is_complete(state, each)]
        if not found:
            raise NoSuchPeriod(f"No month of the data is complete. {known} Name one with --period, or a --week.")
    return Chosen(found[-1], _label(found[-1]))


def is_complete(state: DataState, period: Period) -> bool:
    """Whether the data reaches the last day of the period, as the weekly view judges its weeks."""
    return state.last_usage_date is not None and period.last <= state.last_usage_date


def gaps(state: DataState, period: Period) -> list[str]:
    """What a person should know of a period that the data does not span, in sentences."""
    said: list[str] = []
    if not is_complete(state, period):
        said.append(f"Incomplete: the data ends on {state.last_usage_date}, the period on {period.last}.")
    if state.first_usage_date is not None and state.first_usage_date > period.start:
        said.append(f"The data begins on {state.first_usage_date}, the period on {period.start}.")
    return said


def every(period: Period) -> str:
    """How often a file over such a period is written: `weekly` or `monthly`."""
    return "weekly" if period.days == 7 else "monthly"


def period_column(period: Period) -> Column:
    """The first column of a file over the period: its first day."""
    if every(period) == "weekly":
        return Column("week_start", "First day of the week in the reporting time zone")
    return Column("month", "First day of the month in the reporting time zone")


def _month(text: str, known: str) -> Period:
    found = _MONTH.fullmatch(text)
    try:
        if not found:
            raise ValueError
        return Period.month(date(int(found[1]), int(found[2]), 1))
    except (ValueError, OverflowError):
        raise NoSuchPeriod(f"--period {text!r} is no month; months are written 2026-10. {known}") from None


def _label(month: Period) -> str:
    return f"{month.start:%Y-%m}"
