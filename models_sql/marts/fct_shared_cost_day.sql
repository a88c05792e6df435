-- Shared costs of goods, spread over their period like revenue; allocated to no tenant here.
{{ config(materialized='table') }}

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
        usage_date,
        {{ spread_day('amount_pico', 'day_number', 'period_days') }} as pool_cost_pico
    from numbered

)

select *, {{ pico_to_usd('pool_cost_pico') }} as cost_usd
from spread
