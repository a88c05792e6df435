"""Unpriced spend: calls that no price is known for, so that every total is a lower bound."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, Company
from warehouse.finding_rows import UnpricedUse

KIND = "unpriced_model"


def unpriced_models(rows: Sequence[UnpricedUse], company: Company) -> list[Finding]:
    """Calls without a price by feature, model and reason. They have no dollars: that is the finding."""
    found = [
        Finding(
            KIND, None, row.feature, row.model, row.provider_name, row.first_day, row.last_day + DAY, False, None, False,
            row.requests,
            f"{row.requests:,} calls have no price ({row.reason}): {row.input_tokens:,} tokens in, {row.output_tokens:,} out.",
            Remedy(
                "Give the model a price in the company's price file, or name the model that it is priced as.",
                None, "unknown until there is a price",
            ),
            is_standing=True,
        )
        for row in rows
        if row.requests >= company.limits.least_cases
    ]  # fmt: skip
    return company.reported(found)
