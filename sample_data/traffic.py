"""Which tasks begin on which day, and the attempts of each day in order of their start."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from sample_data import planted
from sample_data.attempts import Attempt, Script, Task
from sample_data.company import FEATURES, Company, Tenant
from sample_data.period import HOUR_US, HOURS_CUMULATIVE, MINUTE_US, Period, day_of, midnight_us
from sample_data.planted import Role
from sample_data.scripts import SCRIPTS

_SHARE_WITHOUT_TASK = 0.047
_SHARE_WITHOUT_TENANT = 0.0118
_SHARE_STAGING = 0.012
_SHARE_CI = 0.042
_ATTEMPTS_PER_CI_TASK = 2.05
_ATTEMPTS_PER_SAMPLE_DAY = 1_571
"""Attempts a day of the sample at its default size; planted volumes are scaled by what a smaller sample has of it."""

_HEAVY_TASKS_A_DAY = {Role.HEAVY_DOCUMENTS: ("long_doc", 10.5), Role.HEAVY_REVIEWS: ("code_review", 5.4)}
_HEAVY_TEAM_A_DAY = ("code_review", 14.0)
_STORM_TASKS_A_DAY = 26
_WEEKEND_SHARE = 0.3


class Traffic:
    """Tasks day by day until the wished number of attempts is reached; iterate `days()` once."""

    def __init__(self, seed: int, company: Company, period: Period, attempts: int) -> None:
        self._seed = seed
        self._company = company
        self._period = period
        self._targets = [round(attempts * share) for share in period.load_cumulative()]
        self._scale = min(1.0, attempts / period.day_count / _ATTEMPTS_PER_SAMPLE_DAY)
        self._attempts = 0
        self._tasks = 0
        self._rng = Random()

    def days(self) -> Iterator[tuple[date, list[Attempt], list[Task]]]:
        """Each day with the attempts that start on it, sorted, and the tasks that began on it."""
        open_days: dict[date, list[Attempt]] = defaultdict(list)
        for number, day in enumerate(self._period.days()):
            self._rng = Random(f"{self._seed}/traffic/{day}")
            tasks = self._tasks_of(number, day)
            for task in tasks:
                for attempt in task.attempts:
                    open_days[day_of(attempt.start_us)].append(attempt)
            yield day, sorted(open_days.pop(day, []), key=lambda a: a.start_us), tasks

    def _tasks_of(self, number: int, day: date) -> list[Task]:
        tasks = [*self._planted(day), *self._ci(number, day), *self._over_the_week_border(day)]
        active = [t for t in self._company.tenants if t.is_active(day) and not t.is_internal]
        cumulative = list(accumulate(t.weight for t in active))
        while self._attempts < self._targets[number]:
            if self._rng.random() < _SHARE_STAGING:
                tasks.append(self._ordinary(day, self._company.internal, "staging"))
            else:
                tasks.append(self._ordinary(day, active[self._drawn(cumulative)], "production"))
        return tasks

    def _planted(self, day: date) -> Iterator[Task]:
        """The tenants under water, every day; the retry storm in its window."""
        share = _WEEKEND_SHARE if day.weekday() >= 5 else 1.0
        for tenant in self._company.tenants:
            heavy = _HEAVY_TEAM_A_DAY if tenant.role is Role.HEAVY_TEAM else _HEAVY_TASKS_A_DAY.get(tenant.role)
            if heavy:
                feature, tasks_a_day = heavy
                for _ in range(round(tasks_a_day * share * self._rng.uniform(0.8, 1.2))):
                    yield self._play(day, self._task(feature, tenant, "production"))
            if tenant.role is Role.RETRY_STORM and planted.within(day, planted.RETRY_STORM):
                for _ in range(max(3, round(_STORM_TASKS_A_DAY * self._scale))):
                    task = self._task("code_review", tenant, "production")
                    task.in_storm = True
                    yield self._play(day, task)

    def _ci(self, number: int, day: date) -> Iterator[Task]:
        """The evaluation suite: once a night and on a few commits a day."""
        target = self._targets[number] - (self._targets[number - 1] if number else 0)
        cases = max(1, round(target * _SHARE_CI / _ATTEMPTS_PER_CI_TASK))
        is_on_production_key = planted.within(day, planted.CI_ON_PRODUCTION_KEYS)
        runs = [(midnight_us(day) + 2 * HOUR_US + 7 * MINUTE_US, "nightly")]
        runs += [
            (self._start_us(day), f"{self._rng.getrandbits(28):07x}") for _ in range(0 if day.weekday() >= 5 else 3)
        ]
        for case in range(cases):
            start_us, commit = runs[case % len(runs)]
            task = self._task("eval_suite", self._company.internal, "ci")
            task.commit = commit
            task.on_production_key = is_on_production_key
            yield self._play(day, task, start_us + self._rng.randint(0, 15 * MINUTE_US))

    def _over_the_week_border(self, day: date) -> Iterator[Task]:
        """On Sundays one review begins just before midnight and runs on into the next week."""
        if day.weekday() == 6 and day + timedelta(days=1) < self._period.end:
            tenant = next(t for t in self._company.tenants if t.role is Role.PREPAID)
            start_us = midnight_us(day + timedelta(days=1)) - self._rng.randint(20, 40) * 1_000_000
            yield self._play(day, self._task("code_review", tenant, "production"), start_us)

    def _ordinary(self, day: date, tenant: Tenant, environment: str) -> Task:
        task = self._task(tenant.features[self._drawn(tenant.features_cumulative)], tenant, environment)
        if not tenant.is_internal:
            task.has_key = self._rng.random() >= _SHARE_WITHOUT_TASK
            task.has_tenant = self._rng.random() >= _SHARE_WITHOUT_TENANT
        return self._play(day, task)

    def _task(self, feature_name: str, tenant: Tenant, environment: str) -> Task:
        self._tasks += 1
        feature = FEATURES[feature_name]
        user = "svc-ci-runner" if environment == "ci" else tenant.users[self._drawn(tenant.users_cumulative)]
        task_id = f"task-{self._tasks:07d}-{self._rng.getrandbits(24):06x}"
        return Task(task_id, feature, tenant, user, environment, feature.prompt_version)

    def _play(self, day: date, task: Task, start_us: int | None = None) -> Task:
        """Run the task's script; attempts that would begin after the period are not in the logs."""
        script = Script(self._rng, task, self._start_us(day) if start_us is None else start_us)
        if task.feature.name == "support_reply" and day >= planted.PROMPT_GROWTH_FROM:
            task.prompt_version = "v8"
        SCRIPTS[task.feature.name](script, day)
        task.attempts = [a for a in task.attempts if a.start_us < self._period.end_us]
        self._attempts += len(task.attempts)
        return task

    def _start_us(self, day: date) -> int:
        hours = HOURS_CUMULATIVE[day.weekday() >= 5]
        return midnight_us(day) + self._drawn(hours) * HOUR_US + self._rng.randrange(HOUR_US)

    def _drawn(self, cumulative: list[float] | tuple[int, ...]) -> int:
        """An index by its cumulated weight."""
        return min(bisect(cumulative, self._rng.random() * cumulative[-1]), len(cumulative) - 1)
