"""Every declared change, measured: what it has saved, what became of success, and which other change it cannot be told from."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.bridge import View
from pipelines.economics.savings import MOVES, Realised, verdict
from pipelines.economics.wilson import newcombe
from pipelines.savings.by_experiment import ByExperiment, by_experiment
from pipelines.savings.by_weeks import ByWeeks, Progress, by_weeks, weeks_around
from pipelines.settings import Change
from warehouse.reader import Reader
from warehouse.rows import Period

Counts = tuple[int, int]
"""Successful and judged tasks."""


class SavingsError(Exception):
    """There is no such change; the message says which there are."""


@dataclass(frozen=True)
class SuccessChange:
    """Success of judged tasks without the change and with it; ends are Newcombe's 95% interval of the change."""

    without: Counts
    with_it: Counts
    low: float | None
    high: float | None

    @property
    def change(self) -> float | None:
        if not self.without[1] or not self.with_it[1]:
            return None
        return self.with_it[0] / self.with_it[1] - self.without[0] / self.without[1]


@dataclass(frozen=True)
class Measured:
    """`found` is None where there is nothing to compare yet, and `why` says what is missing.

    `mixed_with`: other changes at the same place that began or ended in the weeks compared and move the same factors.
    """

    change: Change
    found: ByWeeks | ByExperiment | None
    why: str | None
    success: SuccessChange
    mixed_with: tuple[str, ...]

    @property
    def realised(self) -> Realised | None:
        return None if self.found is None else self.found.realised

    @property
    def verdict(self) -> str:
        return verdict(self.change.claimed_weekly_usd, self.realised)


def chosen(changes: Sequence[Change], ids: Sequence[str]) -> list[Change]:
    """Those of these ids in the order of the settings, without any id all. Raises SavingsError."""
    known = [change.id for change in changes]
    for name in ids:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise SavingsError(f"No change {name} in the settings.{meant} There: {', '.join(known) or 'none'}.")
    return [change for change in changes if not ids or change.id in ids]


def measure(
    reader: Reader, change: Change, changes: Sequence[Change], most_before: int, progress: Progress
) -> Measured:
    """One change, among all that are declared. Raises NothingPublished, PublishError."""
    if change.experiment is not None:
        return _of_experiment(reader, change)
    before, since = weeks_around(reader, change, most_before)
    found = by_weeks(reader, change, before, since, progress)
    success = _success(_counts(reader, before, change), _counts(reader, since, change))
    window = Period(before[0], since[-1] + timedelta(days=7)) if before and since else None
    return Measured(change, found, _why(before, since, found), success, _mixed(change, changes, window))


def _of_experiment(reader: Reader, change: Change) -> Measured:
    assert change.experiment is not None
    found = by_experiment(reader, change, change.experiment)
    if found is None:
        labels = f"{change.experiment.control} and {change.experiment.treatment}"
        return Measured(
            change, None, f"no finished tasks of both labels, {labels}, since then", _success((0, 0), (0, 0)), ()
        )
    control, treatment = found.control, found.treatment
    success = _success((control.successes, control.judged), (treatment.successes, treatment.judged))
    return Measured(change, found, None, success, ())


def _why(before: Sequence[date], since: Sequence[date], found: ByWeeks | None) -> str | None:
    if found is not None:
        return None
    if not since:
        return "no complete week since then"
    return "no complete week before it" if not before else "no call of that place in both stretches"


def _success(without: Counts, with_it: Counts) -> SuccessChange:
    ends = newcombe(without, with_it)
    return SuccessChange(without, with_it, *(ends or (None, None)))


def _counts(reader: Reader, weeks: Sequence[date], change: Change) -> Counts:
    view = View(change.tenant, change.feature)
    lines = [line for week in weeks for line in reader.task_costs(Period.week(week), ("tenant_id", "feature"))]
    own = [line for line in lines if view.holds(str(line.key[0]), line.key[1], None)]
    return sum(line.successes for line in own), sum(line.successes + line.failures for line in own)


def _mixed(change: Change, changes: Sequence[Change], window: Period | None) -> tuple[str, ...]:
    if window is None:
        return ()
    return tuple(
        other.id
        for other in changes
        if other.id != change.id
        and _meet(change.tenant, other.tenant)
        and _meet(change.feature, other.feature)
        and set(MOVES[change.what]) & set(MOVES[other.what])
        and any(day is not None and window.start < day < window.end for day in (other.since, other.until))
    )


def _meet(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other
