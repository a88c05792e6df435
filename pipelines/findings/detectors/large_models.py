"""Simple work (task tier 3) that a large model does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, Company, weekly
from warehouse.finding_rows import SimpleWorkDay
from warehouse.questions import usd

KIND = "oversized_model"


def simple_work_on_large_models(rows: Sequence[SimpleWorkDay], company: Company) -> list[Finding]:
    """What a tenant's simple feature spends on a large model, where that does more than a stray call of it."""
    places: dict[tuple[str, str, str, str], list[SimpleWorkDay]] = defaultdict(list)
    for row in rows:
        places[row.tenant_id, row.feature, row.provider_name, row.model].append(row)
    found: list[Finding] = []
    for (tenant, feature, provider, model), days in sorted(places.items()):
        requests, all_requests = sum(row.requests for row in days), days[0].feature_requests
        if requests < company.limits.least_cases or requests < company.limits.simple_work_share * all_requests:
            continue
        since, until = min(row.day for row in days), max(row.day for row in days) + DAY
        cost = usd(sum(row.cost_pico for row in days))
        others = days[0]
        saving = None
        source = "no smaller model does this feature's work"
        if others.smaller_requests:
            less = usd(requests * others.smaller_cost_pico // others.smaller_requests)
            saving = weekly(max(cost - less, less * 0), since, until)
            source = f"the same number of calls at what {others.smaller_requests:,} calls of this feature cost on smaller models"
        found.append(
            Finding(
                KIND, tenant, feature, model, provider, since, until, False, cost, False, requests,
                f"{requests:,} of {all_requests:,} calls of a feature of task tier 3 went to {model}.",
                Remedy("Route this feature to a small model, and watch its success rate.", saving, source),
                is_standing=True,
            )
        )  # fmt: skip
    return company.reported(found)
