"""Price reviews: a price that a used model is charged at went up, or a contract is dearer than the list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, Company, weekly
from warehouse.finding_rows import OverList, PriceChange
from warehouse.questions import usd

CHANGE = "price_change"
OVER_LIST = "contract_above_list"
_LEAST_RISE = 0.01


def price_changes(rows: Sequence[PriceChange], company: Company) -> list[Finding]:
    """Tokens at the price of their day less the same tokens at the price before, until the price changes again."""
    places: dict[tuple[str, str, str, date], list[PriceChange]] = defaultdict(list)
    for row in rows:
        places[row.feature, row.provider_name, row.model, row.since].append(row)
    found: list[Finding] = []
    for (feature, provider, model, since), contexts in sorted(places.items()):
        more, cost = sum(row.more_pico for row in contexts), sum(row.cost_pico for row in contexts)
        requests = sum(row.requests for row in contexts)
        if more < _LEAST_RISE * cost or requests < company.limits.least_cases:
            continue
        until = max(row.last_day for row in contexts) + DAY
        rise = more / (cost - more) if cost > more else float("inf")
        is_over = max(row.until for row in contexts) <= company.last
        amount = usd(more)
        found.append(
            Finding(
                CHANGE, None, feature, model, provider, since, until, False, amount, False, requests,
                f"The price of {model} changed on {since}: the same tokens cost {rise:+.0%} on {requests:,} calls.",
                Remedy(
                    "Compare what else could do this work at the new price, or ask for a contract.",
                    amount * 0 if is_over else weekly(amount, since, until), "the same tokens at the price before",
                ),
            )
        )  # fmt: skip
    return company.reported(found)


def contracts_above_list(rows: Sequence[OverList], company: Company) -> list[Finding]:
    """What the company's own price adds to the list price, over the last weeks."""
    found: list[Finding] = []
    for row in rows:
        more, until = usd(row.contracted_pico - row.list_pico), row.last_day + DAY
        found.append(
            Finding(
                OVER_LIST, None, None, row.model, row.provider_name, row.first_day, until, False, more, False, row.requests,
                f"{row.requests:,} calls: {usd(row.contracted_pico):,.2f} USD by contract, at list {usd(row.list_pico):,.2f}.",
                Remedy(
                    "Ask for the list price, or mend the company's price file.",
                    weekly(more, row.first_day, until), "the same calls at list price",
                ),
                is_standing=True,
            )
        )  # fmt: skip
    return company.reported(found)
