"""Which tasks begin on which day, and the attempts of each day in order of their start."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import accumulate
from random import Random

from sample_data import planted
from sample_data.arrivals import Arrivals
from sample_data.attempts import Attempt, Task
from sample_data.company import Company, Tenant
from sample_data.fair_use import FairUse
from sample_data.features import FEATURES
from sample_data.period import Period, day_of
from sample_data.planned import DayPlan, Planned
from sample_data.playing import Script
from sample_data.scripts import SCRIPTS

_SHARE_WITHOUT_TASK = 0.047
_SHARE_WITHOUT_TENANT = 0.0118
_SHARE_STAGING = 0.012
_MAX_DRAWS = 8
_DEPLOYS = {"support_reply": (planted.PROMPT_GROWTH_FROM, "v8"), "search_answer": (planted.CACHE_DEPLOY_ON, "v5")}
"""New prompt versions; they come out with and without plants."""


class Traffic:
    """Tasks day by day until the wished number of attempts is reached; iterate `days()` once."""

    def __init__(self, seed: int, company: Company, period: Period, attempts: int, plan: DayPlan) -> None:
        self._seed, self._company, self._period, self._plan = seed, company, period, plan
        self._targets = [round(attempts * share) for share in period.load_cumulative()]
        self._fair_use = FairUse()
        self._arrivals = Arrivals()
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
        target = self._targets[number] - (self._targets[number - 1] if number else 0)
        tasks = [self._planned(day, planned) for planned in self._plan.of_day(self._rng, day, target)]
        active = [t for t in self._company.tenants if t.weight and t.is_active(day)]
        cumulative = list(accumulate(t.weight for t in active))
        while self._attempts < self._targets[number]:
            if self._rng.random() < _SHARE_STAGING:
                tasks.append(self._ordinary(day, self._company.internal, "staging"))
            else:
                tasks.append(self._ordinary(day, self._drawn_tenant(day, active, cumulative), "production"))
        return tasks

    def _drawn_tenant(self, day: date, active: list[Tenant], cumulative: list[float]) -> Tenant:
        """By weight among those within fair use; where chance keeps missing them, somebody on the free plan."""
        for _ in range(_MAX_DRAWS):
            tenant = active[self._drawn(cumulative)]
            if self._fair_use.allows(tenant, day):
                return tenant
        return self._rng.choice([t for t in active if not t.plan.price_cents])

    def _planned(self, day: date, planned: Planned) -> Task:
        task = self._task(planned.feature, planned.tenant, planned.environment)
        task.in_storm, task.is_surge, task.commit = planned.in_storm, planned.is_surge, planned.commit
        task.on_production_key = planned.on_production_key
        if planned.is_surge:
            task.user = planned.tenant.api_user
        return self._play(day, task, planned.start_us)

    def _ordinary(self, day: date, tenant: Tenant, environment: str) -> Task:
        task = self._task(tenant.features[self._drawn(tenant.features_cumulative)], tenant, environment)
        if not tenant.is_internal:
            task.has_key = self._rng.random() >= _SHARE_WITHOUT_TASK
            task.has_tenant = self._rng.random() >= _SHARE_WITHOUT_TENANT
        self._play(day, task)
        self._fair_use.spend(tenant, day, sum(attempt.charged_pico or 0 for attempt in task.attempts))
        return task

    def _task(self, feature_name: str, tenant: Tenant, environment: str) -> Task:
        self._tasks += 1
        feature = FEATURES[feature_name]
        user = "svc-ci-runner" if environment == "ci" else tenant.users[self._drawn(tenant.users_cumulative)]
        task_id = f"task-{self._tasks:07d}-{self._rng.getrandbits(24):06x}"
        return Task(task_id, feature, tenant, user, environment, feature.prompt_version)

    def _play(self, day: date, task: Task, start_us: int | None = None) -> Task:
        """Run the task's script; attempts that would begin after the period are not in the logs."""
        name = task.feature.name
        if start_us is None:
            start_us = self._arrivals.start_us(self._rng, name, day)
        script = Script(self._rng, task, start_us, self._plan.plants)
        if name in _DEPLOYS and day >= _DEPLOYS[name][0]:
            task.prompt_version = _DEPLOYS[name][1]
        SCRIPTS[name](script, day)
        task.attempts = [a for a in task.attempts if a.start_us < self._period.end_us]
        self._attempts += len(task.attempts)
        return task

    def _drawn(self, cumulative: list[float]) -> int:
        """An index by its cumulated weight."""
        return min(bisect(cumulative, self._rng.random() * cumulative[-1]), len(cumulative) - 1)
