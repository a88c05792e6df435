-- Defect: a week's cost against a month's price looks a quarter as large as it is.
-- Guarantee: the dearest fifth of the week's tenants, each held against what its MRR is worth on the same days: a day of a month
-- is the month's price over the days of that month. A tenant without MRR in the week is held against its recognised revenue.
with ranked as (

    select
        *,
        row_number() over (partition by week_start order by cogs_pico desc, tenant_id asc) as cost_rank,
        count(*) over (partition by week_start) as tenant_count
    from {{ ref('int_week_tenant_measure') }}
    where tenant_id <> 'unattributed' and cogs_pico > 0

),

top_tenants as (

    -- one row per week and tenant of the top fifth, rounded up
    select * from ranked where cost_rank * 5 < tenant_count + 5

),

reach as (

    -- one row: the dates that have requests; before and after them there is no cost that a price could be held against
    select min(usage_date) as first_date, max(usage_date) as last_date from {{ ref('fct_tenant_day') }} where requests > 0

),

dates as (

    select
        calendar.day,
        {{ week_start('calendar.day') }} as week_start,
        {{ days_between(month_of('calendar.day'), next_month_of('calendar.day')) }} as month_days
    from {{ input('calendar') }} as calendar
    inner join reach on calendar.day >= reach.first_date and calendar.day <= reach.last_date

),

priced as (

    -- one row per week, tenant and length of month: a week has at most two months
    select
        top_tenants.week_start,
        top_tenants.tenant_id,
        {{ int_div(sum_big(usd_to_pico('spans.mrr_usd')), 'dates.month_days') }} as mrr_pico
    from top_tenants
    inner join dates on top_tenants.week_start = dates.week_start
    inner join {{ ref('dim_tenant_mrr') }} as spans
        on top_tenants.tenant_id = spans.tenant_id and {{ holds_on('dates.day', 'spans') }}
    group by top_tenants.week_start, top_tenants.tenant_id, dates.month_days

),

recurring as (

    -- one row per week and tenant
    select week_start, tenant_id, {{ sum_big('mrr_pico') }} as mrr_pico
    from priced
    group by week_start, tenant_id

)

select
    top_tenants.week_start,
    top_tenants.tenant_id,
    top_tenants.cogs_pico,
    cast(case when recurring.mrr_pico > 0 then recurring.mrr_pico else top_tenants.revenue_pico end as decimal(38, 0)) as held_pico
from top_tenants
left join recurring on top_tenants.week_start = recurring.week_start and top_tenants.tenant_id = recurring.tenant_id
