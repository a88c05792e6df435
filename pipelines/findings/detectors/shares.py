"""Shares that are too large: one provider's of the spend, repeated context's of what agents cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, Company, weekly
from warehouse.finding_rows import ProviderSpend, RepeatedContext
from warehouse.questions import usd

CONCENTRATION = "provider_concentration"
REPEATED = "agent_context_duplication"
WINDOW_DAYS = 28
"""Both are told of the last four weeks."""


def provider_concentration(rows: Sequence[ProviderSpend], company: Company) -> list[Finding]:
    """The provider that holds more of the last weeks' spend than the setting allows; its dollars are all of that."""
    total = sum(row.cost_pico for row in rows)
    since = max(company.first, company.end - timedelta(days=WINDOW_DAYS))
    found = [
        Finding(
            CONCENTRATION, None, None, None, row.provider_name, since, company.end, False, usd(row.cost_pico), False,
            row.requests,
            f"{row.cost_pico / total:.0%} of the spend of the last {(company.end - since).days} days goes to one provider.",
            Remedy(
                "Keep a second provider ready behind the gateway, tested, before price or availability forces it.",
                None, "a risk, not a saving",
            ),
            is_standing=True,
        )
        for row in rows
        if total and row.cost_pico / total >= company.limits.provider_share
    ]  # fmt: skip
    return company.reported(found)


def repeated_contexts(rows: Sequence[RepeatedContext], company: Company) -> list[Finding]:
    """Features most of whose cost is context that a call repeats from the call before."""
    found: list[Finding] = []
    for row in rows:
        if row.cost_pico <= 0 or row.repeated_pico / row.cost_pico < company.limits.repeated_context_share:
            continue
        if row.tasks < company.limits.least_cases:
            continue
        until, cost = row.last_day + DAY, usd(row.repeated_pico)
        how = "estimated: the log has no prefix hashes" if row.is_estimated else "measured by prefix hashes"
        found.append(
            Finding(
                REPEATED, None, row.feature, None, None, row.first_day, until, False, cost, False, row.tasks,
                f"{row.repeated_pico / row.cost_pico:.0%} of the cost of {row.tasks:,} tasks is context sent again ({how}).",
                Remedy(
                    "Pass on summaries instead of whole transcripts, and keep the shared part in the provider's cache.",
                    weekly(cost, row.first_day, until), "all of the repeated context; what is cached already costs a tenth",
                ),
                is_standing=True,
            )
        )  # fmt: skip
    return company.reported(found)
