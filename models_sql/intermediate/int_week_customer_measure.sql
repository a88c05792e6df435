-- one row per week: customers won, lost and paid for over the three months before its end (91 days)
with weeks as (

    select distinct {{ week_start('usage_date') }} as week_start from {{ ref('fct_tenant_day') }}

),

tenants as (

    select * from {{ ref('stg_tenant') }}

),

acquisition as (

    select * from {{ ref('stg_acquisition') }}

),

churn as (

    -- one row per week
    select
        weeks.week_start,
        count(*) filter (
            where tenants.started_on < {{ add_days('weeks.week_start', -84) }}
            and (tenants.churned_on is null or tenants.churned_on >= {{ add_days('weeks.week_start', -84) }})
        ) as customers_before,
        count(*) filter (
            where tenants.started_on < {{ add_days('weeks.week_start', -84) }}
            and tenants.churned_on >= {{ add_days('weeks.week_start', -84) }}
            and tenants.churned_on < {{ add_days('weeks.week_start', 7) }}
        ) as customers_lost
    from weeks
    cross join tenants
    group by weeks.week_start

),

spend as (

    -- one row per week; the three latest months that had begun by its end
    select
        weeks.week_start,
        {{ sum_big(usd_to_pico('acquisition.sales_marketing_usd')) }} as acquisition_pico,
        {{ sum_big('acquisition.new_customers') }} as customers_won
    from weeks
    inner join acquisition
        on
            acquisition.month < {{ add_days('weeks.week_start', 7) }}
            and acquisition.month >= {{ add_days('weeks.week_start', -85) }}
    group by weeks.week_start

),

free_tier as (

    -- one row per week: what free plans cost in these months, where that is no cost of goods but acquisition
    select weeks.week_start, {{ sum_big('cost_days.cost_pico') }} as cost_pico
    from weeks
    inner join {{ ref('fct_cost_day') }} as cost_days
        on
            cost_days.usage_date < {{ add_days('weeks.week_start', 7) }}
            and cast(date_trunc('month', cost_days.usage_date) as date) >= {{ add_days('weeks.week_start', -85) }}
    where cost_days.is_production and not cost_days.is_cost_of_goods and {{ is_cost_of_goods('cost_days.component') }}
    group by weeks.week_start

)

select
    weeks.week_start,
    coalesce(churn.customers_before, 0) as customers_before,
    coalesce(churn.customers_lost, 0) as customers_lost,
    coalesce(spend.acquisition_pico, 0) + coalesce(free_tier.cost_pico, 0) as acquisition_pico,
    coalesce(spend.customers_won, 0) as customers_won
from weeks
left join churn on weeks.week_start = churn.week_start
left join spend on weeks.week_start = spend.week_start
left join free_tier on weeks.week_start = free_tier.week_start
