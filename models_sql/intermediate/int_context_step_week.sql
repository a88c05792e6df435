-- Defect: over a price step the whole request costs the higher price, so that a prompt a little over it is dear out of proportion.
-- Guarantee: requests at most a tenth over a step, and what they would have cost with the prompt cut to just below it: the surplus taken
-- from plain input, everything else at the lower step's prices. List prices tell the ratio, contracted cost the amount.
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
        *,
        {{ week_start('usage_date') }} as week_start,
        input_tokens - (context_step_tokens - 1) as surplus_tokens,
        input_tokens - coalesce(cache_read_input_tokens, 0) - coalesce(cache_creation_input_tokens, 0) as plain_tokens,
        {{ second_of_day('started_at') }} as second_of_day,
        {{ weekday_bit('day') }} as weekday_bit
    from {{ ref('fct_llm_request_priced') }}
    where
        {{ in_build_days('usage_date', 'build_week_date') }}
        and is_production
        and context_step_tokens > 0
        and input_tokens * 10 <= context_step_tokens * 11
        and cost_pico is not null

),

prices as (

    select * from {{ input('price_slice') }}

),

below as (

    -- one row per request: the price step that it is in, and the one below
    select
        {% for component in ['input', 'cache_read', 'cache_write_5m', 'output'] -%}
        {{ big('high.' ~ component ~ '_num') }} * {{ big('low.price_block') }} as high_{{ component }},
        {{ big('low.' ~ component ~ '_num') }} * {{ big('high.price_block') }} as low_{{ component }},
        {% endfor -%}
        requests.*
    from requests
    inner join prices as high
        on
            requests.price_provider = high.price_provider
            and requests.price_model = high.price_model
            and requests.price_context = high.price_context
            and requests.context_step_tokens = high.tier_lo
            and requests.day >= high.valid_from
            and requests.day < high.valid_to
            and requests.second_of_day >= high.tod_from_s
            and requests.second_of_day < high.tod_to_s
            and (high.dow_mask & requests.weekday_bit) <> 0
    inner join prices as low
        on
            high.price_provider = low.price_provider
            and high.price_model = low.price_model
            and high.price_context = low.price_context
            and high.price_currency = low.price_currency
            and high.tier_lo = low.tier_hi
            and requests.day >= low.valid_from
            and requests.day < low.valid_to
            and requests.second_of_day >= low.tod_from_s
            and requests.second_of_day < low.tod_to_s
            and (low.dow_mask & requests.weekday_bit) <> 0

),

trimmed as (

    -- a prompt whose surplus is cached, or shorter than the surplus, cannot be cut this way
    select
        *,
        {{ div_half_even(big('input_cost_pico') ~ ' * ' ~ big('(plain_tokens - surplus_tokens)'), 'plain_tokens') }} as kept_input_pico
    from below
    where plain_tokens > surplus_tokens

),

saved as (

    select
        week_start,
        tenant_id,
        feature,
        input_cost_pico + cache_read_cost_pico + cache_write_cost_pico + output_cost_pico
        - {{ at_lower_price('kept_input_pico', 'input') }}
        - {{ at_lower_price('cache_read_cost_pico', 'cache_read') }}
        - {{ at_lower_price('cache_write_cost_pico', 'cache_write_5m') }}
        - {{ at_lower_price('output_cost_pico', 'output') }} as trim_saving_pico
    from trimmed

)

select
    week_start,
    tenant_id,
    coalesce(feature, 'unattributed') as feature,
    cast(count(*) as bigint) as requests,
    {{ sum_big('trim_saving_pico') }} as trim_saving_pico
from saved
group by week_start, tenant_id, coalesce(feature, 'unattributed')
