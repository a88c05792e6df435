"""Tasks, the calls they make, and their attempts.

An attempt is one request to a provider or one answer from the gateway's cache. A retry and a fallback are attempts of
their own; all attempts of one logical call share its `call_id`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sample_data.company import Tenant
from sample_data.features import Feature
from sample_data.prices import Cost, Usage


@dataclass(slots=True)
class Task:
    """One piece of work for a tenant. Without `has_key` its requests carry no task id, hence no outcome either.

    `in_storm`, `is_surge` and `on_production_key` say which plant it belongs to.
    """

    task_id: str
    feature: Feature
    tenant: Tenant
    user: str
    environment: str
    prompt_version: str
    has_key: bool = True
    has_tenant: bool = True
    on_production_key: bool = True
    in_storm: bool = False
    is_surge: bool = False
    commit: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    is_answered: bool = True

    @property
    def end_us(self) -> int:
        return self.attempts[-1].end_us


@dataclass(slots=True)
class Attempt:
    """One row of a log. `status` is ok, error, cancelled or hit; `cost` is None where the model has no price.

    `grown_tokens` came in with a longer prompt; `is_lost_hit` says that the gateway's cache would have answered before
    the deploy; `unseen_output` was written, and billed, after the client had left.
    """

    task: Task
    record_id: str
    call_id: str
    trace_id: str
    step: int
    start_us: int
    first_chunk_us: int
    end_us: int
    model: str
    requested_model: str
    operation: str
    usage: Usage
    cost: Cost | None
    status: str
    error: str
    is_stream: bool
    tier_asked: str | None
    tier: str
    is_batch: bool
    retries: int
    fallbacks: int
    grown_tokens: int
    is_lost_hit: bool
    unseen_output: int

    @property
    def charged_pico(self) -> int | None:
        """What the provider charges: nothing for an answer from the gateway's cache; None without a price."""
        if self.status == "hit":
            return 0
        return None if self.cost is None else self.cost.total

    @property
    def context(self) -> str:
        """The price context: batch, or the tier that served, where default is standard."""
        return price_context(self.tier, self.is_batch)


class Call(NamedTuple):
    """What one logical call asks for.

    `hit_share` is the chance that the gateway's cache answers it, `lost_share` that it would have before the deploy.
    """

    model: str
    usage: Usage
    operation: str = "chat"
    tier: str | None = None
    is_batch: bool = False
    is_stream: bool = False
    hit_share: float = 0.0
    lost_share: float = 0.0
    grown_tokens: int = 0


def price_context(tier: str, is_batch: bool) -> str:
    return "batch" if is_batch else "standard" if tier == "default" else tier
