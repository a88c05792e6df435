-- Shared costs of goods, before they are allocated: pools, spread over their period like revenue, and what was paid for models
-- without being charged to any request (idle GPUs, unused commitments).
-- Guarantee: what requests on a GPU pool were charged and its idle lines are what was paid for it, exactly.
{{ config(materialized='table') }}
{%- set has_capacity = any_row('capacity_day') %}
{%- set has_commitments = any_row('drawdown', "kind = 'commitment'") %}

with pools as (

    select * from {{ ref('stg_cost_pool') }} where {{ is_cost_of_goods('component') }}

),

rates as (

    select * from {{ ref('stg_fx') }} where to_currency = 'USD'

),

converted as (

    select
        pools.pool_id,
        pools.component,
        pools.driver,
        pools.period_start,
        pools.period_end,
        {{ days_between('pools.period_start', 'pools.period_end') }} as period_days,
        {{ amount_to_pico_usd('pools.amount', 'pools.currency', 'rates.rate') }} as amount_pico
    from pools
    left join rates on pools.period_start = rates.date and pools.currency = rates.from_currency

),

numbered as (

    -- one row per pool, period and day
    select
        converted.*,
        calendar.day as usage_date,
        {{ days_between('converted.period_start', 'calendar.day') }} + 1 as day_number
    from converted
    inner join {{ input('calendar') }} as calendar
        on calendar.day >= converted.period_start and calendar.day < converted.period_end

),

spread as (

    select
        pool_id,
        component,
        driver,
        period_start,
        usage_date,
        {{ spread_day('amount_pico', 'day_number', 'period_days') }} as pool_cost_pico
    from numbered

),

{% if has_capacity -%}
paid as (

    select gpu_pool_id, day as usage_date, {{ sum_big('paid_pico') }} as paid_pico
    from {{ input('capacity_day') }}
    group by gpu_pool_id, day

),

charged as (

    -- one row per GPU pool and day
    select gpu_pool_id, usage_date, {{ sum_big('cost_pico') }} as charged_pico
    from {{ ref('fct_llm_request_priced') }}
    where gpu_pool_id is not null
    group by gpu_pool_id, usage_date

),

idle as (

    -- negative where a pool was busier than its price assumes
    select
        'idle:' || coalesce(paid.gpu_pool_id, charged.gpu_pool_id) as pool_id,
        'idle' as component,
        cast(null as string) as driver,
        cast(null as date) as period_start,
        coalesce(paid.usage_date, charged.usage_date) as usage_date,
        cast(coalesce(paid.paid_pico, 0) - coalesce(charged.charged_pico, 0) as decimal(38, 0)) as pool_cost_pico
    from paid
    full outer join charged on paid.gpu_pool_id = charged.gpu_pool_id and paid.usage_date = charged.usage_date

),

{% endif -%}
{% if has_commitments -%}
ended as (

    -- commitments whose last day the data has reached
    select drawdowns.*
    from {{ input('drawdown') }} as drawdowns
    inner join {{ input('calendar') }} as calendar on calendar.day = {{ add_days('drawdowns.valid_to', -1) }}
    where drawdowns.kind = 'commitment'

),

drawn as (

    -- one row per commitment
    select drawdown_id, {{ sum_big('contracted_cost_pico') }} as drawn_pico
    from {{ ref('fct_llm_request_priced') }}
    where drawdown_id is not null
    group by drawdown_id

),

unused as (

    -- the fee less what requests were charged inside the commitment, on its last day
    select
        'unused:' || ended.drawdown_id as pool_id,
        'idle' as component,
        cast(null as string) as driver,
        cast(null as date) as period_start,
        {{ add_days('ended.valid_to', -1) }} as usage_date,
        cast(
            ended.fee_pico - {{ charge_upto('least(' ~ big('coalesce(drawn.drawn_pico, 0)') ~ ', segments.hi)', 'segments') }}
            as decimal(38, 0)
        ) as pool_cost_pico
    from ended
    inner join {{ ref('int_drawdown_segment') }} as segments on ended.drawdown_id = segments.drawdown_id and segments.lo = 0
    left join drawn on ended.drawdown_id = drawn.drawdown_id

),

{% endif -%}
lines as (

    select * from spread
    {%- if has_capacity %}
    union all
    select * from idle
    {%- endif %}
    {%- if has_commitments %}
    union all
    select * from unused where pool_cost_pico <> 0
    {%- endif %}

)

select *, {{ pico_to_usd('pool_cost_pico') }} as cost_usd
from lines
