"""OpenAI organization costs, `GET /v1/organization/costs`, best exported with group_by=line_item.

Shape as in the API reference, pages "Costs" and "Costs object" (platform.openai.com/docs/api-reference/usage/costs):
page {object: "page", data: [bucket {start_time, end_time: Unix seconds, results: [{object: "organization.costs.result",
amount {value, currency in lower case}, line_item, quantity, quantity_unit, project_id}]}], has_more, next_page}.
`amount.value` is documented as a number and also arrives as a string; either is taken digit by digit.
Line items that name a model look like "gpt-4o-2024-08-06, cached input", "gpt-image-1 text, input" or
"priority | gpt-5, output, long context"; any other is kept whole, without a model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from pipelines.feeds.bills import BillLine, Page, Report

RESULT = "organization.costs.result"
UNGROUPED = "all line items"
DAY_S = 86_400
LINE_ITEM = re.compile(
    r"(?:(?P<tier>\w+) \| )?(?P<model>[\w.:/-]+)(?: (?P<modality>text|audio|image))?"
    r", (?P<direction>cached input|input|output)(?:, .*)?"
)
TOKEN_TYPES = {
    ("text", "input"): "input",
    ("text", "output"): "output",
    ("audio", "input"): "input_audio",
    ("audio", "output"): "output_audio",
    ("image", "input"): "input_image",
    ("image", "output"): "output_image",
}


def matches(page: Page) -> bool:
    """Whether this is a page of buckets whose times are Unix seconds."""
    buckets = page.get("data")
    if page.get("object") != "page" or not isinstance(buckets, list):
        return False
    return all(isinstance(bucket, dict) and "start_time" in bucket and "results" in bucket for bucket in buckets)


def lines(page: Page, report: Report) -> Iterator[BillLine]:
    """One line per result; a result that is no cost (the usage endpoints have the same page) is a problem."""
    for bucket in page["data"]:
        start, end = _day(bucket.get("start_time"), report), _day(bucket.get("end_time"), report)
        for result in bucket["results"]:
            amount = result.get("amount")
            if result.get("object") != RESULT or not isinstance(amount, dict):
                report.refuse(
                    "amount", result.get("object"), "is not a cost", f"Results of object {RESULT}, with an amount."
                )
                continue
            item = result.get("line_item") or UNGROUPED
            quantity = result.get("quantity")
            yield {
                "provider": "openai",
                "period_start": start,
                "period_end": end,
                "line_item": item,
                **_parts(item),
                "account_id": result.get("project_id"),
                "quantity": None if quantity is None else report.amount("quantity", quantity),
                "unit": result.get("quantity_unit"),
                "amount": report.amount("amount", amount.get("value")),
                "currency": amount.get("currency"),
            }


def _day(seconds: object, report: Report) -> str | None:
    """The UTC day that begins at this instant."""
    text = str(seconds)
    if not text.isdecimal() or len(text) > 11 or int(text) % DAY_S:
        report.refuse("period_start", seconds, "is not the start of a UTC day", "Export with bucket_width=1d.")
        return None
    return datetime.fromtimestamp(int(text), UTC).date().isoformat()


def _parts(item: str) -> BillLine:
    """Model, token type and tier named by a line item; nothing where its form is another."""
    found = LINE_ITEM.fullmatch(item)
    if found is None:
        return {"model": None, "token_type": None, "service_tier": None}
    direction = found["direction"]
    token_type = "cache_read" if direction == "cached input" else TOKEN_TYPES[found["modality"] or "text", direction]
    return {"model": found["model"], "token_type": token_type, "service_tier": found["tier"]}
