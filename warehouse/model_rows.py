"""What the reader returns about caches, models and routing. Money is Decimal USD with 12 decimals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from warehouse.rows import quotient


@dataclass(frozen=True)
class CacheWeek:
    """The gateway's cache for a feature in a week; None for several features together, whose latencies do not add up.

    With `hits_without_price` the avoided cost is a lower bound.
    """

    week_start: date
    feature: str | None
    cache_lookups: int
    cache_hits: int
    exact_hits: int
    semantic_hits: int
    embedding_hits: int
    tool_hits: int
    stale_hits: int
    sampled_hits: int
    disagreeing_hits: int
    hits_without_price: int
    saved_tokens: int
    avoided_cost_usd: Decimal
    lookup_cost_usd: Decimal
    miss_cost_usd: Decimal
    hit_p50_latency_ms: int | None
    hit_p95_latency_ms: int | None
    miss_p50_latency_ms: int | None
    miss_p95_latency_ms: int | None

    @property
    def hit_rate(self) -> Decimal | None:
        return _rate(self.cache_hits, self.cache_lookups)

    @property
    def cost_weighted_hit_rate(self) -> Decimal | None:
        """Avoided cost over avoided and paid cost of all lookups."""
        return _rate(self.avoided_cost_usd, self.avoided_cost_usd + self.miss_cost_usd)

    @property
    def stale_hit_rate(self) -> Decimal | None:
        return _rate(self.stale_hits, self.cache_hits)

    @property
    def disagreement_rate(self) -> Decimal | None:
        """Of the bypass sample, hits whose fresh answer was another."""
        return _rate(self.disagreeing_hits, self.sampled_hits)


@dataclass(frozen=True)
class PromptCacheUse:
    """The provider's prompt cache for a feature on a model. The saving is negative where writes cost more than reads saved."""

    feature: str
    provider_name: str
    model: str
    served_requests: int
    input_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int
    saving_usd: Decimal

    @property
    def rate(self) -> Decimal | None:
        """Cache reads over all input tokens."""
        return _rate(self.cache_read_input_tokens, self.input_tokens)

    @property
    def reads_per_write(self) -> Decimal | None:
        return _rate(self.cache_read_input_tokens, self.cache_creation_input_tokens)


@dataclass(frozen=True)
class ModelPrice:
    """A price that requests for a model may have been charged by, per million tokens of `currency`.

    The contract's where there is one; None: no such price. `context_step_tokens`: prompt length from which it holds for the
    whole request.
    """

    provider_name: str | None
    model: str | None
    price_provider: str
    price_model: str
    context: str
    context_step_tokens: int
    valid_from: date
    valid_to: date
    time_of_day_from_s: int
    time_of_day_to_s: int
    weekday_mask: int
    source: str
    has_contract: bool
    currency: str
    input_per_million: Decimal | None
    cache_read_per_million: Decimal | None
    cache_write_5m_per_million: Decimal | None
    cache_write_1h_per_million: Decimal | None
    output_per_million: Decimal | None


@dataclass(frozen=True)
class TierUse:
    """Production use of models of one tier for a feature. With `incomplete_requests` the cost is a lower bound."""

    feature: str
    model_tier: str
    served_requests: int
    incomplete_requests: int
    tokens: int
    cost_usd: Decimal


@dataclass(frozen=True)
class RoutedTasks:
    """Routing of a feature's production tasks; `routed_tasks` have a logged decision, `handed_over_tasks` went to a person."""

    feature: str
    tasks: int
    routed_tasks: int
    moved_up_tasks: int
    handed_over_tasks: int
    moved_up_cost_usd: Decimal

    @property
    def up_tier_rate(self) -> Decimal | None:
        """Of routed tasks."""
        return _rate(self.moved_up_tasks, self.routed_tasks)

    @property
    def human_handoff_rate(self) -> Decimal | None:
        """Of all tasks."""
        return _rate(self.handed_over_tasks, self.tasks)


def _rate(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    return quotient(Decimal(part), Decimal(whole)) if whole else None
