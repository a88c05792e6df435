-- one row per week, feature, endpoint and prompt version, and one per week, feature and endpoint over all versions; whole weeks, because
-- medians do not add up
{{ config(
    materialized='incremental',
    incremental_strategy=replace_days_strategy(),
    day_column='week_start',
    day_table='build_week',
    partition_by=['week_start'] if target.type == 'spark' else none,
    pre_hook="{{ drop_build_days('week_start', 'build_week') }}"
) }}

with requests as (

    select
        {{ week_start('usage_date') }} as week_start,
        coalesce(feature, 'unattributed') as feature,
        coalesce(endpoint, 'unattributed') as endpoint,
        coalesce(prompt_version, 'unattributed') as prompt_version,
        input_tokens,
        input_cost_pico + cache_read_cost_pico + cache_write_cost_pico as context_cost_pico
    from {{ ref('fct_llm_request_priced') }}
    where
        {{ in_build_days('usage_date', 'build_week_date') }}
        and is_production
        and operation_name = 'chat'
        and status in ('ok', 'cancelled')
        and not coalesce(is_gateway_cache_hit, false)
        and input_tokens > 0

),

of_all_versions as (

    select *, false as is_all_versions from requests
    union all
    select week_start, feature, endpoint, 'all' as prompt_version, input_tokens, context_cost_pico, true as is_all_versions from requests

)

select
    week_start,
    feature,
    endpoint,
    prompt_version,
    is_all_versions,
    cast(count(*) as bigint) as requests,
    cast({{ sum_big('input_tokens') }} as bigint) as input_tokens,
    cast(percentile_disc(0.5) within group (order by input_tokens) as bigint) as median_input_tokens,
    cast(sum(case when context_cost_pico is null then 1 else 0 end) as bigint) as unpriced_requests,
    {{ sum_big('context_cost_pico') }} as context_cost_pico
from of_all_versions
group by week_start, feature, endpoint, prompt_version, is_all_versions
