"""The long-context cliff: prompts a little over a price step, where every token of the request is dearer."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, Company, weekly
from warehouse.finding_rows import StepWork
from warehouse.questions import usd

KIND = "long_context_cliff"


def long_context_cliffs(rows: Sequence[StepWork], company: Company) -> list[Finding]:
    """What cutting prompts at most a tenth over a step down to it would have saved, by feature."""
    found = [
        Finding(
            KIND, None, row.feature, None, None, row.first_day, row.last_day + DAY, False, usd(row.saving_pico), False,
            row.requests,
            f"{row.requests:,} calls were at most a tenth over a price step; cut down to it they cost that much less.",
            Remedy(
                "Trim the context just below the step: fewer passages, or a summary of the oldest.",
                weekly(usd(row.saving_pico), row.first_day, row.last_day + DAY),
                "the same calls with the surplus taken from plain input, at the prices below the step",
            ),
            is_standing=True,
        )
        for row in rows
        if row.requests >= company.limits.least_cases
    ]  # fmt: skip
    return company.reported(found)
