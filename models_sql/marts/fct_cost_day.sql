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
{%- set keys = ['usage_date', 'tenant_id', 'feature', 'environment', 'is_production', 'provider_name', 'model', 'model_tier',
  'component', 'is_model_call', 'is_cost_of_goods'] %}
{%- set has_free_tier = any_row('free_plan') %}
{#- A cost event has one amount; what else is measured of requests, it has none of. #}
{%- set events_have = {'unconverted_events': 'unconverted_events', 'cost_pico': 'cost_pico', 'list_cost_pico': 'cost_pico as list_cost_pico',
  'contracted_cost_pico': 'cost_pico as contracted_cost_pico'} %}

with {% if has_free_tier -%}
free_days as (

    -- one row per tenant and stretch of days on a plan that nobody pays for
    select * from {{ ref('dim_tenant_plan') }} where plan in (select plan from {{ input('free_plan') }})

),

{% endif -%}
priced as (

    select
        priced.*,
        {{ 'free_days.tenant_id is not null' if has_free_tier else 'false' }} as is_free,
        priced.status in ('ok', 'cancelled') as is_answered,
        priced.operation_name in ('chat', 'embeddings') and priced.is_gateway_cache_hit is not null as is_lookup
    from {{ ref('fct_llm_request_priced') }} as priced
    {% if has_free_tier -%}
    left join free_days
        on
            priced.tenant_id = free_days.tenant_id
            and priced.usage_date >= free_days.valid_from
            and (free_days.valid_to is null or priced.usage_date < free_days.valid_to)
    {% endif -%}
    where {{ in_build_days('usage_date', 'build_usage_date') }}

),

requests as (

    select
        usage_date,
        tenant_id,
        coalesce(feature, 'unattributed') as feature,
        environment,
        is_production,
        provider_name,
        model,
        model_tier,
        case operation_name when 'embeddings' then 'embeddings' when 'rerank' then 'rerank' else 'inference' end as component,
        true as is_model_call,
        is_production and not is_free as is_cost_of_goods,
        1 as requests,
        case when cost_pico is null then 1 else 0 end as unpriced_requests,
        case when pricing_status = 'partial' then 1 else 0 end as partial_requests,
        0 as unconverted_events,
        input_tokens,
        cache_read_input_tokens,
        cache_creation_input_tokens,
        output_tokens,
        case when is_gateway_cache_hit then input_tokens end as hit_input_tokens,
        case when is_gateway_cache_hit then output_tokens end as hit_output_tokens,
        case when is_answered and is_lookup then 1 else 0 end as cache_lookups,
        case when is_answered and is_lookup and is_gateway_cache_hit then 1 else 0 end as cache_hits,
        case when is_answered and not coalesce(is_gateway_cache_hit, false) then 1 else 0 end as served_requests,
        case when is_batch then 1 else 0 end as batch_requests,
        list_cost_pico,
        contracted_cost_pico,
        cost_pico,
        case when task_id is null then cost_pico else 0 end as without_task_cost_pico,
        case when is_batch then cost_pico else 0 end as batch_cost_pico,
        case when is_answered and is_lookup and not is_gateway_cache_hit then cost_pico else 0 end as cache_miss_cost_pico,
        case when is_answered and is_lookup then avoided_cost_pico end as avoided_cost_pico,
        prompt_cache_saving_pico
    from priced

),

events as (

    select
        events.usage_date,
        events.tenant_id,
        coalesce(events.feature, 'unattributed') as feature,
        cast(null as string) as environment,
        events.is_production,
        cast(null as string) as provider_name,
        cast(null as string) as model,
        cast(null as string) as model_tier,
        events.component,
        false as is_model_call,
        events.is_production and events.is_cost_of_goods and {{ 'free_days.tenant_id is null' if has_free_tier else 'true' }} as is_cost_of_goods,
        case when events.cost_pico is null then 1 else 0 end as unconverted_events,
        events.cost_pico
    from {{ ref('int_cost_event') }} as events
    {% if has_free_tier -%}
    left join free_days
        on
            events.tenant_id = free_days.tenant_id
            and events.usage_date >= free_days.valid_from
            and (free_days.valid_to is null or events.usage_date < free_days.valid_to)
    {% endif -%}
    where {{ in_build_days('usage_date', 'build_usage_date') }}

),

costs as (

    select * from requests
    union all
    select
        {{ keys | join(', ') }},
        {% for name, _ in cost_measures()[:-1] -%}
        {{ events_have.get(name, '0 as ' ~ name) }},
        {% endfor -%}
        0 as prompt_cache_saving_pico
    from events

),

summed as (

    -- one row per day and every dimension
    select
        {{ keys | join(', ') }},
        {% for name, kind in cost_measures()[:-1] -%}
        {{ sum_measure(name, kind) }} as {{ name }},
        {% endfor -%}
        {{ sum_measure('prompt_cache_saving_pico', 'decimal(38, 0)') }} as prompt_cache_saving_pico
    from costs
    group by {{ keys | join(', ') }}

)

select
    *,
    {{ pico_to_usd('list_cost_pico') }} as list_cost_usd,
    {{ pico_to_usd('contracted_cost_pico') }} as contracted_cost_usd,
    {{ pico_to_usd('cost_pico') }} as cost_usd
from summed
