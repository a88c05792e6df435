-- one row per week and user who is a person, with the plan of its tenant and its place among the plan's users
with users as (

    select * from {{ ref('fct_user_week') }} where not is_service_account

),

tenants as (

    select * from {{ ref('dim_tenant') }}

),

planned as (

    select users.*, coalesce(tenants.plan, 'no_plan') as plan
    from users
    left join tenants on users.tenant_id = tenants.tenant_id

)

select
    *,
    row_number() over (
        partition by week_start, plan order by cost_pico desc nulls last, tenant_id asc, end_user_id asc nulls last
    ) as cost_rank_in_plan,
    count(*) over (partition by week_start, plan) as plan_users
from planned
