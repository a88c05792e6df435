-- Guarantee: the rows of a month sum exactly to the company's revenue and cost; `shared` holds the pools that no tenant bears yet.
{{ config(materialized='table') }}

with tenant_months as (

    -- one row per month and tenant
    select
        cast(date_trunc('month', usage_date) as date) as month,
        tenant_id,
        {{ sum_big('revenue_pico') }} as revenue_pico,
        {{ sum_big('inference_cogs_pico') }} as inference_cogs_pico,
        {{ sum_big('other_cogs_pico') }} as other_cogs_pico,
        {{ sum_big('inference_cost_pico + other_cost_pico - inference_cogs_pico - other_cogs_pico') }} as outside_cogs_pico,
        cast(sum(requests) as bigint) as requests,
        cast(sum(unpriced_requests) as bigint) as unpriced_requests,
        cast(sum(partial_requests) as bigint) as partial_requests,
        cast(sum(unconverted_events + unconverted_lines) as bigint) as unconverted_rows
    from {{ ref('fct_tenant_day') }}
    group by cast(date_trunc('month', usage_date) as date), tenant_id

),

shared_months as (

    -- one row per month
    select
        cast(date_trunc('month', usage_date) as date) as month,
        'shared' as tenant_id,
        cast(0 as decimal(38, 0)) as revenue_pico,
        cast(0 as decimal(38, 0)) as inference_cogs_pico,
        {{ sum_big('pool_cost_pico') }} as other_cogs_pico,
        cast(0 as decimal(38, 0)) as outside_cogs_pico,
        cast(0 as bigint) as requests,
        cast(0 as bigint) as unpriced_requests,
        cast(0 as bigint) as partial_requests,
        cast(sum(case when pool_cost_pico is null then 1 else 0 end) as bigint) as unconverted_rows
    from {{ ref('fct_shared_cost_day') }}
    group by cast(date_trunc('month', usage_date) as date)

),

months as (

    select * from tenant_months
    union all
    select * from shared_months

)

select
    month,
    tenant_id,
    {{ pico_to_usd('revenue_pico') }} as revenue_usd,
    {{ pico_to_usd('inference_cogs_pico') }} as inference_cogs_usd,
    {{ pico_to_usd('other_cogs_pico') }} as other_cogs_usd,
    {{ pico_to_usd('inference_cogs_pico + other_cogs_pico') }} as cogs_usd,
    {{ pico_to_usd('revenue_pico - inference_cogs_pico - other_cogs_pico') }} as gross_profit_usd,
    case
        when revenue_pico > 0
            then {{ pico_to_usd(ratio('(revenue_pico - inference_cogs_pico - other_cogs_pico)', 'revenue_pico')) }}
    end as gross_margin,
    {{ pico_to_usd('outside_cogs_pico') }} as outside_cogs_usd,
    requests,
    unpriced_requests,
    partial_requests,
    unconverted_rows
from months
