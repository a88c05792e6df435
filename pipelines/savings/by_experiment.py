"""A change held against those who did not get it: cost per task of two labels of `experiment`, at the same time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from pipelines.economics.apportion import EXACT
from pipelines.economics.intervals import Interval, arms_interval
from pipelines.economics.savings import Realised
from pipelines.settings import Change, Experiment
from warehouse.reader import Reader
from warehouse.rows import Period, quotient
from warehouse.savings_questions import ExperimentTask

Unit = Literal["tenants", "users", "tasks"]
FEWEST_CLUSTERS = 10
"""In each arm; with fewer tenants the users are drawn, then the tasks, which takes tasks of one tenant for independent."""
_MOST_GROUPS = 2000
_TWELVE = Decimal("1e-12")


@dataclass(frozen=True)
class Arm:
    """The tasks of one label."""

    label: str
    tasks: int
    cost_usd: Decimal
    successes: int
    judged: int

    @property
    def cost_per_task_usd(self) -> Decimal:
        return quotient(self.cost_usd, Decimal(self.tasks))

    @property
    def cost_per_success_usd(self) -> Decimal | None:
        return quotient(self.cost_usd, Decimal(self.successes)) if self.successes else None


@dataclass(frozen=True)
class ByExperiment:
    """`saved_per_task_usd` is of control less treatment, with its interval over `unit`; `days` are those with data."""

    control: Arm
    treatment: Arm
    saved_per_task_usd: Decimal
    interval: Interval | None
    unit: Unit
    days: int
    mixed_tasks: int
    incomplete_tasks: int
    realised: Realised

    @property
    def total_usd(self) -> Decimal:
        """Of the treated tasks: the others went on as before."""
        return self.saved_per_task_usd * self.treatment.tasks


def by_experiment(reader: Reader, change: Change, experiment: Experiment) -> ByExperiment | None:
    """None where an arm has no task. Tasks of both labels, and tasks of which a part has no price, are counted and left out."""
    last = reader.state().last_usage_date
    if last is None or last < change.since:
        return None
    after = last + timedelta(days=1)
    period = Period(change.since, after if change.until is None else min(change.until, after))
    labels = (experiment.control, experiment.treatment)
    found = reader.experiment_tasks(labels, period, tenant_id=change.tenant, feature=change.feature)
    kept = [task for task in found if not task.is_mixed and not task.is_incomplete]
    control, treatment = (_arm(label, [task for task in kept if task.arm == label]) for label in labels)
    if not control.tasks or not treatment.tasks:
        return None
    saved = control.cost_per_task_usd - treatment.cost_per_task_usd
    unit, interval = _interval(kept, labels)
    weeks = Decimal(period.days) / 7
    tasks_a_week = Decimal(treatment.tasks) / weeks

    def weekly(per_task: Decimal) -> Decimal:
        return EXACT.multiply(per_task, tasks_a_week).quantize(_TWELVE, rounding=ROUND_HALF_EVEN, context=EXACT)

    ends = (
        (None, None, None)
        if interval is None or interval.high is None
        else (weekly(interval.low), weekly(interval.high), interval.level)
    )
    return ByExperiment(
        control=control,
        treatment=treatment,
        saved_per_task_usd=saved,
        interval=interval,
        unit=unit,
        days=period.days,
        mixed_tasks=sum(task.is_mixed for task in found),
        incomplete_tasks=sum(task.is_incomplete and not task.is_mixed for task in found),
        realised=Realised(weekly(saved), *ends),
    )


def _arm(label: str, tasks: Sequence[ExperimentTask]) -> Arm:
    return Arm(
        label,
        len(tasks),
        sum((task.cost_usd for task in tasks), Decimal(0)),
        sum(task.outcome == "success" for task in tasks),
        sum(task.outcome != "unknown" for task in tasks),
    )


def _interval(tasks: Sequence[ExperimentTask], labels: tuple[str, str]) -> tuple[Unit, Interval | None]:
    """Over the largest units of which both arms have enough."""
    places = {task.task_id: str(number % _MOST_GROUPS) for number, task in enumerate(tasks)}
    units: list[tuple[Unit, Callable[[ExperimentTask], str | None]]] = [
        ("tenants", lambda task: task.tenant_id),
        ("users", lambda task: task.end_user_id),
        ("tasks", lambda task: places[task.task_id]),
    ]
    for unit, of in units:
        arms = [_clusters([task for task in tasks if task.arm == label], of) for label in labels]
        if unit == "tasks" or all(len(arm) >= FEWEST_CLUSTERS for arm in arms):
            return unit, _over(arms, is_paired=unit != "tasks" and bool(arms[0].keys() & arms[1].keys()))
    raise AssertionError("tasks are always there")


def _clusters(
    tasks: Sequence[ExperimentTask], of: Callable[[ExperimentTask], str | None]
) -> dict[str, tuple[Decimal, int]]:
    """Cost and number of tasks by cluster; tasks without one are one together."""
    costs: dict[str, Decimal] = defaultdict(Decimal)
    counts: dict[str, int] = defaultdict(int)
    for task in tasks:
        key = of(task) or ""
        costs[key] += task.cost_usd
        counts[key] += 1
    return {key: (costs[key], counts[key]) for key in costs}


def _over(arms: Sequence[dict[str, tuple[Decimal, int]]], *, is_paired: bool) -> Interval | None:
    if not is_paired:
        control, treatment = ([arm[key] for key in sorted(arm)] for arm in arms)
        return arms_interval(control, treatment, is_paired=False)
    keys = sorted(arms[0].keys() | arms[1].keys())
    control, treatment = ([arm.get(key, (Decimal(0), 0)) for key in keys] for arm in arms)
    return arms_interval(control, treatment, is_paired=True)
