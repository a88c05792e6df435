-- one row per week and user who is a person, with its tenant's plan and its place among the plan's users
with users as (

    select * from {{ ref('fct_user_week') }} where not is_service_account

),

tenant_weeks as (

    select * from {{ ref('int_tenant_week') }}

),

planned as (

    select users.*, tenant_weeks.plan
    from users
    inner join tenant_weeks on users.week_start = tenant_weeks.week_start and users.tenant_id = tenant_weeks.tenant_id

)

select
    *,
    row_number() over (
        partition by week_start, plan order by cost_pico desc nulls last, tenant_id asc, end_user_id asc nulls last
    ) as cost_rank_in_plan,
    count(*) over (partition by week_start, plan) as plan_users
from planned
