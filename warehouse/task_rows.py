"""What the reader returns about tasks. Money is Decimal USD with 12 decimals; rates are exact quotients to 12 decimals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from warehouse.rows import TaskCost, quotient


@dataclass(frozen=True)
class TaskGroup(TaskCost):
    """Production tasks of a feature (`key` names it), or of all features (`key` is empty).

    `tokens` are those in and out of every attempt; `p95_duration_ms` is None under 20 tasks. Of tasks that the gateway's cache
    answered alone: `cached_successes` and, of all of them, `cached_cost_usd`.
    """

    failed_cost_usd: Decimal
    human_review_cost_usd: Decimal
    cached_successes: int
    cached_cost_usd: Decimal
    tokens: int
    p95_duration_ms: int | None

    @property
    def success_rate(self) -> Decimal | None:
        """Of judged tasks."""
        return _share(self.successes, self.successes + self.failures)

    @property
    def completeness(self) -> Decimal | None:
        """Judged tasks over all."""
        return _share(self.successes + self.failures, self.tasks)

    @property
    def unreviewed_cost_per_success_usd(self) -> Decimal | None:
        """What a success costs without human review."""
        return quotient(self.cost_usd - self.human_review_cost_usd, Decimal(self.successes)) if self.successes else None

    @property
    def uncached_cost_per_success_usd(self) -> Decimal | None:
        """What a success costs that the cache did not answer alone: such tasks out of cost and successes."""
        successes = self.successes - self.cached_successes
        return quotient(self.cost_usd - self.cached_cost_usd, Decimal(successes)) if successes else None

    @property
    def tokens_per_success(self) -> Decimal | None:
        return _share(self.tokens, self.successes)


@dataclass(frozen=True)
class Waste:
    """Spend of one kind that a team can act on; kinds overlap. `key` in the order of what was asked for."""

    key: tuple[str, ...]
    kind: str
    cases: int
    is_estimate: bool
    cost_usd: Decimal


@dataclass(frozen=True)
class TaskDriver:
    """What one driver makes of the cost of production tasks; drivers overlap."""

    driver: str
    tasks: int
    cost_usd: Decimal


@dataclass(frozen=True)
class ContextBin:
    """Production tasks whose largest answered call had from `input_tokens_from` up to, without, `input_tokens_to` tokens."""

    input_tokens_from: int
    input_tokens_to: int | None
    tasks: int
    successes: int
    failures: int
    cost_usd: Decimal


@dataclass(frozen=True)
class PromptGrowth:
    """Median input of an endpoint against the earliest of the four weeks before; None where those have no such calls."""

    feature: str
    endpoint: str
    prompt_version: str
    is_all_versions: bool
    requests: int
    unpriced_requests: int
    median_input_tokens: int
    baseline_week: date | None
    baseline_median_input_tokens: int | None
    growth: Decimal | None
    growth_cost_usd: Decimal | None


@dataclass(frozen=True)
class Task:
    """One task. With `incomplete_parts` (attempts or events without a price) the cost is a lower bound."""

    task_id: str
    tenant_id: str | None
    feature: str | None
    environment: str | None
    outcome: str
    started_at: datetime
    task_date: date
    duration_ms: int
    attempts: int
    incomplete_parts: int
    llm_cost_usd: Decimal
    other_cost_usd: Decimal

    @property
    def cost_usd(self) -> Decimal:
        return self.llm_cost_usd + self.other_cost_usd


@dataclass(frozen=True)
class Attempt:
    """One request of a task. `cost_usd` is None without a price; `landing_id` and `source_line` say which log line it was."""

    record_key: str
    started_at: datetime
    provider_name: str | None
    model: str | None
    status: str
    is_superseded: bool
    is_gateway_cache_hit: bool | None
    input_tokens: int | None
    output_tokens: int | None
    pricing_status: str
    pricing_reason: str | None
    cost_usd: Decimal | None
    landing_id: str
    source_line: int


def _share(part: int, whole: int) -> Decimal | None:
    return quotient(Decimal(part), Decimal(whole)) if whole else None
