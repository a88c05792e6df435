-- one row per week and tenant: its cost of goods, with its part of shared cost, and its recognised revenue
with costs as (

    select
        {{ week_start('usage_date') }} as week_start,
        tenant_id,
        inference_cogs_pico + other_cogs_pico as cogs_pico,
        inference_cost_pico,
        revenue_pico
    from {{ ref('fct_tenant_day') }}
    union all
    select
        {{ week_start('usage_date') }} as week_start,
        tenant_id,
        cost_pico as cogs_pico,
        0 as inference_cost_pico,
        0 as revenue_pico
    from {{ ref('fct_allocated_cost_day') }}
    where tenant_id <> 'unallocated'

)

select
    week_start,
    tenant_id,
    {{ sum_big('cogs_pico') }} as cogs_pico,
    {{ sum_big('inference_cost_pico') }} as inference_cost_pico,
    {{ sum_big('revenue_pico') }} as revenue_pico
from costs
group by week_start, tenant_id
