"""What every detector measures against: the days that the data has, what the company spends, and what is too small to tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from pipelines.economics.finding import Finding
from warehouse.finding_rows import SpendDay
from warehouse.questions import usd

DAY = timedelta(days=1)
WEEK = 7
_ONGOING_DAYS = 7
"""Seen in the last so many days of the data, it goes on: weekends and quiet days end nothing."""


@dataclass(frozen=True)
class Limits:
    """From where on something is told. Shares are fractions of one."""

    least_share_of_spend: Decimal = Decimal("0.0001")
    """Of what the company's model calls cost in the days of the finding."""
    least_usd: Decimal = Decimal(0)
    least_cases: int = 10
    storm_retries_per_call: float = 0.5
    surge_factor: float = 3.0
    prompt_growth: float = 0.05
    cache_drop: float = 0.05
    simple_work_share: float = 0.02
    anomaly_factor: float = 2.0
    anomaly_share_of_spend: float = 0.10
    provider_share: float = 0.80
    repeated_context_share: float = 0.67


@dataclass(frozen=True)
class Company:
    """First and last day with requests, and what every day cost."""

    first: date
    last: date
    spend_pico: Mapping[date, int]
    limits: Limits = Limits()

    @classmethod
    def of(cls, days: Iterable[SpendDay], limits: Limits) -> Company | None:
        """None where there is nothing yet."""
        spend = {row.day: row.cost_pico for row in days}
        return cls(min(spend), max(spend), spend, limits) if spend else None

    @property
    def end(self) -> date:
        """The day after the last."""
        return self.last + DAY

    def spend_between(self, since: date, until: date) -> int:
        """Pico-dollars of the days [since, until)."""
        return sum(cost for day, cost in self.spend_pico.items() if since <= day < until)

    def is_ongoing(self, last_seen: date) -> bool:
        return last_seen > self.last - timedelta(days=_ONGOING_DAYS)

    def is_material(self, cost_pico: int, since: date, until: date) -> bool:
        """Whether it is worth telling: at least the floor in dollars, and the floor as a share of the spend of its days."""
        least = self.limits.least_share_of_spend * self.spend_between(since, until)
        return cost_pico > 0 and cost_pico >= least and usd(cost_pico) >= self.limits.least_usd

    def reported(self, findings: Iterable[Finding]) -> list[Finding]:
        """Those above the floors; one without dollars has no floor. `is_ongoing` is set from the last day."""
        return [
            replace(finding, is_ongoing=self.is_ongoing(finding.until - DAY))
            for finding in findings
            if finding.cost_usd is None
            or self.is_material(int(finding.cost_usd.scaleb(12)), finding.since, finding.until)
        ]


def weekly(cost: Decimal, since: date, until: date) -> Decimal:
    """What a week of it costs, by all of its days; USD to the cent, or to four digits where that is nothing."""
    exact = cost * WEEK / max((until - since).days, WEEK)
    return round(exact, 2) if exact >= 1 else round(exact, 4)


def runs(days: Iterable[date], gap_days: int) -> list[tuple[date, date]]:
    """Stretches [first, last] of these days in which none is more than `gap_days` after the one before."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and (day - found[-1][1]).days <= gap_days:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
