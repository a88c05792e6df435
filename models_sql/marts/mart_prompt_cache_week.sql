-- Guarantee: the provider's prompt cache apart from the gateway's: what its reads saved less what its writes cost more than plain input.
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
        coalesce(provider_name, 'unattributed') as provider_name,
        coalesce(model, 'unattributed') as model,
        {{ sum_measure('served_requests', 'bigint') }} as served_requests,
        {{ sum_measure('input_tokens - hit_input_tokens', 'bigint') }} as input_tokens,
        {{ sum_measure('cache_read_input_tokens', 'bigint') }} as cache_read_input_tokens,
        {{ sum_measure('cache_creation_input_tokens', 'bigint') }} as cache_creation_input_tokens,
        {{ sum_measure('prompt_cache_saving_pico', 'decimal(38, 0)') }} as prompt_cache_saving_pico
    from cost_days
    group by week_start, feature, coalesce(provider_name, 'unattributed'), coalesce(model, 'unattributed')

)

select
    week_start,
    feature,
    provider_name,
    model,
    served_requests,
    input_tokens,
    cache_read_input_tokens,
    cache_creation_input_tokens,
    {{ pico_to_usd(ratio('cache_read_input_tokens', 'input_tokens')) }} as prompt_cache_rate,
    {{ pico_to_usd(ratio('cache_read_input_tokens', 'cache_creation_input_tokens')) }} as reads_per_write,
    {{ pico_to_usd('prompt_cache_saving_pico') }} as prompt_cache_saving_usd
from summed
where input_tokens > 0
