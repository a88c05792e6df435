-- one row per pool, period and tenant with a fixed weight above 0, in units of 10^-12
with pools as (

    select * from {{ ref('stg_cost_pool') }} where driver = 'fixed'

),

entries as (

    select pool_id, period_start, {{ json_entries('weights') }} from pools

)

select
    pool_id,
    period_start,
    tenant_id,
    {{ usd_to_pico('weight') }} as weight
from entries
where
    {{ usd_to_pico('weight') }} > 0
    and md5(tenant_id) not in (select id_md5 from {{ input('tombstone') }} where kind = 'tenant')
