-- Guarantee: who uses which tier, by requests (the target), tokens and cost; the unknown ones stay in view.
{{ config(materialized='table') }}

with cost_days as (

    select *, {{ week_start('usage_date') }} as week_start
    from {{ ref('fct_cost_day') }}
    where is_model_call and is_production

),

summed as (

    select
        week_start,
        feature,
        model_tier,
        {{ sum_measure('served_requests', 'bigint') }} as served_requests,
        {{ sum_measure('unpriced_requests + partial_requests', 'bigint') }} as incomplete_requests,
        {{ sum_measure('input_tokens + output_tokens - hit_input_tokens - hit_output_tokens', 'bigint') }} as tokens,
        {{ sum_measure('cost_pico', 'decimal(38, 0)') }} as cost_pico
    from cost_days
    group by week_start, feature, model_tier

),

shared_out as (

    select
        *,
        sum(served_requests) over (partition by week_start, feature) as feature_requests,
        sum(tokens) over (partition by week_start, feature) as feature_tokens,
        sum(cost_pico) over (partition by week_start, feature) as feature_cost_pico
    from summed

)

select
    week_start,
    feature,
    model_tier,
    served_requests,
    incomplete_requests,
    tokens,
    {{ pico_to_usd('cost_pico') }} as cost_usd,
    {{ pico_to_usd(ratio('served_requests', 'feature_requests')) }} as share_of_requests,
    {{ pico_to_usd(ratio('tokens', 'feature_tokens')) }} as share_of_tokens,
    {{ pico_to_usd(ratio('cost_pico', 'feature_cost_pico')) }} as share_of_cost
from shared_out
-- what only the gateway's cache answered used no model
where served_requests > 0 or tokens > 0 or cost_pico <> 0
