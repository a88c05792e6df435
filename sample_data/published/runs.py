"""One row of a published table as a run: counts that a log can be written from, and what is wrong with the row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from sample_data.published.cells import MISSING, Published, Unreadable, number, places, whole
from sample_data.published.columns import Asked, Columns
from sample_data.published.trials import passes_from_pass_k, passes_in_order

PICO_PER_USD = 10**12
_DATE = re.compile(r"(?<!\d)(20\d\d)[-_/](\d\d)[-_/](\d\d)(?!\d)")

Row = Mapping[str, str]
Number = TypeVar("Number", int, Decimal)


@dataclass(frozen=True)
class Run:
    """A row of the table. Counts are of tried tasks: a task that was tried four times counts four times.

    None is what the table does not say. `dirt`: what is wrong, by a word for each kind.
    """

    line: int
    name: str
    model: str
    day: date | None
    tasks: int | None
    suite_tasks: int | None
    passed: int | None
    pass_rate: Published | None
    """Per cent."""
    rate_denominator: int | None
    """Of `tasks` and `suite_tasks` the one that the published rate is a share of; None where it is of neither."""
    trials: int
    pass_k: Mapping[int, Published]
    """pass^2 and up, per cent."""
    tasks_by_passes: Mapping[int, int] | None
    """How many tasks passed so many of their trials."""
    cost_pico: int | None
    """The published total, or the published cost per task times the tasks, to the nearest pico-dollar."""
    cost_per_task: Published | None
    input_tokens: int | None
    output_tokens: int | None
    seconds_per_task: Published | None
    dirt: tuple[str, ...]

    @property
    def is_logged(self) -> bool:
        """Whether a log can be written: without a number of tasks or a day there is none."""
        return bool(self.tasks) and self.day is not None


class RowReader:
    """Reads the cells of one row, and keeps what is wrong with them."""

    def __init__(self, row: Row, columns: Columns) -> None:
        self._row, self._columns = row, columns
        self.dirt: list[str] = []

    def text(self, role: str) -> str:
        header = self._columns.by_role.get(role)
        return self._row[header].strip() if header else ""

    def has(self, role: str) -> bool:
        return role in self._columns.by_role

    def number(self, role: str) -> Decimal | None:
        return self._read(role, self.text(role), number)

    def whole(self, role: str) -> int | None:
        return self._read(role, self.text(role), whole)

    def pass_k(self, scale: int) -> dict[int, Published]:
        read = {k: self._read(f"pass_{k}", self._row[name], number) for k, name in self._columns.pass_k.items()}
        percents = {k: value.scaleb(scale) for k, value in read.items() if value is not None}
        return {k: Published(value, places(value)) for k, value in percents.items()}

    def _read(self, role: str, text: str, reader: Callable[[str], Number | None]) -> Number | None:
        try:
            return reader(text)
        except Unreadable:
            self.dirt.append(f"unreadable_{role}")
            return None


def run_of(line: int, name: str, row: Row, columns: Columns, asked: Asked, rate_scale: int) -> Run:
    """The run of one row. `rate_scale`: power of ten that makes per cent of a rate."""
    cells = RowReader(row, columns)
    pass_k = cells.pass_k(rate_scale)
    trials = asked.trials or max(pass_k, default=1)
    tasks, suite_tasks = _tasks(cells, asked, trials)
    rate = _rate(cells, rate_scale)
    passed, denominator = _passed(cells, tasks, suite_tasks, rate)
    tasks_by_passes = _tasks_by_passes(cells, tasks, trials, passed, pass_k | ({1: rate} if rate else {}))
    cost_pico, cost_per_task = _cost(cells, tasks, asked)
    tokens = _tokens(cells, tasks, asked)
    seconds = cells.number("seconds_per_task")
    if seconds is not None and seconds < 0:
        cells.dirt.append("unreadable_seconds_per_task")
        seconds = None
    day = _day(cells, name, asked)
    if not cells.text("model") and cells.has("model"):
        cells.dirt.append("model_missing")
    return Run(
        line=line, name=name, model=cells.text("model") or name, day=day, tasks=tasks, suite_tasks=suite_tasks,
        passed=passed, pass_rate=rate, rate_denominator=denominator, trials=trials, pass_k=pass_k,
        tasks_by_passes=tasks_by_passes, cost_pico=cost_pico,
        cost_per_task=cost_per_task, input_tokens=tokens[0], output_tokens=tokens[1],
        seconds_per_task=None if seconds is None else Published(seconds, min(3, places(seconds))),
        dirt=tuple(cells.dirt),
    )  # fmt: skip


def _tasks(cells: RowReader, asked: Asked, trials: int) -> tuple[int | None, int | None]:
    run, suite = cells.whole("tasks"), cells.whole("suite_tasks")
    stated = asked.domain_tasks.get(cells.text("domain"), asked.tasks)
    tasks = run or suite or stated
    if not tasks:
        cells.dirt.append("tasks_missing")
        return None, None
    if run and suite and run != suite:
        cells.dirt.append("tasks_run_differ_from_suite")
    return tasks * trials, (suite or tasks) * trials


def _rate(cells: RowReader, scale: int) -> Published | None:
    value = cells.number("pass_rate")
    if value is None:
        if cells.has("pass_rate"):
            cells.dirt.append("pass_rate_missing")
        return None
    percent = value.scaleb(scale)
    if not 0 <= percent <= 100:
        cells.dirt.append("pass_rate_beyond_0_to_100")
        return None
    return Published(percent, places(percent))


def _passed(
    cells: RowReader, tasks: int | None, suite: int | None, rate: Published | None
) -> tuple[int | None, int | None]:
    """How many passed, and of how many the published rate is a share."""
    if tasks is None or suite is None:
        return None, None
    counted = cells.whole("passed")
    if counted is not None and counted > tasks:
        cells.dirt.append("more_passed_than_tasks")
        return None, None
    if counted is None and cells.has("passed"):
        cells.dirt.append("passed_missing")
    if rate is None:
        return counted, None
    for denominator in (tasks, suite):
        near = round(Fraction(rate.value) * denominator / 100) if counted is None else counted
        if near <= tasks and rate.is_met_by(Fraction(100 * near, denominator)):
            if denominator != tasks:
                cells.dirt.append("pass_rate_of_suite_not_of_tasks_run")
            return near, denominator
    if counted is None:
        cells.dirt.append("pass_rate_is_no_whole_number_of_tasks")
        return min(tasks, round(Fraction(rate.value) * tasks / 100)), None
    cells.dirt.append("pass_rate_is_not_passed_over_any_count")
    return counted, None


def _tasks_by_passes(
    cells: RowReader, tasks: int | None, trials: int, passed: int | None, pass_k: Mapping[int, Published]
) -> dict[int, int] | None:
    if tasks is None or passed is None:
        return None
    if len(pass_k) > 1:
        if found := passes_from_pass_k(tasks // trials, trials, pass_k):
            return found
        is_complete = sorted(pass_k) == list(range(1, trials + 1))
        cells.dirt.append("pass_k_fit_no_number_of_passes" if is_complete else "pass_k_incomplete")
    return passes_in_order(tasks // trials, trials, passed)


def _cost(cells: RowReader, tasks: int | None, asked: Asked) -> tuple[int | None, Published | None]:
    """The cost of the run in pico-dollars and the published cost per task; None for a cost that nobody recorded."""
    total, each = cells.number("cost_usd"), cells.number("cost_per_task_usd")
    if any(value is not None and value < 0 for value in (total, each)):
        cells.dirt.append("cost_below_zero")
        return None, None
    told_total, told_each = (value if value or asked.is_zero_free else None for value in (total, each))
    per_task = None if told_each is None else Published(told_each, places(told_each))
    if told_total is not None:
        if per_task is not None and tasks and not per_task.is_met_by(Fraction(told_total) / tasks):
            cells.dirt.append("cost_per_task_is_not_cost_over_tasks")
        return round(Fraction(told_total) * PICO_PER_USD), per_task
    if told_each is not None:
        return None if tasks is None else round(Fraction(told_each) * tasks * PICO_PER_USD), per_task
    cells.dirt.append("cost_missing" if total is None and each is None else "cost_zero")
    return None, None


def _tokens(cells: RowReader, tasks: int | None, asked: Asked) -> tuple[int | None, int | None]:
    """Input and output of the run; both or none, because half of the tokens would be a wrong number of tokens."""
    if not (cells.has("input_tokens") or cells.has("output_tokens")):
        return None, None
    read = (cells.number("input_tokens"), cells.number("output_tokens"))
    given = [value for value in read if value is not None and value >= 0]
    if len(given) < 2 or not any(given):
        cells.dirt.append("tokens_missing")
        return None, None
    times = (tasks or 0) if asked.tokens_per_task else 1
    return round(given[0] * times), round(given[1] * times)


def _day(cells: RowReader, name: str, asked: Asked) -> date | None:
    """The row's date, else one in the run's name, else the one asked for."""
    for text in (cells.text("date"), name):
        if found := _DATE.search(text):
            try:
                return date(int(found[1]), int(found[2]), int(found[3]))
            except ValueError:
                cells.dirt.append("unreadable_date")
    if cells.text("date").lower() not in MISSING and "unreadable_date" not in cells.dirt:
        cells.dirt.append("unreadable_date")
    if asked.day is None:
        cells.dirt.append("date_missing")
    return asked.day
