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

_DAYS = "usage_date >= $since and usage_date < $until"
_PLACE = {
    "tenant": "tenant_id = $tenant",
    "feature": "coalesce(feature, 'unattributed') = $feature",
    "model": "$model in (price_model, model)",
    "provider": "$provider in (provider_name, price_provider)",
}
_CUT = "status = 'cancelled'"
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
    bills.KIND: _NO_HIT,
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
    cost_pico: int | None
    landing_id: str
    source_line: int

    @property
    def cost_usd(self) -> Decimal | None:
        return None if self.cost_pico is None else usd(self.cost_pico)


def sql_of(finding: Finding) -> str:
    """A statement for `margincall query` that picks the requests, the dearest first."""
    values = {name: _literal(value) for name, value in _values(finding).items()}
    # In one pass: a tenant may be called $until.
    where = re.sub(r"\$(\w+)", lambda found: values[found[1]], " ".join(_where(finding).split()))
    return f"select * from fct_llm_request_priced where {where} order by cost_pico desc nulls last, record_key"


def requests_of(reader: Reader, finding: Finding, limit: int) -> list[Request]:
    """The dearest requests behind it."""
    rows = reader.finding_requests(_where(finding), _values(finding), limit)
    return [Request(*row) for row in rows]


def _where(finding: Finding) -> str:
    """Of a bill's missing output by feature, the streams that were cut there."""
    is_cut = finding.kind == bills.KIND and finding.model is None
    place = [condition for name, condition in _PLACE.items() if name in _values(finding)]
    return " and ".join([_DAYS, *place, _CUT if is_cut else CONDITIONS[finding.kind]])


def _values(finding: Finding) -> dict[str, Any]:
    """What the condition names: days, and those parts of the place that the finding has."""
    place = {
        "tenant": finding.tenant_id,
        "feature": finding.feature,
        "model": finding.model,
        "provider": finding.provider,
    }
    days = {"since": finding.since, "until": finding.until}
    return days | {name: value for name, value in place.items() if value is not None}


def _literal(value: date | str) -> str:
    return f"date '{value}'" if isinstance(value, date) else literal(value)
