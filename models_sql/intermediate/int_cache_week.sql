-- one row per week and feature: lookups in the gateway's cache with their latencies; whole weeks, because percentiles do not add up
{{ config(
    materialized='incremental',
    incremental_strategy=replace_days_strategy(),
    day_column='week_start',
    day_table='build_week',
    partition_by=['week_start'] if target.type == 'spark' else none,
    pre_hook="{{ drop_build_days('week_start', 'build_week') }}"
) }}

with lookups as (

    select
        *,
        {{ week_start('usage_date') }} as week_start,
        case when is_gateway_cache_hit then latency_ms end as hit_latency_ms,
        case when not is_gateway_cache_hit then latency_ms end as miss_latency_ms
    from {{ ref('fct_llm_request_priced') }}
    where
        {{ in_build_days('usage_date', 'build_week_date') }}
        and is_production
        and operation_name in ('chat', 'embeddings')
        and is_gateway_cache_hit is not null
        and status in ('ok', 'cancelled')

)

select
    week_start,
    coalesce(feature, 'unattributed') as feature,
    cast(count(*) as bigint) as cache_lookups,
    cast(sum(case when is_gateway_cache_hit then 1 else 0 end) as bigint) as cache_hits,
    {% for kind in ['exact', 'semantic', 'embedding', 'tool'] -%}
    cast(sum(case when is_gateway_cache_hit and cache_kind = '{{ kind }}' then 1 else 0 end) as bigint) as {{ kind }}_hits,
    {% endfor -%}
    cast(sum(case when is_gateway_cache_hit and avoided_cost_pico is null then 1 else 0 end) as bigint) as hits_without_price,
    cast({{ sum_big('case when is_gateway_cache_hit then input_tokens + output_tokens end') }} as bigint) as saved_tokens,
    {{ sum_big('avoided_cost_pico') }} as avoided_cost_pico,
    {{ sum_big('case when is_gateway_cache_hit then cost_pico end') }} as lookup_cost_pico,
    {{ sum_big('case when not is_gateway_cache_hit then cost_pico end') }} as miss_cost_pico,
    cast(percentile_disc(0.5) within group (order by hit_latency_ms) as bigint) as hit_p50_latency_ms,
    cast(percentile_disc(0.95) within group (order by hit_latency_ms) as bigint) as hit_p95_latency_ms,
    cast(percentile_disc(0.5) within group (order by miss_latency_ms) as bigint) as miss_p50_latency_ms,
    cast(percentile_disc(0.95) within group (order by miss_latency_ms) as bigint) as miss_p95_latency_ms
from lookups
group by week_start, coalesce(feature, 'unattributed')
