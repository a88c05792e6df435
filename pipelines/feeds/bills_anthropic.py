"""Anthropic cost report, `GET /v1/organizations/cost_report`, best exported with group_by[]=description.

Shape as in the Admin API reference, "Get Cost Report" (platform.claude.com/docs/en/api/admin/cost_report/retrieve):
page {data: [bucket {starting_at, ending_at: RFC 3339, results: [{amount, currency, cost_type, description, model,
token_type, service_tier, context_window, inference_geo, workspace_id}]}], has_more, next_page}.
`amount` is a decimal string in the lowest unit of the currency, "123.45" in USD is $1.2345; it is always USD so far.
Costs of the priority tier are not in this report.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pipelines.feeds.bills import BillLine, Page, Report

UNGROUPED = "all costs"
CENTS_TO_USD = -2  # as a power of ten
TOKEN_TYPES = {
    "uncached_input_tokens": "input",
    "output_tokens": "output",
    "cache_read_input_tokens": "cache_read",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write_5m",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write_1h",
}
# Descriptions need not name these, but lines of one description differ by them.
QUALIFIERS = ("context_window", "inference_geo", "speed")


def matches(page: Page) -> bool:
    """Whether this is a page of buckets of costs that start at an RFC 3339 instant."""
    buckets = page.get("data")
    if not isinstance(buckets, list) or not ({"has_more", "next_page"} & set(page) or buckets):
        return False
    return all(isinstance(bucket, dict) and "starting_at" in bucket and "results" in bucket for bucket in buckets)


def lines(page: Page, report: Report) -> Iterator[BillLine]:
    """One line per result; a result without an amount (the usage report has the same page) is a problem."""
    for bucket in page["data"]:
        start, end = _day(bucket.get("starting_at"), report), _day(bucket.get("ending_at"), report)
        for result in bucket["results"]:
            currency, amount = result.get("currency"), result.get("amount")
            if amount is None:
                report.refuse("amount", result, "is not a cost", "Results of the cost report, with an amount.")
            elif currency != "USD":
                report.refuse(
                    "currency", currency, "is not USD", "Whether an amount of it is in hundredths is not documented."
                )
            else:
                yield {
                    "provider": "anthropic",
                    "period_start": start,
                    "period_end": end,
                    "line_item": _line_item(result),
                    "model": result.get("model"),
                    "token_type": TOKEN_TYPES.get(result.get("token_type"), result.get("token_type")),
                    "service_tier": result.get("service_tier"),
                    "account_id": result.get("workspace_id"),
                    "amount": report.amount("amount", amount, CENTS_TO_USD),
                    "currency": currency,
                }


def _line_item(result: Page) -> str:
    """The description (else the kind of cost) with the qualifiers that are given."""
    item = result.get("description") or result.get("cost_type") or UNGROUPED
    given = [f"{name} {result[name]}" for name in QUALIFIERS if result.get(name)]
    return f"{item} [{', '.join(given)}]" if given else item


def _day(instant: object, report: Report) -> str | None:
    """The UTC day that begins at this instant."""
    try:
        moment = datetime.fromisoformat(str(instant)).astimezone(UTC)
    except ValueError:
        moment = None
    if moment is None or (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        report.refuse("period_start", instant, "is not the start of a UTC day", "Export with bucket_width=1d.")
        return None
    return moment.date().isoformat()
