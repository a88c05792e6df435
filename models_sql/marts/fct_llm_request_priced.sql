-- Defect: what a gateway says a request cost is wrong in public ways (cached tokens twice, long-lived cache writes too cheap,
-- cut streams at zero) and a missing price looks like a free model.
-- Guarantee: priced from dated tables by one left join; what has no price keeps its row, with a null cost and a reason.
{{ config(
    materialized='incremental',
    incremental_strategy=replace_days_strategy(),
    day_column='day',
    partition_by=['day'] if target.type == 'spark' else none,
    pre_hook="{{ drop_build_days('day') }}"
) }}

with requests as (

    select
        *,
        case
            when coalesce(is_batch, false) then 'batch'
            when lower(coalesce(speed, '')) = 'fast' then 'fast'
            when lower(coalesce(service_tier, '')) in ('batch', 'flex', 'priority', 'fast') then lower(service_tier)
            else 'standard'
        end as price_context,
        coalesce(is_batch, false)
        or lower(coalesce(speed, '')) = 'fast'
        or lower(coalesce(service_tier, '')) in
        ('', 'default', 'standard', 'on_demand', 'auto', 'batch', 'flex', 'priority', 'fast') as is_known_tier,
        coalesce(is_gateway_cache_hit, false) as is_hit,
        lower(coalesce(provider_name, '')) as model_provider,
        lower(coalesce(base_model, response_model, '')) as model_name
    from {{ ref('int_llm_request_quantity') }}

),

models as (

    select * from {{ input('model') }}

),

slices as (

    select * from {{ input('price_slice') }}

),

matched as (

    -- one row per request still: the slices of a model and context are disjoint
    select
        requests.*,
        case when slices.request_num is null then 0 else 1 end as request_quantity,
        models.price_provider,
        models.price_model,
        models.model_tier,
        slices.price_book_id,
        slices.has_context_price,
        slices.is_free,
        slices.fallbacks,
        slices.price_block,
        slices.{{ price_components() | join('_num,\n        slices.') }}_num
    from requests
    left join models on requests.model_provider = models.provider_name and requests.model_name = models.model
    left join slices
        on
            models.price_provider = slices.price_provider
            and models.price_model = slices.price_model
            and requests.price_context = slices.price_context
            and requests.price_step_tokens >= slices.tier_lo
            and requests.price_step_tokens < slices.tier_hi
            and requests.day >= slices.valid_from
            and requests.day < slices.valid_to
            and {{ second_of_day('requests.started_at') }} >= slices.tod_from_s
            and {{ second_of_day('requests.started_at') }} < slices.tod_to_s

),

judged as (

    select
        *,
        case
            when is_hit then 'hit'
            when is_without_usage and status in ('error', 'blocked_budget') then 'reported_none'
            when is_without_usage then 'usage_missing'
            when price_model is null then 'unknown_model'
            when price_block is null then 'no_price_for_date'
            when is_inconsistent then 'inconsistent_usage'
            else 'price'
        end as verdict,
        concat_ws(
            ','
            {%- for component in price_components() %},
            case when {{ component }}_quantity > 0 and {{ component }}_num is null then '{{ component }}' end
            {%- endfor %}
        ) as missing_prices,
        (
            {% for component in price_components() -%}
            ({{ component }}_quantity > 0 and {{ component }}_num is not null){{ ' or ' if not loop.last }}
            {%- endfor %}
        ) as is_any_priced
    from matched

),

costed as (

    select
        *,
        verdict = 'price' and is_any_priced as has_price,
        {% for component in price_components() -%}
        case
            when verdict = 'price' and is_any_priced
                then coalesce({{ component_pico(component ~ '_quantity', component ~ '_num', 'price_block') }}, 0)
            when verdict in ('hit', 'reported_none') then 0
        end as {{ component }}_pico,
        {% endfor -%}
        case when verdict = 'hit' then cast({{ setting('gateway_lookup_pico') or 0 }} as bigint) else 0 end as lookup_pico
    from judged

)

select
    record_key,
    day,
    {{ usage_date('started_at') }} as usage_date,
    started_at,
    ended_at,
    latency_ms,
    landing_id,
    source_line,
    tenant_id,
    end_user_id,
    feature,
    environment,
    environment is null
    or lower(environment) in (select environment from {{ input('production_environment') }}) as is_production,
    task_id,
    coalesce(gateway_call_id, record_key) as logical_call_id,
    operation_name,
    provider_name,
    coalesce(base_model, response_model) as model,
    price_provider,
    price_model,
    coalesce(model_tier, 'unknown') as model_tier,
    status,
    is_gateway_cache_hit,
    input_tokens,
    cache_read_input_tokens,
    cache_creation_input_tokens,
    output_tokens,
    reasoning_output_tokens,
    case
        when verdict = 'hit' then 'priced'
        when verdict = 'reported_none' then 'reported_none'
        when not has_price then 'unpriced'
        when missing_prices <> '' or not has_context_price or not is_known_tier then 'partial'
        when is_free then 'free'
        else 'priced'
    end as pricing_status,
    case
        when verdict = 'hit' then 'gateway_cache_hit'
        when verdict in ('usage_missing', 'unknown_model', 'no_price_for_date', 'inconsistent_usage') then verdict
        when verdict = 'reported_none' then null
        when missing_prices <> '' then 'no_price:' || missing_prices
        when not has_context_price then 'no_price_for_context:' || price_context
        when not is_known_tier then 'unknown_service_tier'
    end as pricing_reason,
    price_context,
    case when has_price then {{ used_fallbacks() }} end as price_fallbacks,
    case when has_price then price_book_id end as price_book_id,
    cast(input_pico as bigint) as input_cost_pico,
    cast(cache_read_pico as bigint) as cache_read_cost_pico,
    cast(cache_write_5m_pico + cache_write_1h_pico as bigint) as cache_write_cost_pico,
    cast(output_pico + reasoning_pico as bigint) as output_cost_pico,
    cast(input_audio_pico + output_audio_pico + input_image_pico + output_image_pico as bigint) as media_cost_pico,
    cast(web_search_pico + rerank_search_pico + request_pico + lookup_pico as bigint) as request_cost_pico,
    cast({{ price_components() | join('_pico + ') }}_pico + lookup_pico as bigint) as cost_pico,
    cost_reported
from costed
