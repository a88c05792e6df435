"""The requests behind a finding: for each kind the condition that picks them out of the published ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pipelines.economics.finding import Finding
from pipelines.findings.detectors import (
    anomalies,
    bills,
    caches,
    keys,
    large_models,
    margins,
    prices,
    prompts,
    retries,
    shares,
    steps,
    unpriced,
    volumes,
)
from warehouse.connection import literal
from warehouse.questions import usd
from warehouse.reader import Reader

_PLACE = """usage_date >= $since and usage_date < $until
    and ($tenant is null or tenant_id = $tenant) and ($feature is null or coalesce(feature, 'unattributed') = $feature)
    and ($model is null or $model in (price_model, model))
    and ($provider is null or $provider in (provider_name, price_provider))"""
_NO_HIT = "not coalesce(is_gateway_cache_hit, false)"

CONDITIONS: Mapping[str, str] = {
    retries.KIND: """status = 'error' and record_key in (
        select record_key from fct_llm_request_priced where usage_date >= $since and usage_date < $until + 1
        qualify row_number() over (partition by logical_call_id order by started_at desc, record_key desc) > 1)""",
    keys.KIND: f"""not is_production and api_key_hash in (
        select api_key_hash from fct_llm_request_priced group by api_key_hash
        having 100 * count(*) filter (where is_production) >= {keys.LEAST_PRODUCTION_PERCENT} * count(*))""",
    large_models.KIND: f"is_production and {_NO_HIT} and status = 'ok' and model_tier = 'large'",
    prompts.KIND: f"{_NO_HIT} and input_tokens > 0 and prompt_version is not null",
    steps.KIND: "is_production and context_step_tokens > 0 and input_tokens * 10 <= context_step_tokens * 11",
    caches.KIND: f"{_NO_HIT} and is_gateway_cache_hit is not null",
    prices.CHANGE: f"{_NO_HIT} and cost_pico is not null",
    prices.OVER_LIST: "contracted_cost_pico > list_cost_pico",
    volumes.KIND: "is_production",
    bills.KIND: "($feature is null or status = 'cancelled')",
    margins.KIND: "is_production",
    unpriced.KIND: "cost_pico is null",
    shares.CONCENTRATION: _NO_HIT,
    shares.REPEATED: "is_production",
    anomalies.KIND: "true",
}
"""By kind. Of what a bill has and no log, the calls that were logged of the same model are shown."""


@dataclass(frozen=True)
class Request:
    """One logged attempt; `landing_id` and `source_line` say where it was read."""

    record_key: str
    started_at: datetime
    tenant_id: str
    feature: str | None
    model: str | None
    status: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    landing_id: str
    source_line: int


def sql_of(finding: Finding) -> str:
    """A statement for `margincall query` that picks the requests, the dearest first."""
    where = f"{_PLACE} and {CONDITIONS[finding.kind]}"
    values = {name: _literal(value) for name, value in _values(finding).items()}
    # In one pass: a tenant may be called $until.
    where = re.sub(r"\$(\w+)", lambda found: values[found[1]], " ".join(where.split()))
    return f"select * from fct_llm_request_priced where {where} order by cost_pico desc nulls last, record_key"


def requests_of(reader: Reader, finding: Finding, limit: int) -> list[Request]:
    """The dearest requests behind it."""
    rows = reader.finding_requests(f"{_PLACE} and {CONDITIONS[finding.kind]}", _values(finding), limit)
    return [_request(*row) for row in rows]


def _request(*row: Any) -> Request:
    *known, cost_pico, landing_id, source_line = row
    return Request(*known, None if cost_pico is None else usd(cost_pico), landing_id, source_line)


def _values(finding: Finding) -> dict[str, Any]:
    return {
        "since": finding.since,
        "until": finding.until,
        "tenant": finding.tenant_id,
        "feature": finding.feature,
        "model": finding.model,
        "provider": finding.provider,
    }


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    return f"date '{value}'" if isinstance(value, date) else literal(value)
