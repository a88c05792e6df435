-- one row per week and tenant with requests, cost or revenue, on the plan and in the segment of the week's last day
with tenant_days as (

    select *, {{ week_start('usage_date') }} as week_start from {{ ref('fct_tenant_day') }}

),

summed as (

    select week_start, tenant_id, {{ sum_big('revenue_pico') }} as revenue_pico
    from tenant_days
    group by week_start, tenant_id

)

select
    summed.week_start,
    summed.tenant_id,
    coalesce(dated.plan, tenants.plan, 'no_plan') as plan,
    summed.revenue_pico
from summed
left join {{ ref('dim_tenant') }} as tenants on summed.tenant_id = tenants.tenant_id
left join {{ ref('dim_tenant_plan') }} as dated
    on summed.tenant_id = dated.tenant_id and {{ holds_on(add_days('summed.week_start', 6), 'dated') }}
