-- Guarantee: the rows of a month sum exactly to the company's revenue and cost; `unallocated` holds the shared cost that no tenant bears.
{{ config(materialized='table') }}

with tenant_months as (

    -- one row per month and tenant
    select
        cast(date_trunc('month', usage_date) as date) as month,
        tenant_id,
        {{ sum_big('revenue_pico') }} as revenue_pico,
        {{ sum_big('inference_cogs_pico') }} as inference_cogs_pico,
        {{ sum_big('other_cogs_pico') }} as other_cogs_pico,
        {{ sum_big('variable_cost_pico') }} as variable_cost_pico,
        cast(0 as decimal(38, 0)) as allocated_cogs_pico,
        {{ sum_big('inference_cost_pico + other_cost_pico - inference_cogs_pico - other_cogs_pico') }} as outside_cogs_pico,
        cast(sum(requests) as bigint) as requests,
        cast(sum(unpriced_requests) as bigint) as unpriced_requests,
        cast(sum(partial_requests) as bigint) as partial_requests,
        cast(sum(unconverted_events + unconverted_lines) as bigint) as unconverted_rows
    from {{ ref('fct_tenant_day') }}
    group by cast(date_trunc('month', usage_date) as date), tenant_id

),

allocated_months as (

    -- one row per month and tenant
    select
        cast(date_trunc('month', usage_date) as date) as month,
        tenant_id,
        cast(0 as decimal(38, 0)) as revenue_pico,
        cast(0 as decimal(38, 0)) as inference_cogs_pico,
        cast(0 as decimal(38, 0)) as other_cogs_pico,
        cast(0 as decimal(38, 0)) as variable_cost_pico,
        {{ sum_big('cost_pico') }} as allocated_cogs_pico,
        cast(0 as decimal(38, 0)) as outside_cogs_pico,
        cast(0 as bigint) as requests,
        cast(0 as bigint) as unpriced_requests,
        cast(0 as bigint) as partial_requests,
        cast(sum(unconverted_days) as bigint) as unconverted_rows
    from {{ ref('fct_allocated_cost_day') }}
    group by cast(date_trunc('month', usage_date) as date), tenant_id

),

all_months as (

    select * from tenant_months
    union all
    select * from allocated_months

),

months as (

    -- one row per month and tenant
    select
        month,
        tenant_id,
        {% for name in ['revenue', 'inference_cogs', 'other_cogs', 'variable_cost', 'allocated_cogs', 'outside_cogs'] -%}
        {{ sum_big(name ~ '_pico') }} as {{ name }}_pico,
        {% endfor -%}
        {{ sum_big('inference_cogs_pico + other_cogs_pico + allocated_cogs_pico') }} as cogs_pico,
        {{ sum_big('revenue_pico - inference_cogs_pico - other_cogs_pico - variable_cost_pico') }} as contribution_pico,
        cast(sum(requests) as bigint) as requests,
        cast(sum(unpriced_requests) as bigint) as unpriced_requests,
        cast(sum(partial_requests) as bigint) as partial_requests,
        cast(sum(unconverted_rows) as bigint) as unconverted_rows
    from all_months
    group by month, tenant_id

)

select
    month,
    tenant_id,
    {{ pico_to_usd('revenue_pico') }} as revenue_usd,
    {{ pico_to_usd('inference_cogs_pico') }} as inference_cogs_usd,
    {{ pico_to_usd('other_cogs_pico') }} as other_cogs_usd,
    {{ pico_to_usd('allocated_cogs_pico') }} as allocated_cogs_usd,
    {{ pico_to_usd('cogs_pico') }} as cogs_usd,
    {{ pico_to_usd('revenue_pico - cogs_pico') }} as gross_profit_usd,
    case when revenue_pico > 0 then {{ pico_to_usd(ratio('(revenue_pico - cogs_pico)', 'revenue_pico')) }} end as gross_margin,
    {{ pico_to_usd('contribution_pico') }} as contribution_profit_usd,
    case when revenue_pico > 0 then {{ pico_to_usd(ratio('contribution_pico', 'revenue_pico')) }} end as contribution_margin,
    {{ pico_to_usd('outside_cogs_pico') }} as outside_cogs_usd,
    requests,
    unpriced_requests,
    partial_requests,
    unconverted_rows
from months
