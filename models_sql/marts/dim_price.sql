-- one row per price in force for a model that the logs name: who sells it, in which context, from when, from which prompt length on
{{ config(materialized='table') }}

with prices as (

    select * from {{ input('price_slice') }}

)

select
    price_book_id,
    price_provider,
    price_model,
    price_context,
    price_source,
    valid_from,
    valid_to,
    tier_lo as context_step_tokens,
    tod_from_s as time_of_day_from_s,
    tod_to_s as time_of_day_to_s,
    dow_mask as weekday_mask,
    has_contract,
    price_currency,
    {% for component in price_components()[:10] -%}
    {{ per_million(component ~ '_num', 'price_block') }} as {{ component }}_per_million,
    {% endfor -%}
    {{ pico_to_usd(div_half_even(big('request_num'), 'price_block')) }} as per_request,
    contract_currency,
    {% for component in price_components()[:10] -%}
    {{ per_million('contract_' ~ component ~ '_num', 'contract_block') }} as contract_{{ component }}_per_million,
    {% endfor -%}
    fallbacks,
    gpu_pool_id
from prices
