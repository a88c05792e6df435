-- Guarantee: gross margin of those who began in the same month, and of those on the same plan; tenants without either stay in view.
{{ config(materialized='table') }}

with margins as (

    select * from {{ ref('mart_tenant_margin_month') }}

),

tenants as (

    select * from {{ ref('dim_tenant') }}

),

planned as (

    select
        margins.*,
        coalesce(dated.plan, tenants.plan, 'no_plan') as plan,
        cast(date_trunc('month', tenants.started_on) as date) as start_month
    from margins
    left join tenants on margins.tenant_id = tenants.tenant_id
    left join {{ ref('dim_tenant_plan') }} as dated
        on margins.tenant_id = dated.tenant_id and {{ holds_on('last_day(margins.month)', 'dated') }}

)

select
    month,
    plan,
    start_month,
    cast(count(*) as bigint) as tenants,
    {{ sum_usd('revenue_usd') }} as revenue_usd,
    {{ sum_usd('cogs_usd') }} as cogs_usd,
    {{ sum_usd('gross_profit_usd') }} as gross_profit_usd,
    case when sum(revenue_usd) > 0 then {{ pico_to_usd(ratio(
        usd_to_pico('sum(gross_profit_usd)'), usd_to_pico('sum(revenue_usd)'))) }} end as gross_margin
from planned
group by month, plan, start_month
