-- Guarantee: what is paid stands beside the list price on every row, so that no request has to ask whether there is a contract.
-- An unknown price is 0 here; `known_prices` says which list prices are known. A price is pico-dollars for one unit, unless
-- `<side>_fractions` has its bit: then it is pico-units of `<side>_currency` for `<side>_block` units.
with slices as (

    select
        *,
        price_currency as list_currency,
        price_block as list_block,
        {% for component in price_components() -%}
        {{ component }}_num as list_{{ component }},
        case when has_contract then contract_{{ component }}_num else {{ component }}_num end as paid_{{ component }},
        {% endfor -%}
        case when has_contract then contract_currency else price_currency end as paid_currency,
        case when has_contract then contract_block else price_block end as paid_block
    from {{ input('price_slice') }}

)

select
    price_key,
    price_book_id,
    tier_lo,
    tier_hi,
    valid_from,
    valid_to,
    tod_from_s,
    tod_to_s,
    dow_mask,
    price_source,
    has_context_price,
    is_free,
    min_audio_ms,
    fallbacks,
    has_contract,
    list_currency,
    list_block,
    paid_currency,
    paid_block,
    case when request_num is null then 0 else 1 end as request_quantity,
    {{ price_bits('list_{} is not null') }} as known_prices,
    {% for side in ['list', 'paid'] -%}
    {{ price_bits(is_fraction(side ~ '_{}', side)) }} as {{ side }}_fractions,
    {% endfor -%}
    {% for side, component in prices_of(['list', 'paid']) -%}
    {%- set price = side ~ '_' ~ component -%}
    cast(case
        when {{ is_fraction(price, side) }} then {{ price }}
        else coalesce({{ int_div(price, side ~ '_block') }}, 0)
    end as bigint) as {{ price }}_num,
    {% endfor -%}
    gpu_pool_id
from slices
