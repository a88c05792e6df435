"""What findings are made of: days added up by place. Dates are those of the reporting zone, amounts whole pico-dollars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class SpendDay:
    """What all model calls of a day cost, of every environment."""

    day: date
    cost_pico: int


@dataclass(frozen=True)
class RetryDay:
    """A tenant's feature on a day. `failed`: failed attempts that a later attempt of the same logical call replaced."""

    tenant_id: str
    feature: str
    day: date
    calls: int
    failed: int
    failed_cost_pico: int


@dataclass(frozen=True)
class KeyDay:
    """Calls outside production that ran on one key; `key_production_percent`: of all that key's calls."""

    tenant_id: str
    feature: str
    environment: str
    api_key_hash: str
    day: date
    requests: int
    cost_pico: int
    key_production_percent: int


@dataclass(frozen=True)
class SimpleWorkDay:
    """Simple work (task tier 3) in production that a large model did; `feature_requests`: all calls of that tenant's feature.

    `smaller_*`: what smaller models did of the same feature, for all tenants, on all days.
    """

    tenant_id: str
    feature: str
    provider_name: str
    model: str
    day: date
    requests: int
    cost_pico: int
    feature_requests: int
    smaller_requests: int
    smaller_cost_pico: int


@dataclass(frozen=True)
class PromptVersion:
    """Prompts of one version of an endpoint that one model was sent. `quantiles`: of input tokens, 5% to 95% in steps of 5.

    `plain_tokens` and their cost tell the price of plain input.
    """

    feature: str
    endpoint: str
    prompt_version: str
    provider_name: str
    model: str
    first_day: date
    last_day: date
    requests: int
    quantiles: Sequence[int]
    plain_tokens: int
    plain_cost_pico: int


@dataclass(frozen=True)
class StepWork:
    """Requests of a feature a little over a price step: what cutting the prompt to the step would save."""

    feature: str
    first_day: date
    last_day: date
    requests: int
    saving_pico: int


@dataclass(frozen=True)
class CacheDay:
    """Lookups of a feature in the gateway's cache. `cost_pico`: of all attempts of the calls that it did not answer."""

    feature: str
    component: str
    day: date
    lookups: int
    hits: int
    cost_pico: int


@dataclass(frozen=True)
class PriceChange:
    """Calls at a price that replaced another. `more_pico`: beyond the same tokens at that."""

    feature: str
    provider_name: str
    model: str
    price_context: str
    since: date
    until: date
    first_day: date
    last_day: date
    requests: int
    cost_pico: int
    more_pico: int


@dataclass(frozen=True)
class TaskDay:
    """A tenant's pieces of work of a day (tasks, and calls without a task) and what their model calls cost."""

    tenant_id: str
    day: date
    tasks: int
    cost_pico: int


@dataclass(frozen=True)
class BilledUse:
    """What a provider billed beside what was logged of the same model, kind of token and days. `tokens`: None without a count.

    `logged_cost_pico` has nothing of the `unpriced` attempts.
    """

    provider_name: str
    model: str
    token_type: str
    since: date
    until: date
    tokens: int | None
    amount_pico: int
    logged_tokens: int
    logged_cost_pico: int
    unpriced: int


@dataclass(frozen=True)
class CutStreams:
    """Streams that a client left: of a model, feature and UTC day. `usual_output`: median tokens of answers that were not cut."""

    provider_name: str
    model: str
    feature: str
    day: date
    streams: int
    output_tokens: int
    usual_output: int


@dataclass(frozen=True)
class TenantResult:
    """Revenue of a tenant, and the cost of its model calls in production, over some days."""

    tenant_id: str
    first_day: date
    last_day: date
    requests: int
    revenue_pico: int
    inference_pico: int
    cogs_pico: int
    incomplete: int


@dataclass(frozen=True)
class UnpricedUse:
    """Attempts without a price, by what they lack one for."""

    feature: str
    provider_name: str
    model: str
    reason: str
    first_day: date
    last_day: date
    requests: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class CostDay:
    """What a place cost on a day: a tenant, or a feature; the other is None."""

    tenant_id: str | None
    feature: str | None
    day: date
    requests: int
    cost_pico: int


@dataclass(frozen=True)
class ProviderSpend:
    """What a provider was paid over some days."""

    provider_name: str
    requests: int
    cost_pico: int


@dataclass(frozen=True)
class RepeatedContext:
    """Context that calls of a feature's tasks repeat from the call before; `is_estimated` where prefix hashes lack."""

    feature: str
    first_day: date
    last_day: date
    tasks: int
    cost_pico: int
    repeated_pico: int
    is_estimated: bool


@dataclass(frozen=True)
class OverList:
    """A model that a contract makes dearer than its list price."""

    provider_name: str
    model: str
    first_day: date
    last_day: date
    requests: int
    list_pico: int
    contracted_pico: int
