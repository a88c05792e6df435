-- Defect: what a gateway says a request cost is wrong in public ways (cached tokens twice, long-lived cache writes too cheap,
-- cut streams at zero) and a missing price looks like a free model.
-- Guarantee: priced from dated tables by one left join, at list and at contracted price; what has no price keeps its row, with a
-- null cost and a reason.
-- Every request passes here: keys, prices and verdicts are numbers and bits, texts are made at the end.
{%- set has_contracts = any_row('price_slice', 'has_contract') %}
{%- set is_abroad = is_any_price_abroad() %}
{%- set sides = ['paid', 'list'] if has_contracts else ['paid'] %}
{%- set unwhole_cost = converted_cost if is_abroad else rounded_cost %}

with requests as (

    select
        *,
        case
            when is_batch then {{ price_contexts().index('batch') }}
            when lower(speed) = 'fast' then {{ price_contexts().index('fast') }}
            when service_tier is null then 0
            else
                case lower(service_tier)
                    {% for context in price_contexts()[1:] -%}
                    when '{{ context }}' then {{ loop.index }}
                    {% endfor -%}
                    {% for other_name in ['', 'default', 'standard', 'on_demand', 'auto'] -%}
                    when '{{ other_name }}' then 0
                    {% endfor -%}
                    else {{ price_contexts() | length }}
                end
        end as tier_no,
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
        slices.price_key,
        slices.price_book_id,
        slices.price_source,
        slices.gpu_pool_id,
        slices.has_context_price,
        slices.is_free,
        slices.fallbacks,
        slices.known_prices,
        slices.has_contract,
        slices.request_quantity,
        case
            when requests.audio_time_quantity = 0 then 0
            else greatest(requests.audio_time_quantity, coalesce(slices.min_audio_ms, 0))
        end as billed_audio_ms,
        slices.tier_lo,
        slices.list_currency,
        slices.paid_currency,
        {{ nano_rate_of('list', is_abroad) }} as list_nano_rate,
        {{ nano_rate_of('paid', is_abroad) }} as paid_nano_rate,
        {% for side, component in prices_of(['paid', 'list']) -%}
        slices.{{ side }}_{{ component }}_num,
        {% endfor -%}
        slices.list_block,
        slices.list_fractions,
        slices.paid_block,
        slices.paid_fractions,
        requests.used_quantities | (coalesce(slices.known_prices, 0) & {{ price_bit('request') }}) as used_prices
    from requests
    left join models
        on
            requests.model_provider = models.provider_name
            and requests.model_name = models.model
            and requests.day >= models.valid_from
            and requests.day < models.valid_to
    left join slices
        on
            models.price_key + requests.tier_no % {{ price_contexts() | length }} = slices.price_key
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
        is_hit or (used_quantities = 0 and status in ('error', 'blocked_budget')) as is_without_charge,
        not is_hit and used_quantities <> 0 and price_key is not null and not is_inconsistent as is_rated,
        is_hit and used_quantities <> 0 and price_key is not null and not is_inconsistent as is_rated_hit,
        used_prices & known_prices as found_prices,
        used_prices & ~known_prices as missing_prices
    from matched

),

flagged as (

    select
        *,
        is_rated and found_prices <> 0 and paid_nano_rate is not null as has_price,
        is_rated_hit and found_prices <> 0 and paid_nano_rate is not null as has_avoided_price,
        case when is_hit then {{ setting('gateway_lookup_pico') or 0 }} else 0 end as lookup_pico
    from judged

),

in_currency as (

    select
        {% for side, component in prices_of(sides if is_abroad else []) -%}
        case when has_price or has_avoided_price then {{ rounded_component(component, side) }} end as {{ side }}_{{ component }}_in_currency,
        {% endfor -%}
        {% for side in sides -%}
        case when has_price then used_prices & {{ side }}_fractions end as {{ side }}_used_fractions,
        {% endfor -%}
        case when has_avoided_price then used_prices & paid_fractions end as avoided_used_fractions,
        *
    from flagged

),

costed as (

    select
        *,
        {% for group, components in price_groups() -%}
        case
            when paid_used_fractions & {{ bits_of(components) }} = 0 then {{ whole_cost(components, 'paid') }}
            when has_price then {{ unwhole_cost(components, 'paid') }}
            when is_without_charge then {{ 'lookup_pico' if group == 'request' else 0 }}
        end as {{ group }}_cost_pico,
        {% endfor -%}
        case
            when not (has_price and has_contract) then null
            {% if has_contracts -%}
            when list_used_fractions = 0 then {{ whole_cost(price_components(), 'list') }}
            else {{ unwhole_cost(price_components(), 'list') }}
            {% endif -%}
        end as contract_list_pico,
        -- what the same tokens would have cost, had the gateway's cache not answered
        case
            when avoided_used_fractions = 0 then {{ whole_cost(price_components(), 'paid') }}
            when has_avoided_price then {{ unwhole_cost(price_components(), 'paid') }}
        end as avoided_cost_pico
    from in_currency

),

summed as (

    select
        *,
        {% for group, _ in price_groups() -%}
        {{ group }}_cost_pico{{ ' + ' if not loop.last }}
        {%- endfor %} as contracted_cost_pico,
        -- what the provider's prompt cache saved: its tokens at the price of plain input, less what they cost
        case
            when not has_price then null
            when used_quantities & {{ bits_of(cached_components()) }} = 0 then 0
            when missing_prices & {{ bits_of(cached_components()) }} = 0 and known_prices & {{ price_bit('input') }} <> 0
                then {{ plain_input_cost('(cache_read_quantity + cache_writes)', is_abroad) }} - cache_read_cost_pico - cache_write_cost_pico
        end as prompt_cache_saving_pico
    from costed

),

named as (

    select
        *,
        case tier_no
            {% for context in price_contexts()[1:] -%}
            when {{ loop.index }} then '{{ context }}'
            {% endfor -%}
            else 'standard'
        end as price_context
    from summed

)

select
    *,
    case when has_price and has_contract then contract_list_pico else contracted_cost_pico end as list_cost_pico,
    case
        when is_hit then 'priced'
        when is_without_charge then 'reported_none'
        when not has_price then 'unpriced'
        when missing_prices <> 0 or not has_context_price or tier_no = {{ price_contexts() | length }} then 'partial'
        when is_free then 'free'
        else 'priced'
    end as pricing_status,
    case
        when is_hit then 'gateway_cache_hit'
        when is_without_charge then null
        when used_quantities = 0 then 'usage_missing'
        when price_model is null then 'unknown_model'
        when price_key is null then 'no_price_for_date'
        when is_inconsistent then 'inconsistent_usage'
        when found_prices <> 0 and not has_price then 'no_fx_rate:' || paid_currency
        when missing_prices <> 0 then 'no_price:' || {{ missing_prices() }}
        when not has_context_price then 'no_price_for_context:' || price_context
        when tier_no = {{ price_contexts() | length }} then 'unknown_service_tier'
    end as pricing_reason,
    case when has_price then {{ used_fallbacks() }} end as price_fallbacks
from named
