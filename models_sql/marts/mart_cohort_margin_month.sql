-- Guarantee: gross margin of those who began in the same month, and of those on the same plan; tenants without either stay in view.
{{ config(materialized='table') }}

with margins as (

    select * from {{ ref('mart_tenant_margin_month') }}

),

tenants as (

    select * from {{ ref('dim_tenant') }}

)

select
    margins.month,
    coalesce(tenants.plan, 'no_plan') as plan,
    cast(date_trunc('month', tenants.started_on) as date) as start_month,
    cast(count(*) as bigint) as tenants,
    {{ sum_usd('margins.revenue_usd') }} as revenue_usd,
    {{ sum_usd('margins.cogs_usd') }} as cogs_usd,
    {{ sum_usd('margins.gross_profit_usd') }} as gross_profit_usd,
    case when sum(margins.revenue_usd) > 0 then {{ pico_to_usd(ratio(
        usd_to_pico('sum(margins.gross_profit_usd)'), usd_to_pico('sum(margins.revenue_usd)'))) }} end as gross_margin
from margins
left join tenants on margins.tenant_id = tenants.tenant_id
group by margins.month, coalesce(tenants.plan, 'no_plan'), cast(date_trunc('month', tenants.started_on) as date)
