-- Guarantee: per day, the tenants' rows sum exactly to the priced requests, the cost events and the recognised revenue; what
-- names no tenant is the tenant `unattributed`.
{{ config(
    materialized='incremental',
    incremental_strategy=replace_days_strategy(),
    day_column='usage_date',
    day_table='build_usage_date',
    partition_by=['usage_date'] if target.type == 'spark' else none,
    pre_hook="{{ drop_build_days('usage_date', 'build_usage_date') }}"
) }}

with cost_days as (

    select * from {{ ref('fct_cost_day') }} where {{ in_build_days('usage_date', 'build_usage_date') }}

),

costs as (

    -- one row per tenant and day
    select
        tenant_id,
        usage_date,
        {{ day_sums() }}
    from cost_days
    group by tenant_id, usage_date

),

revenues as (

    -- one row per tenant and day
    select
        tenant_id,
        usage_date,
        sum(unconverted_lines) as unconverted_lines,
        {{ sum_big('revenue_pico') }} as revenue_pico
    from {{ ref('int_revenue_day') }}
    group by tenant_id, usage_date

),

keys as (

    select tenant_id, usage_date from costs
    union
    select tenant_id, usage_date from revenues

),

summed as (

    select
        keys.tenant_id,
        keys.usage_date,
        {% for name, kind, _, _ in day_measures() -%}
        coalesce(costs.{{ name }}, cast(0 as {{ kind }})) as {{ name }},
        {% endfor -%}
        cast(coalesce(revenues.unconverted_lines, 0) as bigint) as unconverted_lines,
        coalesce(revenues.revenue_pico, cast(0 as decimal(38, 0))) as revenue_pico
    from keys
    left join costs on keys.tenant_id = costs.tenant_id and keys.usage_date = costs.usage_date
    left join revenues on keys.tenant_id = revenues.tenant_id and keys.usage_date = revenues.usage_date

)

select
    *,
    {{ day_usd() }},
    {{ pico_to_usd('revenue_pico') }} as revenue_usd
from summed
