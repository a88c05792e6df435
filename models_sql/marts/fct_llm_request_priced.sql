-- Defect: what a token costs depends on what was bought before it (commitments, allowances, volume tiers), in an order that a
-- day's rows do not know.
-- Guarantee: effective cost = contracted cost + drawdown. A drawdown's requests draw in the order of their starts; what days that
-- are not rebuilt have drawn is carried in from this table.
{{ config(
    materialized='incremental',
    incremental_strategy=replace_days_strategy(),
    day_column='day',
    partition_by=['day'] if target.type == 'spark' else none,
    pre_hook="{{ drop_build_days('day') }}"
) }}
{%- set has_drawdowns = any_row('drawdown') %}
{%- set has_claims = has_outcomes_without_task() %}

with costs as (

    select * from {{ ref('int_llm_request_cost') }}

),

{% if has_drawdowns -%}
drawdowns as (

    select * from {{ input('drawdown') }}

),

segments as (

    select * from {{ ref('int_drawdown_segment') }}

),

drawing as (

    -- one row per request of this build that draws, and one per drawdown and day that this build leaves as it is
    select
        record_key,
        drawdown_id,
        day,
        started_at,
        contracted_cost_pico,
        {{ drawn_tokens() }} as tokens,
        1 as requests
    from {{ ref('int_llm_request_cost') }}
    where drawdown_id is not null and has_price
    {%- if is_incremental() %}
    union all
    select
        '' as record_key,
        drawdown_id,
        day,
        min(started_at) as started_at,
        {{ sum_big('contracted_cost_pico') }} as contracted_cost_pico,
        {{ sum_big(drawn_tokens()) }} as tokens,
        count(*) as requests
    from {{ this }}
    where drawdown_id is not null and not ({{ in_build_days() }})
    group by drawdown_id, day
    {%- endif %}

),

measured as (

    select
        drawing.record_key,
        drawing.drawdown_id,
        drawing.started_at,
        drawing.contracted_cost_pico,
        drawdowns.measure,
        {{ window_start('drawing.day', 'drawdowns') }} as window_start,
        case drawdowns.measure
            when 'usd' then {{ big('drawing.contracted_cost_pico') }}
            when 'tokens' then {{ big('drawing.tokens') }}
            else {{ big('drawing.requests') }}
        end as drawn
    from drawing
    inner join drawdowns on drawing.drawdown_id = drawdowns.drawdown_id

),

placed as (

    select
        *,
        {{ big('sum(drawn) over (
            partition by drawdown_id, window_start order by started_at asc, record_key asc
            rows between unbounded preceding and current row
        )') }} as drawn_after
    from measured

),

charged as (

    select
        placed.record_key,
        placed.measure,
        placed.drawn,
        placed.contracted_cost_pico,
        {{ charge_upto('placed.drawn_after', 'last_segment') }}
        - {{ charge_upto('(placed.drawn_after - placed.drawn)', 'first_segment') }} as charge
    from placed
    inner join segments as first_segment
        on
            placed.drawdown_id = first_segment.drawdown_id
            and placed.drawn_after - placed.drawn >= first_segment.lo
            and placed.drawn_after - placed.drawn < first_segment.hi
    inner join segments as last_segment
        on
            placed.drawdown_id = last_segment.drawdown_id
            and placed.drawn_after >= last_segment.lo
            and placed.drawn_after < last_segment.hi
    where placed.record_key <> ''

),

drawn as (

    -- one row per request that draws
    select
        record_key,
        cast(case
            when measure = 'usd' then charge
            when drawn = 0 then contracted_cost_pico
            else {{ div_half_even(big('contracted_cost_pico') ~ ' * charge', '(drawn * 1000000)') }}
        end as bigint) - contracted_cost_pico as drawdown_pico
    from charged

),

{% endif -%}
effective as (

    select
        costs.*,
        {{ 'coalesce(claimed.task_id, costs.task_id)' if has_claims else 'costs.task_id' }} as claiming_task_id,
        case when costs.contracted_cost_pico is not null then {{ drawdown_of(has_drawdowns) }} end as drawdown_pico
    from costs
    {% if has_drawdowns -%}
    left join drawn on costs.record_key = drawn.record_key
    {%- endif %}
    {% if has_claims -%}
    left join {{ ref('int_attributed_request') }} as claimed on costs.record_key = claimed.record_key
    {% endif %}

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
    api_key_hash,
    feature,
    endpoint,
    prompt_version,
    experiment,
    environment,
    environment is null
    or lower(environment) in (select environment from {{ input('production_environment') }}) as is_production,
    claiming_task_id as task_id,
    coalesce(gateway_call_id, record_key) as logical_call_id,
    parent_span_id,
    prefix_hash,
    operation_name,
    provider_name,
    coalesce(base_model, response_model) as model,
    price_provider,
    price_model,
    coalesce(model_tier, 'unknown') as model_tier,
    status,
    is_gateway_cache_hit,
    cache_kind,
    coalesce(is_batch, false) as is_batch,
    route_decision,
    tool_calls,
    input_tokens,
    cache_read_input_tokens,
    cache_creation_input_tokens,
    output_tokens,
    reasoning_output_tokens,
    pricing_status,
    pricing_reason,
    price_context,
    price_fallbacks,
    case when has_price then price_book_id end as price_book_id,
    case when is_rated then price_source end as price_source,
    case when is_rated then gpu_pool_id end as gpu_pool_id,
    case when has_price then drawdown_id end as drawdown_id,
    cast(input_cost_pico as bigint) as input_cost_pico,
    cast(cache_read_cost_pico as bigint) as cache_read_cost_pico,
    cast(cache_write_cost_pico as bigint) as cache_write_cost_pico,
    cast(output_cost_pico as bigint) as output_cost_pico,
    cast(media_cost_pico as bigint) as media_cost_pico,
    cast(request_cost_pico as bigint) as request_cost_pico,
    cast(list_cost_pico as bigint) as list_cost_pico,
    cast(contracted_cost_pico as bigint) as contracted_cost_pico,
    cast(drawdown_pico as bigint) as drawdown_pico,
    cast(contracted_cost_pico + drawdown_pico as bigint) as cost_pico,
    cast(avoided_cost_pico as bigint) as avoided_cost_pico,
    cast(prompt_cache_saving_pico as bigint) as prompt_cache_saving_pico,
    case when is_rated then tier_lo end as context_step_tokens,
    cost_reported
from effective
