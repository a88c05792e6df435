-- Guarantee: what is paid stands beside the list price on every row, so that no request has to ask whether there is a contract.
-- An unknown price is 0 here; `known_prices` says which list prices are known.
select
    price_book_id,
    price_provider,
    price_model,
    price_context,
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
    fallbacks,
    has_contract,
    price_currency as list_currency,
    price_block as list_block,
    price_block = 1 and price_currency = 'USD' as list_is_whole,
    case when has_contract then contract_currency else price_currency end as paid_currency,
    case when has_contract then contract_block else price_block end as paid_block,
    case
        when has_contract then contract_block = 1 and contract_currency = 'USD'
        else price_block = 1 and price_currency = 'USD'
    end as paid_is_whole,
    case when request_num is null then 0 else 1 end as request_quantity,
    {% for component in price_components() -%}
    case when {{ component }}_num is null then 0 else {{ price_bit(component) }} end{{ ' + ' if not loop.last }}
    {%- endfor %} as known_prices,
    {% for component in price_components() if component not in ('web_search', 'rerank_search', 'request') -%}
    {{ component }}_num is not null{{ ' and ' if not loop.last }}
    {%- endfor %} as is_every_token_priced,
    {% for component in price_components() -%}
    coalesce({{ component }}_num, 0) as list_{{ component }}_num,
    coalesce(case when has_contract then contract_{{ component }}_num else {{ component }}_num end, 0) as paid_{{ component }}_num,
    {% endfor -%}
    gpu_pool_id
from {{ input('price_slice') }}
