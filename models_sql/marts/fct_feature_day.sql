-- Guarantee: per day, the features' rows sum exactly to the priced requests and the cost events; what names no feature is
-- `unattributed`.
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

summed as (

    select
        feature,
        usage_date,
        {{ day_sums() }}
    from cost_days
    group by feature, usage_date

)

select *, {{ day_usd() }} from summed
