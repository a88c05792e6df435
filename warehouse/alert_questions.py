"""What alerts are judged by: the targets of a week, and what a month has cost so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from warehouse.questions import Questions, usd
from warehouse.rows import Period


@dataclass(frozen=True)
class TargetedMetric:
    """A row of the weekly view that has a target."""

    metric_id: str
    label: str
    unit: str
    value: Decimal | None
    bound: str | None
    lower_bound: Decimal | None
    upper_bound: Decimal | None
    target: Decimal
    is_minimum: bool
    missing: str | None


@dataclass(frozen=True)
class InferenceCost:
    """Of model calls in all environments; a lower bound where `incomplete_requests` have no full price."""

    cost_usd: Decimal
    incomplete_requests: int


class AlertQuestions(Questions):
    """Weeks by their first day."""

    def targeted_metrics(self, week: date) -> list[TargetedMetric]:
        """Rows of the weekly view that have a target, in its order."""
        rows = self._rows(
            """select metric_id, label, unit, this_week, bound, lower_bound, upper_bound, target, is_minimum, missing
            from mart_weekly_unit_economics where week_start = $week and target is not null order by sort_order""",
            {"week": week},
        )
        return [TargetedMetric(*row) for row in rows]

    def inference_cost(self, period: Period) -> InferenceCost:
        """What model calls of the period cost."""
        rows = self._rows(
            """select coalesce(sum(inference_cost_pico), 0), coalesce(sum(unpriced_requests + partial_requests), 0)::bigint
            from fct_tenant_day where usage_date >= $start and usage_date < $end""",
            {"start": period.start, "end": period.end},
        )
        cost_pico, incomplete = rows[0]
        return InferenceCost(usd(cost_pico), incomplete)
