"""The known truth: what was planted, where, when, and what it cost to the pico-dollar.

Every entry has `kind`, `tenant_id`, `feature`, `from`, `to` (half-open UTC days), `cost_usd` and `count`. Money is a
decimal string at the list prices of `prices.py`; null where the plant has no exact price. `cost_usd` means, by kind:

    retry_storm                 failed tries that a later try of the same call superseded
    ci_on_production_keys       test traffic that ran on a production key
    oversized_model             simple work (task tier 3) done by the largest model
    prompt_growth               the tokens that the longer prompt added, at the price of input
    long_context_cliff          what trimming to the price step would save, requests up to 10% over it
    semantic_cache_regression   calls that the gateway's cache would have answered before the deploy: all their attempts
    price_change                tokens at the price of their day less the same tokens at the price before the change
    tenant_at_10x               tasks beyond the former level: of every ten tasks a day those nine that came on top
    missing_logs                billed and never logged: calls past the gateway (no feature), and what was still written
                                after a client had cut its stream (by feature)
    cut_streams                 streams that the client cut and that are billed all the same, as far as they are logged
    under_water_tenant          model calls in production of a paying tenant whose revenue of the period is lower
    unpriced_model, double_logged_cache_hit, malformed_lines    null: counts only

Half the plants means half of every share and volume, and three tenants under water. Without plants only `cut_streams` and
`malformed_lines` are left: every company has them, and they are nobody's mistake.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

from sample_data.attempts import Attempt
from sample_data.company import Company
from sample_data.period import Period, day_of
from sample_data.planted import PRICE_CHANGE, Role, within
from sample_data.prices import (
    LONG_CONTEXT_TOKENS,
    MISTRAL,
    PICO_PER_USD,
    TokenPrice,
    cost_at,
    cost_of,
    decimal_usd,
    price_of,
)

Place = tuple[str, str | None, str | None]
_COUNT_ONLY = ("unpriced_model", "double_logged_cache_hit", "malformed_lines")
_PICO_PER_CENT = PICO_PER_USD // 100


class Ledger:
    """Adds up the plants from the attempts that were really written."""

    def __init__(self) -> None:
        self._count: dict[Place, int] = defaultdict(int)
        self._cost_pico: dict[Place, int] = defaultdict(int)
        self._days: dict[Place, tuple[date, date]] = {}
        self._production_pico: dict[str, int] = defaultdict(int)
        self._production_count: dict[str, int] = defaultdict(int)

    def observe(self, attempt: Attempt) -> None:
        """Book an attempt under every plant that it belongs to."""
        task, charged_pico = attempt.task, attempt.charged_pico
        day, feature = day_of(attempt.start_us), task.feature.name
        tenant_id = task.tenant.tenant_id if task.has_tenant else None
        if charged_pico is None:
            self.add("unpriced_model", None, feature, day)
            return
        if tenant_id and task.environment == "production":
            self._production_pico[tenant_id] += charged_pico
            self._production_count[tenant_id] += 1
        if task.environment == "ci" and task.on_production_key:
            self.add("ci_on_production_keys", tenant_id, feature, day, charged_pico)
        if charged_pico:
            self._observe_charge(attempt, day, tenant_id, charged_pico)

    def _observe_charge(self, attempt: Attempt, day: date, tenant_id: str | None, charged_pico: int) -> None:
        task, feature = attempt.task, attempt.task.feature.name
        if task.in_storm and attempt.status == "error":
            self.add("retry_storm", tenant_id, feature, day, charged_pico)
        if task.is_surge:
            self.add("tenant_at_10x", tenant_id, None, day, charged_pico)
        if task.tenant.role is Role.OVERSIZED_MODEL and feature == "extraction" and attempt.model == "gpt-5":
            self.add("oversized_model", task.tenant.tenant_id, feature, day, charged_pico)
        if attempt.status == "cancelled":
            self.add("cut_streams", None, None, day, charged_pico)
        if attempt.is_lost_hit:
            self.add("semantic_cache_regression", None, feature, day, charged_pico)
        if attempt.model == MISTRAL and within(day, PRICE_CHANGE):
            before = cost_of(MISTRAL, attempt.context, attempt.usage, PRICE_CHANGE[0] - timedelta(days=1))
            self.add("price_change", None, feature, day, charged_pico - (before.total if before else 0))
        if price := price_of(attempt.model, attempt.context, attempt.usage.input, day):
            self._observe_tokens(attempt, day, feature, price)

    def _observe_tokens(self, attempt: Attempt, day: date, feature: str, price: TokenPrice) -> None:
        if attempt.grown_tokens:
            self.add("prompt_growth", None, feature, day, attempt.grown_tokens * price.input)
        if attempt.unseen_output:
            self.add("missing_logs", None, feature, day, attempt.unseen_output * price.output)
        if saved_pico := _saved_by_trimming(attempt, day, price):
            self.add("long_context_cliff", None, feature, day, saved_pico)

    def add(self, kind: str, tenant_id: str | None, feature: str | None, day: date, cost_pico: int = 0) -> None:
        """Book one event of a plant on a day."""
        place = (kind, tenant_id, feature)
        first, last = self._days.get(place, (day, day))
        self._days[place] = (min(first, day), max(last, day))
        self._count[place] += 1
        self._cost_pico[place] += cost_pico

    def entries(self, company: Company, period: Period, revenue_cents: dict[str, int]) -> list[dict[str, object]]:
        """All plants, sorted by kind, tenant and feature; `revenue_cents` is what each tenant's days earned."""
        entries = [
            _entry(place, first, last + timedelta(days=1), self._count[place], self._cost_pico[place])
            for place, (first, last) in self._days.items()
        ]
        for tenant in (t for t in company.tenants if revenue_cents.get(t.tenant_id, 0) > 0):
            cost_pico = self._production_pico[tenant.tenant_id]
            if cost_pico > revenue_cents[tenant.tenant_id] * _PICO_PER_CENT:
                place = ("under_water_tenant", tenant.tenant_id, None)
                entries.append(
                    _entry(place, period.start, period.end, self._production_count[tenant.tenant_id], cost_pico)
                )
        return sorted(entries, key=lambda e: (str(e["kind"]), str(e["tenant_id"] or ""), str(e["feature"] or "")))


def write_truth(path: Path, entries: list[dict[str, object]]) -> None:
    path.write_text(json.dumps(entries, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")


def _entry(place: Place, first: date, end: date, count: int, cost_pico: int) -> dict[str, object]:
    kind, tenant_id, feature = place
    return {
        "kind": kind,
        "tenant_id": tenant_id,
        "feature": feature,
        "from": first.isoformat(),
        "to": end.isoformat(),
        "cost_usd": None if kind in _COUNT_ONLY else decimal_usd(cost_pico),
        "count": count,
    }


def _saved_by_trimming(attempt: Attempt, day: date, price: TokenPrice) -> int:
    """Pico-USD saved had the uncached input been cut to the price step; 0 where there is no step or it is far."""
    usage = attempt.usage
    if not LONG_CONTEXT_TOKENS < usage.input <= LONG_CONTEXT_TOKENS * 11 // 10:
        return 0
    lower = price_of(attempt.model, attempt.context, LONG_CONTEXT_TOKENS, day)
    if lower is None or lower == price:
        return 0
    return cost_at(price, usage).total - cost_at(lower, usage._replace(input=LONG_CONTEXT_TOKENS)).total
