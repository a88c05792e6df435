"""Tenants under water: they pay less than what they cost."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, WEEK, Company, weekly
from warehouse.finding_rows import TenantResult
from warehouse.questions import usd

KIND = "under_water_tenant"
_LEAST_DAYS = 14


def tenants_under_water(rows: Sequence[TenantResult], company: Company) -> list[Finding]:
    """Paying tenants whose model calls in production alone cost more than their revenue of the same days.

    `cost_usd` is what those calls cost; the loss stands in the summary and, by the week, in the remedy.
    """
    found: list[Finding] = []
    for row in rows:
        until = row.last_day + DAY
        if (
            row.revenue_pico <= 0
            or row.inference_pico <= row.revenue_pico
            or (until - row.first_day).days < _LEAST_DAYS
        ):
            continue
        cost, revenue = usd(row.inference_pico), usd(row.revenue_pico)
        found.append(
            Finding(
                KIND, row.tenant_id, None, None, None, row.first_day, until, False, cost, row.incomplete > 0, row.requests,
                f"Model calls of {cost:,.2f} USD against {revenue:,.2f} USD of revenue: {cost - revenue:,.2f} USD lost "
                "before any other cost.",
                Remedy(
                    "Talk price or plan with the tenant, or hold it with a budget; a cheaper route where its tasks allow one.",
                    weekly(cost - revenue, row.first_day, until), "cost above revenue, by the week",
                ),
                is_standing=True,
            )
        )  # fmt: skip
    return company.reported(found)


WINDOW_DAYS = 26 * WEEK
"""Half a year: long enough that a paid year or a pack of credits is no loss, short enough to be of now."""
