-- one row per week, plan and tenth of its users, the dearest first
{{ config(materialized='table') }}

with ranked as (

    select
        *,
        cast({{ int_div('10 * (cost_rank_in_plan - 1)', 'plan_users') }} as integer) + 1 as decile
    from {{ ref('int_user_week') }}

)

select
    week_start,
    plan,
    decile,
    cast(count(*) as bigint) as active_users,
    {{ pico_to_usd(sum_big('cost_pico')) }} as cost_usd,
    {{ pico_to_usd(div_half_even(sum_big('cost_pico'), 'count(*)')) }} as cost_per_active_user_usd
from ranked
group by week_start, plan, decile
