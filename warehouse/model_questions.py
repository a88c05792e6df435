"""What the caches did, which models are used by whom and for how much, and how requests are routed among them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from warehouse.model_rows import CacheWeek, ModelPrice, PromptCacheUse, RoutedTasks, TierUse
from warehouse.questions import Questions, usd
from warehouse.rows import CostLine, Period

UserKey = Literal["tenant_id", "feature"]
_PRICED_PARTS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")


class ModelQuestions(Questions):
    """Weeks by their first day."""

    def cache_weeks(self) -> list[CacheWeek]:
        """The gateway's cache by week and feature, oldest week first, most lookups first."""
        rows = self._rows(
            """select week_start, feature, cache_lookups, cache_hits, exact_hits, semantic_hits, embedding_hits, tool_hits,
                stale_hits, sampled_hits, disagreeing_hits, hits_without_price, coalesce(saved_tokens, 0),
                avoided_cost_usd, lookup_cost_usd, miss_cost_usd,
                hit_p50_latency_ms, hit_p95_latency_ms, miss_p50_latency_ms, miss_p95_latency_ms
            from mart_cache_week order by week_start, cache_lookups desc, feature"""
        )
        return [CacheWeek(*row) for row in rows]

    def prompt_cache(self, week: date) -> list[PromptCacheUse]:
        """The providers' prompt caches by feature and model, most input first."""
        rows = self._rows(
            """select feature, provider_name, model, served_requests, input_tokens, cache_read_input_tokens,
                cache_creation_input_tokens, prompt_cache_saving_usd
            from mart_prompt_cache_week where week_start = $week order by input_tokens desc, feature, provider_name, model""",
            {"week": week},
        )
        return [PromptCacheUse(*row) for row in rows]

    def model_prices(self, period: Period) -> list[ModelPrice]:
        """Prices of the models and contexts that requests of the period were charged by, in force on any of its days."""
        paid = ", ".join(
            f"case when has_contract then contract_{part}_per_million else {part}_per_million end"
            for part in _PRICED_PARTS
        )
        rows = self._rows(
            f"""with used as (
                select distinct provider_name, model, price_provider, price_model, price_context from fct_llm_request_priced
                where usage_date >= $start and usage_date < $end and price_model is not null
            )
            select provider_name, model, price_provider, price_model, price_context, context_step_tokens, valid_from, valid_to,
                time_of_day_from_s, time_of_day_to_s, weekday_mask, price_source, has_contract,
                case when has_contract then contract_currency else price_currency end, {paid}
            from used join dim_price using (price_provider, price_model, price_context)
            where valid_from < $end and valid_to > $start
            order by provider_name, model, price_context <> 'standard', price_context, context_step_tokens, valid_from,
                time_of_day_from_s, weekday_mask""",
            {"start": period.start, "end": period.end},
        )
        return [ModelPrice(*row) for row in rows]

    def model_users(self, period: Period, provider: str | None, model: str | None, by: UserKey) -> list[CostLine]:
        """Who uses one model, dearest first; all environments. None: requests that name no provider, no model."""
        key = "tenant_id" if by == "tenant_id" else "feature"
        rows = self._rows(
            f"""select {key}, sum(cost_pico), sum(requests)::bigint, sum(unpriced_requests)::bigint,
                sum(partial_requests)::bigint, 0, sum(input_tokens)::bigint, sum(cache_read_input_tokens)::bigint,
                sum(output_tokens)::bigint, sum(list_cost_pico), sum(contracted_cost_pico)
            from fct_cost_day
            where is_model_call and usage_date >= $start and usage_date < $end
                and provider_name is not distinct from $provider and model is not distinct from $model
            group by {key} order by sum(cost_pico) desc, {key}""",
            {"start": period.start, "end": period.end, "provider": provider, "model": model},
        )
        return [
            CostLine(row[:1], usd(row[1]), *row[2:9], list_cost_usd=usd(row[9]), contracted_cost_usd=usd(row[10]))
            for row in rows
        ]

    def tier_uses(self, week: date) -> list[TierUse]:
        """Tiers that the features' production requests were served by, dearest first."""
        rows = self._rows(
            """select feature, model_tier, served_requests, incomplete_requests, tokens, cost_usd
            from mart_tier_mix_week where week_start = $week order by cost_usd desc, feature, model_tier""",
            {"week": week},
        )
        return [TierUse(*row) for row in rows]

    def routed_tasks(self, week: date) -> list[RoutedTasks]:
        """Routing of production tasks by feature, most tasks first."""
        rows = self._rows(
            """select feature, tasks, routed_tasks, moved_up_tasks, handed_over_tasks, moved_up_cost_usd
            from mart_routing_week where week_start = $week order by tasks desc, feature""",
            {"week": week},
        )
        return [RoutedTasks(*row) for row in rows]
