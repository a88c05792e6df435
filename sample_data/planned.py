"""Which tasks have a place in the day before chance has its say: the plants, the evaluation suite, the week's border."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from sample_data import planted
from sample_data.company import Company, Tenant
from sample_data.period import HOUR_US, MINUTE_US, SECOND_US, Period, midnight_us
from sample_data.planted import Plants, Role

_SHARE_CI = 0.042
_ATTEMPTS_PER_CI_TASK = 2.05
_HEAVY_TASKS_A_DAY = {
    Role.HEAVY_DOCUMENTS: ("long_doc", 10.8),
    Role.HEAVY_REVIEWS: ("code_review", 4.4),
    Role.HEAVY_TEAM: ("code_review", 9.0),
}
"""The same in a small sample as in a large one, because what these tenants pay is the same."""
_STORM_TASKS_A_DAY = 40
_TENFOLD_TASKS_A_DAY = 12
"""At the default size; a smaller sample has its share of it."""
_TENFOLD_MIX = {
    "support_reply": 28,
    "search_answer": 18,
    "doc_summary": 26,
    "extraction": 20,
    "long_doc": 4,
    "code_review": 4,
}
_WEEKEND_SHARE = 0.3


class Planned(NamedTuple):
    """One task to play. Without `start_us` it begins when tasks of its feature begin."""

    feature: str
    tenant: Tenant
    environment: str = "production"
    start_us: int | None = None
    in_storm: bool = False
    is_surge: bool = False
    commit: str | None = None
    on_production_key: bool = True


class DayPlan:
    """What is planned for each day; `scale` is the size of the sample against the default."""

    def __init__(self, company: Company, period: Period, plants: Plants, scale: float) -> None:
        self._company, self._period, self.plants, self._scale = company, period, plants, scale

    def of_day(self, rng: Random, day: date, target: int) -> Iterator[Planned]:
        """Tasks of a day on which `target` attempts are wanted in all."""
        yield from self._heavy(rng, day)
        yield from self._storm(day)
        yield from self._tenfold(rng, day)
        yield from self._ci(rng, day, target)
        yield from self._over_the_week_border(rng, day)

    def _heavy(self, rng: Random, day: date) -> Iterator[Planned]:
        """The tenants under water."""
        for tenant in self._company.tenants:
            if tenant.role in _HEAVY_TASKS_A_DAY:
                feature, tasks_a_day = _HEAVY_TASKS_A_DAY[tenant.role]
                for _ in range(round(tasks_a_day * _office_share(day) * rng.uniform(0.8, 1.2))):
                    yield Planned(feature, tenant)

    def _storm(self, day: date) -> Iterator[Planned]:
        if planted.within(day, planted.RETRY_STORM):
            tenant = self._company.in_role(Role.RETRY_STORM)
            for _ in range(round(max(3, _STORM_TASKS_A_DAY * self._scale) * self.plants.size)):
                yield Planned("code_review", tenant, in_storm=True)

    def _tenfold(self, rng: Random, day: date) -> Iterator[Planned]:
        """A steady tenant, and from a day on nine more tasks for each of its own, from its new integration."""
        tenant = self._company.in_role(Role.TENFOLD)
        tasks = max(1, round(_TENFOLD_TASKS_A_DAY * self._scale * _office_share(day) * rng.uniform(0.8, 1.2)))
        more = round(9 * tasks * self.plants.size) if day >= planted.TENFOLD_FROM else 0
        for number in range(tasks + more):
            feature = rng.choices(list(_TENFOLD_MIX), list(_TENFOLD_MIX.values()))[0]
            yield Planned(feature, tenant, is_surge=number >= tasks)

    def _ci(self, rng: Random, day: date, target: int) -> Iterator[Planned]:
        """The evaluation suite: once a night and on a few commits a day."""
        cases = max(1, round(target * _SHARE_CI / _ATTEMPTS_PER_CI_TASK))
        is_on_production_key = planted.within(day, planted.CI_ON_PRODUCTION_KEYS)
        runs = [(midnight_us(day) + 2 * HOUR_US + 7 * MINUTE_US, "nightly")]
        for _ in range(0 if day.weekday() >= 5 else 3):
            runs.append((midnight_us(day) + rng.randint(7 * HOUR_US, 18 * HOUR_US), f"{rng.getrandbits(28):07x}"))
        for case in range(cases):
            start_us, commit = runs[case % len(runs)]
            yield Planned(
                "eval_suite", self._company.internal, "ci", start_us + rng.randint(0, 15 * MINUTE_US), commit=commit,
                on_production_key=is_on_production_key and case < cases * self.plants.size,
            )  # fmt: skip

    def _over_the_week_border(self, rng: Random, day: date) -> Iterator[Planned]:
        """On Sundays one review begins within two seconds of midnight and runs on into the next week."""
        if day.weekday() == 6 and day + timedelta(days=1) < self._period.end:
            start_us = midnight_us(day + timedelta(days=1)) - rng.randint(SECOND_US, 2 * SECOND_US)
            yield Planned("code_review", self._company.in_role(Role.PREPAID), start_us=start_us)


def _office_share(day: date) -> float:
    return _WEEKEND_SHARE if day.weekday() >= 5 else 1.0
