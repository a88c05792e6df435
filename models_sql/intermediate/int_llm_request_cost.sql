-- Defect: what a gateway says a request cost is wrong in public ways (cached tokens twice, long-lived cache writes too cheap,
-- cut streams at zero) and a missing price looks like a free model.
-- Guarantee: priced from dated tables by one left join, at list and at contracted price; what has no price keeps its row, with a
-- null cost and a reason.
{%- set has_contracts = any_row('price_slice', 'has_contract') %}
{%- set is_abroad = is_any_price_abroad() %}
{%- set sides = ['paid', 'list'] if has_contracts else ['paid'] %}
{%- set unwhole_cost = converted_cost if is_abroad else rounded_cost %}

with requests as (

    select
        *,
        case
            when coalesce(is_batch, false) then 'batch'
            when lower(speed) = 'fast' then 'fast'
            when lower(service_tier) in ('batch', 'flex', 'priority', 'fast') then lower(service_tier)
            else 'standard'
        end as price_context,
        coalesce(is_batch, false)
        or coalesce(lower(speed) = 'fast', false)
        or lower(coalesce(service_tier, '')) in
        ('', 'default', 'standard', 'on_demand', 'auto', 'batch', 'flex', 'priority', 'fast') as is_known_tier,
        coalesce(is_gateway_cache_hit, false) as is_hit,
        lower(coalesce(provider_name, '')) as model_provider,
        lower(coalesce(base_model, response_model, '')) as model_name,
        {{ second_of_day('started_at') }} as second_of_day,
        {{ weekday_bit('day') }} as weekday_bit
    from {{ ref('int_llm_request_quantity') }}

),

models as (

    select * from {{ ref('stg_model') }}

),

slices as (

    select * from {{ ref('stg_price_slice') }}

),

{% if is_abroad -%}
rates as (

    select date, from_currency, {{ nano_rate('rate') }} as nano_rate from {{ ref('stg_fx') }} where to_currency = 'USD'

),

{% endif -%}
matched as (

    -- one row per request still: the stretches of a name and the slices of a model and context are disjoint
    select
        requests.*,
        models.price_provider,
        models.price_model,
        models.model_tier,
        models.drawdown_id,
        slices.price_book_id,
        slices.price_source,
        slices.gpu_pool_id,
        slices.has_context_price,
        slices.is_free,
        slices.fallbacks,
        slices.known_prices,
        slices.is_every_token_priced,
        slices.has_contract,
        slices.request_quantity,
        slices.list_currency,
        slices.paid_currency,
        {{ nano_rate_of('list', is_abroad) }} as list_nano_rate,
        {{ nano_rate_of('paid', is_abroad) }} as paid_nano_rate,
        {% for side, component in prices_of(['paid', 'list']) -%}
        slices.{{ side }}_{{ component }}_num,
        {% endfor -%}
        slices.list_block,
        slices.list_is_whole,
        slices.paid_block,
        slices.paid_is_whole
    from requests
    left join models
        on
            requests.model_provider = models.provider_name
            and requests.model_name = models.model
            and requests.day >= models.valid_from
            and requests.day < models.valid_to
    left join slices
        on
            models.price_provider = slices.price_provider
            and models.price_model = slices.price_model
            and requests.price_context = slices.price_context
            and requests.price_step_tokens >= slices.tier_lo
            and requests.price_step_tokens < slices.tier_hi
            and requests.day >= slices.valid_from
            and requests.day < slices.valid_to
            and requests.second_of_day >= slices.tod_from_s
            and requests.second_of_day < slices.tod_to_s
            and (slices.dow_mask & requests.weekday_bit) <> 0
    {%- if is_abroad %}
    left join rates as list_rates on requests.day = list_rates.date and slices.list_currency = list_rates.from_currency
    left join rates as paid_rates on requests.day = paid_rates.date and slices.paid_currency = paid_rates.from_currency
    {%- endif %}

),

judged as (

    select
        *,
        case
            when is_hit then 'hit'
            when is_without_usage and status in ('error', 'blocked_budget') then 'reported_none'
            when is_without_usage then 'usage_missing'
            when price_model is null then 'unknown_model'
            when paid_block is null then 'no_price_for_date'
            when is_inconsistent then 'inconsistent_usage'
            when {{ is_any_price_known() }} then 'price'
            else 'no_price'
        end as verdict,
        case
            when web_search_quantity > 0 and not ({{ is_price_known('web_search') }}) then true
            when rerank_search_quantity > 0 and not ({{ is_price_known('rerank_search') }}) then true
            when is_every_token_priced then false
            else {{ missing_prices() }} <> ''
        end as is_price_missing
    from matched

),

flagged as (

    select
        *,
        verdict = 'price' and paid_nano_rate is not null as has_price,
        verdict = 'price' and paid_is_whole as has_whole_price,
        verdict in ('hit', 'reported_none') as is_without_charge,
        case when verdict = 'hit' then {{ setting('gateway_lookup_pico') or 0 }} else 0 end as lookup_pico
    from judged

),

in_currency as (

    select
        {% for side, component in prices_of(sides if is_abroad else []) -%}
        case when has_price and not {{ side }}_is_whole then {{ rounded_component(component, side) }} end as {{ side }}_{{ component }}_in_currency,
        {% endfor -%}
        *
    from flagged

),

costed as (

    select
        *,
        {% for group, components in price_groups() -%}
        case
            when has_whole_price then {{ whole_cost(components, 'paid') }}
            when has_price then {{ unwhole_cost(components, 'paid') }}
            when is_without_charge then {{ 'lookup_pico' if group == 'request' else 0 }}
        end as {{ group }}_cost_pico,
        {% endfor -%}
        case
            when not (has_price and has_contract) then null
            {% if has_contracts -%}
            when list_is_whole then {{ whole_cost(price_components(), 'list') }}
            else {{ unwhole_cost(price_components(), 'list') }}
            {% endif -%}
        end as contract_list_pico
    from in_currency

),

summed as (

    select
        *,
        {% for group, _ in price_groups() -%}
        {{ group }}_cost_pico{{ ' + ' if not loop.last }}
        {%- endfor %} as contracted_cost_pico
    from costed

)

select
    *,
    case when has_price and has_contract then contract_list_pico else contracted_cost_pico end as list_cost_pico,
    case
        when verdict = 'hit' then 'priced'
        when verdict = 'reported_none' then 'reported_none'
        when not has_price then 'unpriced'
        when is_price_missing or not has_context_price or not is_known_tier then 'partial'
        when is_free then 'free'
        else 'priced'
    end as pricing_status,
    case
        when verdict = 'hit' then 'gateway_cache_hit'
        when verdict = 'reported_none' then null
        when verdict not in ('price', 'no_price') then verdict
        when verdict = 'price' and not has_price then 'no_fx_rate:' || paid_currency
        when is_price_missing then 'no_price:' || {{ missing_prices() }}
        when not has_context_price then 'no_price_for_context:' || price_context
        when not is_known_tier then 'unknown_service_tier'
    end as pricing_reason,
    case when has_price then {{ used_fallbacks() }} end as price_fallbacks
from summed
