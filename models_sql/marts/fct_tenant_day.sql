-- Guarantee: per day, the tenants' rows sum exactly to the priced requests, the cost events and the recognised revenue; what
-- names no tenant is the tenant `unattributed`.
{{ config(
    materialized='incremental',
    incremental_strategy=replace_days_strategy(),
    day_column='usage_date',
    day_table='build_usage_date',
    partition_by=['usage_date'] if target.type == 'spark' else none,
    pre_hook="{{ drop_build_days('usage_date', 'build_usage_date') }}"
) }}

with priced as (

    select *, cost_pico is null as is_unpriced, operation_name in ('chat', 'embeddings') as is_cacheable
    from {{ ref('fct_llm_request_priced') }}
    where {{ in_build_days('usage_date', 'build_usage_date') }}

),

request_days as (

    -- one row per tenant and day
    select
        tenant_id,
        usage_date,
        count(*) as requests,
        sum(case when is_production then 1 else 0 end) as production_requests,
        sum(case when is_unpriced then 1 else 0 end) as unpriced_requests,
        sum(case when pricing_status = 'partial' then 1 else 0 end) as partial_requests,
        {{ sum_big('input_tokens') }} as input_tokens,
        {{ sum_big('cache_read_input_tokens') }} as cache_read_input_tokens,
        {{ sum_big('output_tokens') }} as output_tokens,
        count(*) filter (
            where is_production and is_cacheable and is_gateway_cache_hit is not null and status in ('ok', 'cancelled')
        ) as cache_lookups,
        count(*) filter (
            where is_production and is_cacheable and is_gateway_cache_hit and status in ('ok', 'cancelled')
        ) as cache_hits,
        count(*) filter (
            where is_production and not coalesce(is_gateway_cache_hit, false) and status in ('ok', 'cancelled')
        ) as served_requests,
        count(*) filter (
            where is_production and not coalesce(is_gateway_cache_hit, false) and status in ('ok', 'cancelled') and model_tier in ('small', 'mid')
        ) as small_or_mid_requests,
        {{ sum_big('cost_pico') }} as inference_cost_pico,
        {{ sum_big('case when is_production then cost_pico end') }} as inference_cogs_pico,
        {{ sum_big('case when is_production and task_id is null then cost_pico end') }} as without_task_cost_pico
    from priced
    group by tenant_id, usage_date

),

event_days as (

    -- one row per tenant and day
    select
        tenant_id,
        usage_date,
        sum(case when cost_pico is null then 1 else 0 end) as unconverted_events,
        {{ sum_big('cost_pico') }} as other_cost_pico,
        {{ sum_big('case when is_cost_of_goods and is_production then cost_pico end') }} as other_cogs_pico
    from {{ ref('int_cost_event') }}
    where {{ in_build_days('usage_date', 'build_usage_date') }}
    group by tenant_id, usage_date

),

revenue_days as (

    -- one row per tenant and day
    select
        tenant_id,
        usage_date,
        sum(unconverted_lines) as unconverted_lines,
        {{ sum_big('revenue_pico') }} as revenue_pico
    from {{ ref('int_revenue_day') }}
    group by tenant_id, usage_date

),

keys as (

    select tenant_id, usage_date from request_days
    union
    select tenant_id, usage_date from event_days
    union
    select tenant_id, usage_date from revenue_days

)

select
    keys.tenant_id,
    keys.usage_date,
    coalesce(request_days.requests, 0) as requests,
    cast(coalesce(request_days.production_requests, 0) as bigint) as production_requests,
    cast(coalesce(request_days.unpriced_requests, 0) as bigint) as unpriced_requests,
    cast(coalesce(request_days.partial_requests, 0) as bigint) as partial_requests,
    cast(coalesce(request_days.input_tokens, 0) as bigint) as input_tokens,
    cast(coalesce(request_days.cache_read_input_tokens, 0) as bigint) as cache_read_input_tokens,
    cast(coalesce(request_days.output_tokens, 0) as bigint) as output_tokens,
    cast(coalesce(request_days.cache_lookups, 0) as bigint) as cache_lookups,
    cast(coalesce(request_days.cache_hits, 0) as bigint) as cache_hits,
    cast(coalesce(request_days.served_requests, 0) as bigint) as served_requests,
    cast(coalesce(request_days.small_or_mid_requests, 0) as bigint) as small_or_mid_requests,
    cast(coalesce(event_days.unconverted_events, 0) as bigint) as unconverted_events,
    cast(coalesce(revenue_days.unconverted_lines, 0) as bigint) as unconverted_lines,
    coalesce(request_days.inference_cost_pico, 0) as inference_cost_pico,
    coalesce(request_days.inference_cogs_pico, 0) as inference_cogs_pico,
    coalesce(request_days.without_task_cost_pico, 0) as without_task_cost_pico,
    coalesce(event_days.other_cost_pico, 0) as other_cost_pico,
    coalesce(event_days.other_cogs_pico, 0) as other_cogs_pico,
    coalesce(revenue_days.revenue_pico, 0) as revenue_pico,
    {{ pico_to_usd('coalesce(request_days.inference_cost_pico, 0)') }} as inference_cost_usd,
    {{ pico_to_usd('coalesce(event_days.other_cost_pico, 0)') }} as other_cost_usd,
    {{ pico_to_usd('coalesce(request_days.inference_cost_pico, 0) + coalesce(event_days.other_cost_pico, 0)') }} as cost_usd,
    {{ pico_to_usd('coalesce(request_days.inference_cogs_pico, 0) + coalesce(event_days.other_cogs_pico, 0)') }} as cogs_usd,
    {{ pico_to_usd('coalesce(revenue_days.revenue_pico, 0)') }} as revenue_usd
from keys
left join request_days on keys.tenant_id = request_days.tenant_id and keys.usage_date = request_days.usage_date
left join event_days on keys.tenant_id = event_days.tenant_id and keys.usage_date = event_days.usage_date
left join revenue_days on keys.tenant_id = revenue_days.tenant_id and keys.usage_date = revenue_days.usage_date
