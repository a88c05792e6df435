-- Guarantee: per day, the rows sum exactly to the priced requests and the cost events, each once; what names no tenant or no
-- feature is `unattributed`, and what is not a model call has no model.
{{ config(
    materialized='incremental',
    incremental_strategy=replace_days_strategy(),
    day_column='usage_date',
    day_table='build_usage_date',
    partition_by=['usage_date'] if target.type == 'spark' else none,
    pre_hook="{{ drop_build_days('usage_date', 'build_usage_date') }}"
) }}

with requests as (

    select
        usage_date,
        tenant_id,
        feature,
        environment,
        is_production,
        provider_name,
        model,
        model_tier,
        case operation_name when 'embeddings' then 'embeddings' when 'rerank' then 'rerank' else 'inference' end as component,
        true as is_model_call,
        is_production as is_cost_of_goods,
        1 as requests,
        case when cost_pico is null then 1 else 0 end as unpriced_requests,
        case when pricing_status = 'partial' then 1 else 0 end as partial_requests,
        0 as unconverted_events,
        input_tokens,
        cache_read_input_tokens,
        output_tokens,
        list_cost_pico,
        contracted_cost_pico,
        cost_pico
    from {{ ref('fct_llm_request_priced') }}
    where {{ in_build_days('usage_date', 'build_usage_date') }}

),

events as (

    select
        usage_date,
        tenant_id,
        feature,
        cast(null as string) as environment,
        is_production,
        cast(null as string) as provider_name,
        cast(null as string) as model,
        cast(null as string) as model_tier,
        component,
        false as is_model_call,
        is_production and is_cost_of_goods as is_cost_of_goods,
        0 as requests,
        0 as unpriced_requests,
        0 as partial_requests,
        case when cost_pico is null then 1 else 0 end as unconverted_events,
        0 as input_tokens,
        0 as cache_read_input_tokens,
        0 as output_tokens,
        cost_pico as list_cost_pico,
        cost_pico as contracted_cost_pico,
        cost_pico
    from {{ ref('int_cost_event') }}
    where {{ in_build_days('usage_date', 'build_usage_date') }}

),

costs as (

    select * from requests
    union all
    select * from events

),

summed as (

    -- one row per day and every dimension
    select
        usage_date,
        tenant_id,
        coalesce(feature, 'unattributed') as feature,
        environment,
        is_production,
        provider_name,
        model,
        model_tier,
        component,
        is_model_call,
        is_cost_of_goods,
        cast(sum(requests) as bigint) as requests,
        cast(sum(unpriced_requests) as bigint) as unpriced_requests,
        cast(sum(partial_requests) as bigint) as partial_requests,
        cast(sum(unconverted_events) as bigint) as unconverted_events,
        cast({{ sum_big('input_tokens') }} as bigint) as input_tokens,
        cast({{ sum_big('cache_read_input_tokens') }} as bigint) as cache_read_input_tokens,
        cast({{ sum_big('output_tokens') }} as bigint) as output_tokens,
        {{ sum_big('list_cost_pico') }} as list_cost_pico,
        {{ sum_big('contracted_cost_pico') }} as contracted_cost_pico,
        {{ sum_big('cost_pico') }} as cost_pico
    from costs
    group by
        usage_date,
        tenant_id,
        coalesce(feature, 'unattributed'),
        environment,
        is_production,
        provider_name,
        model,
        model_tier,
        component,
        is_model_call,
        is_cost_of_goods

)

select
    *,
    {{ pico_to_usd('list_cost_pico') }} as list_cost_usd,
    {{ pico_to_usd('contracted_cost_pico') }} as contracted_cost_usd,
    {{ pico_to_usd('cost_pico') }} as cost_usd
from summed
