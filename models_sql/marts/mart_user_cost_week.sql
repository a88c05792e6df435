-- Guarantee: what a user costs within a plan, beside what the plan's tenants pay for one: a blended average hides who loses money.
{{ config(materialized='table') }}

with users as (

    -- Percentiles by nearest rank, counted: Spark's percentile_disc takes a decimal for a double.
    select
        *,
        row_number() over (partition by week_start, plan order by cost_pico asc nulls last) as rank_from_cheapest,
        count(cost_pico) over (partition by week_start, plan) as users_with_cost
    from {{ ref('int_user_week') }}

),

revenues as (

    -- one row per week and plan
    select week_start, plan, {{ sum_big('revenue_pico') }} as revenue_pico
    from {{ ref('int_tenant_week') }}
    group by week_start, plan

),

summed as (

    select
        week_start,
        plan,
        cast(count(*) as bigint) as active_users,
        cast(sum(incomplete_requests) as bigint) as incomplete_requests,
        {{ sum_big('cost_pico') }} as cost_pico,
        min(case when rank_from_cheapest * 10 >= users_with_cost * 5 then cost_pico end) as median_pico,
        min(case when rank_from_cheapest * 10 >= users_with_cost * 8 then cost_pico end) as p80_pico,
        min(case when rank_from_cheapest * 10 >= users_with_cost * 9 then cost_pico end) as p90_pico
    from users
    group by week_start, plan

)

select
    summed.week_start,
    summed.plan,
    summed.active_users,
    summed.incomplete_requests,
    {{ pico_to_usd('summed.cost_pico') }} as cost_usd,
    {{ pico_to_usd(div_half_even('summed.cost_pico', 'summed.active_users')) }} as cost_per_active_user_usd,
    {{ pico_to_usd('summed.median_pico') }} as median_user_cost_usd,
    {{ pico_to_usd('summed.p80_pico') }} as p80_user_cost_usd,
    {{ pico_to_usd('summed.p90_pico') }} as p90_user_cost_usd,
    {{ pico_to_usd('coalesce(revenues.revenue_pico, 0)') }} as revenue_usd,
    {{ pico_to_usd(div_half_even('coalesce(revenues.revenue_pico, 0)', 'summed.active_users')) }} as revenue_per_active_user_usd
from summed
left join revenues on summed.week_start = revenues.week_start and summed.plan = revenues.plan
