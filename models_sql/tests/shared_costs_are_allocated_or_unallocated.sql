-- Conservation: what pools cost on a day is what tenants bear of it and what nobody does, exactly.
with pools as (

    select usage_date, pool_id, {{ sum_big('pool_cost_pico') }} as pool_cost_pico
    from {{ ref('fct_shared_cost_day') }}
    group by usage_date, pool_id

),

allocated as (

    select usage_date, pool_id, {{ sum_big('cost_pico') }} as cost_pico
    from {{ ref('fct_allocated_cost_day') }}
    group by usage_date, pool_id

)

select
    coalesce(pools.usage_date, allocated.usage_date) as usage_date,
    coalesce(pools.pool_id, allocated.pool_id) as pool_id,
    pools.pool_cost_pico,
    allocated.cost_pico
from pools
full outer join allocated on pools.usage_date = allocated.usage_date and pools.pool_id = allocated.pool_id
where coalesce(pools.pool_cost_pico, -1) <> coalesce(allocated.cost_pico, -1)
