-- Guarantee: lifetime value by segment, each with its own margin and churn; a blend of them would be a number about nobody. What cannot be
-- said is null with its reason.
{{ config(materialized='table') }}
{%- set horizon_months = 60 %}

with margins as (

    -- one row per month and paying tenant
    select
        margins.month,
        coalesce(dated.segment, tenants.segment, 'no_segment') as segment,
        {{ usd_to_pico('margins.revenue_usd') }} as revenue_pico,
        {{ usd_to_pico('margins.gross_profit_usd') }} as gross_profit_pico
    from {{ ref('mart_tenant_margin_month') }} as margins
    left join {{ ref('dim_tenant') }} as tenants on margins.tenant_id = tenants.tenant_id
    left join {{ ref('dim_tenant_plan') }} as dated
        on margins.tenant_id = dated.tenant_id and {{ holds_on('last_day(margins.month)', 'dated') }}
    where margins.revenue_usd > 0

),

earned as (

    select
        month,
        segment,
        cast(count(*) as bigint) as paying_tenants,
        {{ sum_big('revenue_pico') }} as revenue_pico,
        {{ sum_big('gross_profit_pico') }} as gross_profit_pico
    from margins
    group by month, segment

),

months as (

    select distinct month, {{ add_months('month', -2) }} as window_start, {{ add_months('month', 1) }} as window_end from earned

),

customers as (

    -- one row per month and segment: customers when the three months began, and how many of them left in it
    select
        months.month,
        coalesce(tenants.segment, 'no_segment') as segment,
        cast(count(*) as bigint) as customers_before,
        cast(sum(case when tenants.churned_on < months.window_end then 1 else 0 end) as bigint) as customers_lost
    from months
    inner join {{ ref('dim_tenant') }} as tenants
        on
            tenants.started_on < months.window_start
            and (tenants.churned_on is null or tenants.churned_on >= months.window_start)
    group by months.month, coalesce(tenants.segment, 'no_segment')

),

acquired as (

    -- one row per month and segment: three months together
    select
        months.month,
        coalesce(acquisition.segment, 'no_segment') as segment,
        {{ sum_big(usd_to_pico('acquisition.sales_marketing_usd')) }} as acquisition_pico,
        cast({{ sum_big('acquisition.new_customers') }} as bigint) as customers_won
    from months
    inner join {{ ref('stg_acquisition') }} as acquisition
        on acquisition.month >= months.window_start and acquisition.month < months.window_end
    group by months.month, coalesce(acquisition.segment, 'no_segment')

),

free_tier as (

    -- One row per month and segment: what free plans cost where that is no cost of goods but acquisition. Nothing else in production
    -- with such a component is outside the cost of goods.
    select
        months.month,
        coalesce(tenants.segment, 'no_segment') as segment,
        {{ sum_big('cost_days.cost_pico') }} as cost_pico
    from months
    inner join {{ ref('fct_cost_day') }} as cost_days
        on cost_days.usage_date >= months.window_start and cost_days.usage_date < months.window_end
    left join {{ ref('dim_tenant') }} as tenants on cost_days.tenant_id = tenants.tenant_id
    where cost_days.is_production and not cost_days.is_cost_of_goods and {{ is_cost_of_goods('cost_days.component') }}
    group by months.month, coalesce(tenants.segment, 'no_segment')

),

paid as (

    select
        acquired.month,
        acquired.segment,
        acquired.customers_won,
        acquired.acquisition_pico + coalesce(free_tier.cost_pico, 0) as acquisition_pico
    from acquired
    left join free_tier on acquired.month = free_tier.month and acquired.segment = free_tier.segment

),

measured as (

    select
        earned.*,
        coalesce(customers.customers_before, 0) as customers_before,
        coalesce(customers.customers_lost, 0) as customers_lost,
        paid.acquisition_pico,
        paid.customers_won,
        case
            when earned.gross_profit_pico <= 0 or customers.customers_before is null then null
            when customers.customers_lost * {{ horizon_months }} <= 3 * customers.customers_before
                then {{ div_half_even(big('earned.gross_profit_pico') ~ ' * ' ~ horizon_months, 'earned.paying_tenants') }}
            else {{ div_half_even(big('earned.gross_profit_pico') ~ ' * 3 * customers.customers_before',
                '(earned.paying_tenants * customers.customers_lost)') }}
        end as ltv_pico,
        {{ div_half_even('paid.acquisition_pico', 'paid.customers_won') }} as cac_pico
    from earned
    left join customers on earned.month = customers.month and earned.segment = customers.segment
    left join paid on earned.month = paid.month and earned.segment = paid.segment

)

select
    month,
    segment,
    paying_tenants,
    customers_before,
    customers_lost,
    customers_won,
    {{ pico_to_usd('revenue_pico') }} as revenue_usd,
    {{ pico_to_usd('gross_profit_pico') }} as gross_profit_usd,
    {{ pico_to_usd(div_half_even('revenue_pico', 'paying_tenants')) }} as arpa_usd,
    {{ pico_to_usd(ratio('gross_profit_pico', 'revenue_pico')) }} as gross_margin,
    {{ pico_to_usd(ratio('customers_lost', '(3 * customers_before)')) }} as monthly_churn,
    {{ pico_to_usd('ltv_pico') }} as ltv_usd,
    {{ pico_to_usd('cac_pico') }} as cac_usd,
    {{ pico_to_usd(ratio('ltv_pico', 'cac_pico')) }} as ltv_cac,
    case when gross_profit_pico > 0 then {{ pico_to_usd(ratio(big('cac_pico') ~ ' * paying_tenants', 'gross_profit_pico')) }} end as payback_months,
    {{ pico_to_usd(ratio('ltv_pico', 'cac_pico')) }} < 3 or gross_profit_pico <= 0 as is_alert,
    case
        when gross_profit_pico <= 0 then 'a positive margin (n/m)'
        when customers_before = 0 then 'customers of three months ago'
        when customers_won is null then 'acquisition cost of this segment'
        when customers_won = 0 then 'new customers in three months'
        when acquisition_pico = 0 then 'acquisition cost in three months'
    end as missing
from measured
