"""CI and test traffic on keys of production: spend that no budget of the tests sees, and limits that production shares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, Company, runs, weekly
from warehouse.finding_rows import KeyDay
from warehouse.questions import usd

KIND = "ci_on_production_keys"
LEAST_PRODUCTION_PERCENT = 50
"""A key that is mostly used by production is a key of production."""
_GAP_DAYS = 7


def tests_on_production_keys(rows: Sequence[KeyDay], company: Company) -> list[Finding]:
    """Cost of calls outside production on keys of production, by tenant and feature; a week without any ends it."""
    places: dict[tuple[str, str], list[KeyDay]] = defaultdict(list)
    for row in rows:
        if row.key_production_percent >= LEAST_PRODUCTION_PERCENT:
            places[row.tenant_id, row.feature].append(row)
    found: list[Finding] = []
    for (tenant, feature), days in sorted(places.items()):
        for first, last in runs({row.day for row in days}, _GAP_DAYS):
            own = [row for row in days if first <= row.day <= last]
            requests = sum(row.requests for row in own)
            if requests < company.limits.least_cases:
                continue
            cost = usd(sum(row.cost_pico for row in own))
            environments = ", ".join(sorted({row.environment for row in own}))
            keys = ", ".join(sorted({f"{row.api_key_hash[:12]}…" for row in own}))
            is_ongoing = company.is_ongoing(last)
            found.append(
                Finding(
                    KIND, tenant, feature, None, None, first, last + DAY, False, cost, False, requests,
                    f"{requests:,} calls of {environments} ran on {keys}, which production uses too.",
                    Remedy(
                        "Give tests a key of their own with its own limit; run them on a small or a local model.",
                        weekly(cost, first, last + DAY) if is_ongoing else weekly(cost * 0, first, last + DAY),
                        "all of it, as far as tests can do without a paid model",
                    ),
                )
            )  # fmt: skip
    return company.reported(found)
