"""What a user costs on each plan, how few make how much of the cost, and what a customer is worth against what it cost to win."""

from __future__ import annotations

from datetime import date

from warehouse.questions import Questions
from warehouse.user_rows import PlanUsers, SegmentValue, TopShare


class UserQuestions(Questions):
    """Weeks and months by their first day."""

    def plan_users(self, week: date) -> list[PlanUsers]:
        """Cost per active user by plan, dearest plan first."""
        rows = self._rows(
            """select plan, active_users, incomplete_requests, cost_usd, cost_per_active_user_usd, median_user_cost_usd,
                p80_user_cost_usd, p90_user_cost_usd, revenue_usd, revenue_per_active_user_usd
            from mart_user_cost_week where week_start = $week order by cost_usd desc, plan""",
            {"week": week},
        )
        return [PlanUsers(*row) for row in rows]

    def top_shares(self, week: date) -> list[TopShare]:
        """Concentration of the week's cost, by entity and per cent."""
        rows = self._rows(
            """select entity, top_percent, spenders, top_spenders, cost_usd, share_of_cost
            from mart_concentration_week where week_start = $week order by entity, top_percent""",
            {"week": week},
        )
        return [TopShare(*row) for row in rows]

    def segment_values(self, month: date) -> list[SegmentValue]:
        """LTV and CAC of the month by segment, most paying tenants first."""
        rows = self._rows(
            """select segment, paying_tenants, arpa_usd, gross_margin, monthly_churn, ltv_usd, cac_usd, ltv_cac, payback_months,
                is_alert, missing
            from mart_ltv_cac_month where month = $month order by paying_tenants desc, segment""",
            {"month": month},
        )
        return [SegmentValue(*row) for row in rows]
