"""Days by place, for findings. Everything is read from published tables; values come in by name."""

from __future__ import annotations

from datetime import date
from typing import Any

from warehouse.finding_rows import (
    BilledUse,
    CacheDay,
    CostDay,
    CutStreams,
    KeyDay,
    OverList,
    PriceChange,
    PromptVersion,
    ProviderSpend,
    RepeatedContext,
    RetryDay,
    SimpleWorkDay,
    SpendDay,
    StepWork,
    TaskDay,
    TenantResult,
    UnpricedUse,
)
from warehouse.questions import Questions

_MODEL = "coalesce(price_model, model, 'unknown')"
_PROVIDER = "coalesce(provider_name, price_provider, 'unknown')"
_FEATURE = "coalesce(feature, 'unattributed')"
_NO_HIT = "not coalesce(is_gateway_cache_hit, false)"
_QUANTILES = tuple(percent / 100 for percent in range(5, 100, 5))
_PAID = ("input", "cache_read", "cache_write", "output")
_PRICES = {"input": "input", "cache_read": "cache_read", "cache_write": "cache_write_5m", "output": "output"}

# Kinds of token as the bills call them, from what an attempt logs and costs.
_LOGGED = """
    select day, provider_name, price_provider, lower(coalesce(model, '')) as model, price_model, token_type,
        tokens, cost_pico, is_unpriced
    from (
        select day, lower(provider_name) as provider_name, price_provider, model, price_model, cost_pico is null as is_unpriced,
            unnest(['input', 'cache_read', 'cache_write', 'output']) as token_type,
            unnest([
                greatest(coalesce(input_tokens, 0) - coalesce(cache_read_input_tokens, 0)
                    - coalesce(cache_creation_input_tokens, 0), 0),
                coalesce(cache_read_input_tokens, 0), coalesce(cache_creation_input_tokens, 0), coalesce(output_tokens, 0)
            ]) as tokens,
            unnest([input_cost_pico, cache_read_cost_pico, cache_write_cost_pico, output_cost_pico]) as cost_pico
        from fct_llm_request_priced where not coalesce(is_gateway_cache_hit, false)
    ) where tokens > 0"""


class FindingQuestions(Questions):
    """What the detectors of findings read."""

    def spend_days(self) -> list[SpendDay]:
        rows = self._rows(
            """select usage_date, sum(cost_pico)::hugeint from fct_cost_day where is_model_call
            group by usage_date order by usage_date"""
        )
        return [SpendDay(*row) for row in rows]

    def retry_days(self) -> list[RetryDay]:
        """Of tenants' features that any failed attempt was replaced of."""
        rows = self._rows(
            f"""with tried as (
                select tenant_id, {_FEATURE} as feature, usage_date, logical_call_id, status, cost_pico,
                    row_number() over (partition by logical_call_id order by started_at desc, record_key desc) as tries_left
                from fct_llm_request_priced where {_NO_HIT}
            ),
            days as (
                select tenant_id, feature, usage_date, count(distinct logical_call_id)::bigint as calls,
                    count(*) filter (where status = 'error' and tries_left > 1)::bigint as failed,
                    coalesce(sum(cost_pico) filter (where status = 'error' and tries_left > 1), 0) as failed_pico
                from tried group by all
            )
            select * from days
            where (tenant_id, feature) in (select (tenant_id, feature) from days where failed > 0) order by all"""
        )
        return [RetryDay(*row) for row in rows]

    def key_days(self) -> list[KeyDay]:
        """Calls outside production on keys that production calls with too."""
        rows = self._rows(
            f"""with keys as (
                select api_key_hash, (100 * count(*) filter (where is_production) // count(*))::bigint as percent
                from fct_llm_request_priced where api_key_hash is not null group by all
                having percent > 0 and percent < 100
            )
            select tenant_id, {_FEATURE}, coalesce(environment, ''), api_key_hash, usage_date, count(*),
                coalesce(sum(cost_pico), 0), any_value(percent)
            from fct_llm_request_priced join keys using (api_key_hash)
            where not is_production group by all order by all"""
        )
        return [KeyDay(*row) for row in rows]

    def simple_work_days(self) -> list[SimpleWorkDay]:
        rows = self._rows(
            f"""with simple as (
                select tenant_id, feature, {_PROVIDER} as provider_name, {_MODEL} as model, model_tier, usage_date, cost_pico
                from fct_llm_request_priced join dim_feature using (feature)
                where task_tier = 3 and is_production and {_NO_HIT} and status = 'ok'
            ),
            own as (select tenant_id, feature, count(*) as requests from simple group by all),
            smaller as (
                select feature, count(*) as requests, coalesce(sum(cost_pico), 0) as cost_pico from simple
                where model_tier in ('small', 'mid') group by all
            )
            select simple.tenant_id, simple.feature, provider_name, model, usage_date, count(*)::bigint,
                coalesce(sum(simple.cost_pico), 0), any_value(own.requests), coalesce(any_value(smaller.requests), 0),
                coalesce(any_value(smaller.cost_pico), 0)
            from simple join own on simple.tenant_id = own.tenant_id and simple.feature = own.feature
                left join smaller on simple.feature = smaller.feature
            where model_tier = 'large' group by all order by all"""
        )
        return [SimpleWorkDay(*row) for row in rows]

    def prompt_versions(self) -> list[PromptVersion]:
        rows = self._rows(
            f"""with calls as (
                select feature, coalesce(endpoint, '') as endpoint, prompt_version, {_PROVIDER} as provider_name,
                    {_MODEL} as model, usage_date, input_tokens, input_cost_pico,
                    greatest(input_tokens - coalesce(cache_read_input_tokens, 0) - coalesce(cache_creation_input_tokens, 0), 0)
                        as plain_tokens
                from fct_llm_request_priced
                where {_NO_HIT} and input_tokens > 0 and prompt_version is not null and feature is not null
            ),
            several as (
                select feature, endpoint from calls group by all having count(distinct prompt_version) > 1
            ),
            days as (
                select feature, endpoint, prompt_version, min(usage_date) as first_day, max(usage_date) as last_day
                from calls join several using (feature, endpoint) group by all
            )
            select feature, endpoint, prompt_version, provider_name, model, any_value(first_day), any_value(last_day),
                count(*)::bigint,                 quantile_disc(input_tokens, {list(_QUANTILES)}),
                coalesce(sum(plain_tokens) filter (where input_cost_pico is not null), 0)::bigint,
                coalesce(sum(input_cost_pico), 0)
            from calls join days using (feature, endpoint, prompt_version)
            group by feature, endpoint, prompt_version, provider_name, model
            order by feature, endpoint, prompt_version, provider_name, model"""
        )
        return [PromptVersion(*row) for row in rows]

    def step_work(self) -> list[StepWork]:
        """Dollars from `mart_waste_week`, days from the requests themselves."""
        rows = self._rows(
            f"""with days as (
                select {_FEATURE} as feature, min(usage_date) as first_day, max(usage_date) as last_day,
                    count(*)::bigint as requests
                from fct_llm_request_priced
                where is_production and context_step_tokens > 0 and input_tokens * 10 <= context_step_tokens * 11
                    and cost_pico is not null
                group by all
            ),
            saved as (
                select feature, (sum(cost_usd) * 1000000000000)::hugeint as saving_pico from mart_waste_week
                where kind = 'just_over_a_price_step' group by feature
            )
            select feature, first_day, last_day, requests, saving_pico from days join saved using (feature) order by feature"""
        )
        return [StepWork(*row) for row in rows]

    def cache_days(self) -> list[CacheDay]:
        """Only models that the cache ever answered for in the feature: the rest cannot be cached."""
        rows = self._rows(
            """with cached as (
                select feature, component, provider_name, model from fct_cost_day
                where is_model_call group by all having sum(cache_hits) > 0
            )
            select feature, component, usage_date, sum(cache_lookups)::bigint, sum(cache_hits)::bigint, sum(cost_pico)::hugeint
            from fct_cost_day join cached using (feature, component, provider_name, model)
            where is_model_call group by all having sum(cache_lookups) > 0 order by all"""
        )
        return [CacheDay(*row) for row in rows]

    def price_changes(self) -> list[PriceChange]:
        """Of prices that calls were charged at, each against the one it replaced."""
        paid = ", ".join(
            f"case when has_contract then contract_{price}_per_million else {price}_per_million end as {name}_price"
            for name, price in _PRICES.items()
        )
        moved = " or ".join(f"new.{name}_price <> old.{name}_price" for name in _PAID)
        ratios = ", ".join(f"old.{name}_price / nullif(new.{name}_price, 0) as {name}_ratio" for name in _PAID)
        own = " + ".join(f"{name}_cost_pico" for name in _PAID)
        before = " + ".join(f"round({name}_cost_pico * coalesce({name}_ratio, 1))::decimal(38, 0)" for name in _PAID)
        rows = self._rows(
            f"""with prices as (
                select price_provider, price_model, price_context, context_step_tokens, time_of_day_from_s, time_of_day_to_s,
                    weekday_mask, valid_from, valid_to, fallbacks,
                    case when has_contract then contract_currency else price_currency end as currency,
                    {paid}
                from dim_price
            ),
            moved as (
                select new.*, {ratios} from prices as new join prices as old using (
                    price_provider, price_model, price_context, context_step_tokens, time_of_day_from_s, weekday_mask, currency
                )
                -- a price that stood in for one not known yet was none that changed
                where new.valid_from = old.valid_to and new.fallbacks is not distinct from old.fallbacks and ({moved})
            ),
            used as (
                select price_provider, price_model, price_context, min(day) as first_day
                from fct_llm_request_priced where {_NO_HIT} and cost_pico is not null group by all
            )
            select {_FEATURE}, coalesce(calls.provider_name, calls.price_provider), calls.price_model,
                calls.price_context, any_value(valid_from), any_value(valid_to),
                min(usage_date), max(usage_date), count(*)::bigint, sum(cost_pico),
                sum({own} - ({before}))::hugeint
            from fct_llm_request_priced as calls join moved
                on calls.price_provider = moved.price_provider and calls.price_model = moved.price_model
                and calls.price_context = moved.price_context and calls.context_step_tokens = moved.context_step_tokens
                and day >= valid_from and day < valid_to
                and epoch_us(started_at) // 1000000 % 86400 >= time_of_day_from_s
                and epoch_us(started_at) // 1000000 % 86400 < time_of_day_to_s
                and (weekday_mask & (1 << ((day - date '1900-01-01') % 7))::int) <> 0
                join used on used.price_provider = moved.price_provider and used.price_model = moved.price_model
                and used.price_context = moved.price_context and used.first_day < valid_from
            where {_NO_HIT} and cost_pico is not null
            group by {_FEATURE}, coalesce(calls.provider_name, calls.price_provider), calls.price_model,
                calls.price_context, valid_from
            order by 1, 2, 3, 4, valid_from"""
        )
        return [PriceChange(*row) for row in rows]

    def task_days(self) -> list[TaskDay]:
        rows = self._rows(
            """select tenant_id, usage_date, count(distinct coalesce(task_id, logical_call_id))::bigint,
                coalesce(sum(cost_pico), 0)
            from fct_llm_request_priced where is_production group by all order by all"""
        )
        return [TaskDay(*row) for row in rows]

    def billed_use(self) -> list[BilledUse]:
        """A billed model is that of the logs by its own name or by the name that it is priced as."""
        rows = self._rows(
            f"""with bills as (
                select provider_name, model, period_start, period_end,
                    case when token_type like 'cache_write%' then 'cache_write' else token_type end as token_type,
                    case when count(tokens) = count(*) then sum(tokens) end as tokens, sum(amount_pico) as amount_pico
                from fct_provider_bill
                where model is not null and unconverted_lines = 0
                    and split_part(token_type, '_', 1) in ('input', 'cache', 'output') and token_type not like '%audio'
                    and token_type not like '%image'
                group by all
            ),
            names as (
                select distinct lower(provider_name) as name, lower(coalesce(price_provider, provider_name)) as provider,
                    regexp_replace(lower(model), '^.*/', '') as model,
                    coalesce(price_model, regexp_replace(lower(model), '^.*/', '')) as own_model
                from dim_model
            ),
            known as (
                -- one row per billed model: the name under which its logged calls are counted
                select bills.provider_name, bills.model, any_value(names.own_model) as own_model
                from (select distinct provider_name, model from bills) as bills
                    join names on bills.provider_name in (names.name, names.provider)
                        and bills.model in (names.model, names.own_model)
                group by all
            ),
            logged as (
                select coalesce(price_provider, provider_name) as provider, provider_name as name,
                    coalesce(price_model, regexp_replace(model, '^.*/', '')) as own_model, token_type, day,
                    sum(tokens) as tokens, coalesce(sum(cost_pico), 0) as cost_pico,
                    count(*) filter (where is_unpriced) as unpriced
                from ({_LOGGED}) group by all
            )
            select bills.provider_name, coalesce(known.own_model, bills.model), bills.token_type, bills.period_start,
                bills.period_end, any_value(bills.tokens)::hugeint, any_value(bills.amount_pico)::hugeint,
                coalesce(sum(logged.tokens), 0)::bigint,
                coalesce(sum(logged.cost_pico), 0), coalesce(sum(logged.unpriced), 0)::bigint
            from bills left join known using (provider_name, model)
                left join logged on bills.provider_name in (logged.provider, logged.name)
                    and logged.own_model = coalesce(known.own_model, bills.model) and logged.token_type = bills.token_type
                    and logged.day >= bills.period_start and logged.day < bills.period_end
            group by bills.provider_name, known.own_model, bills.model, bills.token_type, bills.period_start, bills.period_end
            order by 1, 2, 3, 4, 5"""
        )
        return [BilledUse(*row) for row in rows]

    def cut_streams(self) -> list[CutStreams]:
        rows = self._rows(
            f"""with usual as (
                select {_FEATURE} as feature, {_MODEL} as model, quantile_disc(output_tokens, 0.5) as output_tokens
                from fct_llm_request_priced where {_NO_HIT} and status = 'ok' group by all
            ),
            cut as (
                select coalesce(price_provider, lower(provider_name), 'unknown') as provider_name, {_MODEL} as model,
                    {_FEATURE} as feature, day, count(*)::bigint as streams, sum(coalesce(output_tokens, 0))::bigint as tokens
                from fct_llm_request_priced where status = 'cancelled' group by all
            )
            select provider_name, cut.model, cut.feature, day, streams, tokens, coalesce(usual.output_tokens, 0)::bigint
            from cut left join usual on cut.feature = usual.feature and cut.model = usual.model order by all"""
        )
        return [CutStreams(*row) for row in rows]

    def tenant_results(self, start: date, end: date) -> list[TenantResult]:
        rows = self._rows(
            """select tenant_id, min(usage_date) filter (where requests > 0), max(usage_date) filter (where requests > 0),
                sum(production_requests)::bigint, sum(revenue_pico)::hugeint, sum(inference_cogs_pico)::hugeint,
                sum(inference_cogs_pico + other_cogs_pico)::hugeint,
                sum(unpriced_requests + partial_requests + unconverted_lines)::bigint
            from fct_tenant_day where usage_date >= $start and usage_date < $end and tenant_id <> 'unattributed'
            group by tenant_id having sum(requests) > 0 order by tenant_id""",
            {"start": start, "end": end},
        )
        return [TenantResult(*row) for row in rows]

    def unpriced_use(self) -> list[UnpricedUse]:
        rows = self._rows(
            f"""select {_FEATURE}, {_PROVIDER}, coalesce(model, 'unknown'), coalesce(pricing_reason, 'unknown'),
                min(usage_date), max(usage_date), count(*)::bigint, coalesce(sum(input_tokens), 0)::bigint,
                coalesce(sum(output_tokens), 0)::bigint
            from fct_llm_request_priced where cost_pico is null group by all order by all"""
        )
        return [UnpricedUse(*row) for row in rows]

    def cost_days(self) -> list[CostDay]:
        """Of every tenant and, apart from that, of every feature."""
        rows = self._rows(
            """select tenant_id, null as feature, usage_date, sum(requests)::bigint, sum(cost_pico)::hugeint from fct_cost_day
            where is_model_call group by all
            union all
            select null, feature, usage_date, sum(requests)::bigint, sum(cost_pico)::hugeint from fct_cost_day
            where is_model_call group by all order by all"""
        )
        return [CostDay(*row) for row in rows]

    def provider_spend(self, start: date, end: date) -> list[ProviderSpend]:
        rows = self._rows(
            """select coalesce(provider_name, 'unknown'), sum(requests)::bigint, sum(cost_pico)::hugeint from fct_cost_day
            where is_model_call and usage_date >= $start and usage_date < $end group by all order by all""",
            {"start": start, "end": end},
        )
        return [ProviderSpend(*row) for row in rows]

    def repeated_context(self, start: date, end: date) -> list[RepeatedContext]:
        rows = self._rows(
            """select feature, min(task_date), max(task_date), count(*)::bigint, sum(llm_cost_pico)::hugeint,
                sum(repeated_context_cost_pico)::hugeint, bool_or(is_repeat_estimated)
            from fct_task where is_production and feature is not null and task_date >= $start and task_date < $end
            group by feature order by feature""",
            {"start": start, "end": end},
        )
        return [RepeatedContext(*row) for row in rows]

    def over_list(self, start: date, end: date) -> list[OverList]:
        rows = self._rows(
            """select provider_name, model, min(usage_date), max(usage_date), sum(requests)::bigint, sum(list_cost_pico)::hugeint,
                sum(contracted_cost_pico)::hugeint
            from fct_cost_day
            where is_model_call and provider_name is not null and model is not null and usage_date >= $start and usage_date < $end
            group by provider_name, model having sum(contracted_cost_pico) > sum(list_cost_pico) order by all""",
            {"start": start, "end": end},
        )
        return [OverList(*row) for row in rows]

    def finding_requests(self, where: str, parameters: dict[str, Any], limit: int) -> list[tuple[Any, ...]]:
        """The dearest requests that a condition of our own picks, with their places in the lake."""
        return self._rows(
            f"""select record_key, started_at at time zone 'UTC', tenant_id, feature, model, status, input_tokens, output_tokens,
                cost_pico, landing_id, source_line
            from fct_llm_request_priced where {where} order by cost_pico desc nulls last, record_key limit $limit""",
            parameters | {"limit": limit},
        )
