-- one row per week: what is summed over days, whoever did it for whatever task
with tenant_days as (

    select *, {{ week_start('usage_date') }} as week_start from {{ ref('fct_tenant_day') }}

),

tenants as (

    select * from {{ ref('int_week_tenant_measure') }}

),

target as (

    -- one row: what a top tenant's cost may be of what it pays; null where the settings name none
    select max({{ usd_to_pico('target') }}) as share_pico
    from {{ input('metric_target') }}
    where metric_id = 'top20_cost_share_of_revenue'

),

top_tenants as (

    -- one row per week; who pays nothing is above any share of it
    select
        tops.week_start,
        {{ sum_big('tops.cogs_pico') }} as top_cost_pico,
        {{ sum_big('tops.held_pico') }} as top_mrr_pico,
        sum(case
            when target.share_pico is null then null
            when {{ big('tops.cogs_pico') }} * {{ big('1000000000000') }} > {{ big('target.share_pico') }} * {{ big('tops.held_pico') }} then 1
            else 0
        end) as top_tenants_above
    from {{ ref('int_week_top_tenant') }} as tops
    cross join target
    group by tops.week_start

),

tenant_weeks as (

    -- one row per week
    select
        week_start,
        sum(case when revenue_pico > 0 then 1 else 0 end) as paying_tenants,
        sum(case when tenant_id <> 'unattributed' and revenue_pico > 0 and cogs_pico > revenue_pico then 1 else 0 end) as under_water_tenants,
        {{ sum_big("case when tenant_id <> 'unattributed' and revenue_pico > 0 and cogs_pico > revenue_pico
            then cogs_pico - revenue_pico end") }} as under_water_loss_pico,
        {{ sum_big("case when tenant_id <> 'unattributed' and revenue_pico <= 0 then cogs_pico end") }} as unpaid_cost_pico,
        {{ sum_big("case when tenant_id = 'unattributed' then inference_cost_pico end") }} as unattributed_cost_pico
    from tenants
    group by week_start

),

pools as (

    -- one row per week
    select
        {{ week_start('usage_date') }} as week_start,
        sum(case when pool_cost_pico is null then 1 else 0 end) as unconverted_pool_days,
        {{ sum_big('pool_cost_pico') }} as pool_cogs_pico
    from {{ ref('fct_shared_cost_day') }}
    group by {{ week_start('usage_date') }}

),

unconverted_lines as (

    -- one row per week: days of revenue lines without an amount; what a credit note takes back lowers revenue, all else raises it
    select
        {{ week_start('usage_date') }} as week_start,
        sum(case when kind <> 'credit_note' then unconverted_lines else 0 end) as unconverted_charges,
        sum(case when kind = 'credit_note' then unconverted_lines else 0 end) as unconverted_credits
    from {{ ref('fct_revenue_day') }}
    group by {{ week_start('usage_date') }}

),

users as (

    -- one row per week
    select week_start, count(*) as active_users from {{ ref('fct_user_week') }} where not is_service_account group by week_start

),

dates as (

    -- one row per date
    select usage_date, {{ sum_big('inference_cost_pico') }} as inference_cost_pico from tenant_days group by usage_date

),

month_to_date as (

    -- one row per week: the month of its last day, up to that day
    select
        weeks.week_start,
        {{ sum_big('dates.inference_cost_pico') }} as month_cost_pico
    from (select distinct week_start from tenant_days) as weeks
    inner join dates
        on
            date_trunc('month', dates.usage_date) = date_trunc('month', {{ add_days('weeks.week_start', 6) }})
            and dates.usage_date <= {{ add_days('weeks.week_start', 6) }}
    group by weeks.week_start

),

days as (

    -- one row per week
    select
        week_start,
        count(distinct case when requests > 0 then usage_date end) as days_with_requests,
        {{ sum_big('requests') }} as requests,
        {{ sum_big('unpriced_requests') }} as unpriced_requests,
        {{ sum_big('partial_requests') }} as partial_requests,
        {{ sum_big('unconverted_events') }} as unconverted_events,
        {{ sum_big('cache_lookups') }} as cache_lookups,
        {{ sum_big('cache_hits') }} as cache_hits,
        {{ sum_big('served_requests') }} as served_requests,
        {{ sum_big('small_or_mid_requests') }} as small_or_mid_requests,
        {{ sum_big('inference_cost_pico') }} as inference_cost_pico,
        {{ sum_big('inference_cogs_pico') }} as inference_cogs_pico,
        {{ sum_big('other_cogs_pico') }} as other_cogs_pico,
        {{ sum_big('without_task_cost_pico') }} as without_task_cost_pico,
        {{ sum_big('revenue_pico') }} as revenue_pico
    from tenant_days
    group by week_start

)

select
    days.*,
    coalesce(month_to_date.month_cost_pico, 0) + coalesce({{ div_half_even(
        'days.inference_cost_pico * ' ~ days_between(add_days('days.week_start', 6), 'last_day(' ~ add_days('days.week_start', 6) ~ ')'),
        'days.days_with_requests') }}, 0) as month_outlook_pico,
    coalesce(users.active_users, 0) as active_users,
    coalesce(pools.pool_cogs_pico, 0) as pool_cogs_pico,
    coalesce(pools.unconverted_pool_days, 0) as unconverted_pool_days,
    coalesce(unconverted_lines.unconverted_charges, 0) as unconverted_charges,
    coalesce(unconverted_lines.unconverted_credits, 0) as unconverted_credits,
    coalesce(top_tenants.top_cost_pico, 0) as top_cost_pico,
    coalesce(top_tenants.top_mrr_pico, 0) as top_mrr_pico,
    top_tenants.top_tenants_above,
    tenant_weeks.paying_tenants,
    tenant_weeks.under_water_tenants,
    tenant_weeks.under_water_loss_pico,
    tenant_weeks.unpaid_cost_pico,
    tenant_weeks.unattributed_cost_pico
from days
inner join tenant_weeks on days.week_start = tenant_weeks.week_start
left join month_to_date on days.week_start = month_to_date.week_start
left join users on days.week_start = users.week_start
left join pools on days.week_start = pools.week_start
left join unconverted_lines on days.week_start = unconverted_lines.week_start
left join top_tenants on days.week_start = top_tenants.week_start
