-- No week of the data lacks a row of the weekly view, and no row stands there without a value and without a reason.
with weeks as (

    select distinct {{ week_start('usage_date') }} as week_start from {{ ref('fct_tenant_day') }}

),

expected as (

    -- one row per week and metric
    {% for metric in weekly_metrics() -%}
    select week_start, '{{ metric.id }}' as metric_id from weeks
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

found as (

    select week_start, metric_id, this_week, missing from {{ ref('mart_weekly_unit_economics') }}

)

select
    coalesce(expected.week_start, found.week_start) as week_start,
    coalesce(expected.metric_id, found.metric_id) as metric_id
from expected
full outer join found on expected.week_start = found.week_start and expected.metric_id = found.metric_id
where expected.metric_id is null or found.metric_id is null or (found.this_week is null and found.missing is null)
