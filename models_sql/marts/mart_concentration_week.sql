-- Guarantee: how few make how much of the cost; the rows of a week are points of one Lorenz curve, seen from the dearest.
{{ config(materialized='table') }}

with spenders as (

    select week_start, 'user' as entity, tenant_id, end_user_id, cost_pico
    from {{ ref('fct_user_week') }}
    where not is_service_account
    union all
    select
        {{ week_start('usage_date') }} as week_start,
        'tenant' as entity,
        tenant_id,
        '' as end_user_id,
        {{ sum_big('inference_cogs_pico + other_cogs_pico') }} as cost_pico
    from {{ ref('fct_tenant_day') }}
    where tenant_id <> 'unattributed'
    group by {{ week_start('usage_date') }}, tenant_id

),

ranked as (

    select
        *,
        row_number() over (
            partition by week_start, entity order by cost_pico desc nulls last, tenant_id asc, end_user_id asc nulls last
        ) as cost_rank,
        count(*) over (partition by week_start, entity) as spender_count,
        sum(cost_pico) over (partition by week_start, entity) as all_cost_pico
    from spenders
    where cost_pico > 0

),

shares as (

    {% for percent in [1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100] -%}
    select {{ percent }} as top_percent
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    ranked.week_start,
    ranked.entity,
    shares.top_percent,
    cast(max(ranked.spender_count) as bigint) as spenders,
    cast(count(*) as bigint) as top_spenders,
    {{ pico_to_usd(sum_big('ranked.cost_pico')) }} as cost_usd,
    {{ pico_to_usd(ratio(sum_big('ranked.cost_pico'), 'max(ranked.all_cost_pico)')) }} as share_of_cost
from ranked
-- the next whole number of spenders
inner join shares on ranked.cost_rank * 100 < ranked.spender_count * shares.top_percent + 100
group by ranked.week_start, ranked.entity, shares.top_percent
