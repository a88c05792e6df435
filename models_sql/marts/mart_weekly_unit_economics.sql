-- Guarantee: every row of the weekly view for every week of the data; a row without a value names the input it waits for.
{{ config(materialized='table') }}

{%- set metrics = weekly_metrics() %}

with measures as (

    select * from {{ ref('int_week_measure') }}

),

rows_of_view as (

    -- one row per week and metric
    {% for metric in metrics %}
    select
        week_start,
        week_end,
        is_complete,
        days_with_requests,
        {{ loop.index }} as sort_order,
        '{{ metric.id }}' as metric_id,
        '{{ metric.label | replace("'", "''") }}' as label,
        '{{ metric.unit }}' as unit,
        {% for side in ['this_', 'last_'] -%}
        {{ metric_value(metric, side) }} as {{ side }}value,
        {{ metric_bound(metric, side) if metric.bound else 'cast(null as string)' }} as {{ side }}bound,
        {% endfor -%}
        {{ metric_missing(metric, 'this_') }} as missing,
        {% if metric.id == 'cost_per_successful_task' -%}
        {{ div_half_even('this_task_cost_pico', '(this_successes + this_unknowns)') }} as lower_bound,
        case when this_incomplete_tasks = 0 then {{ div_half_even('this_task_cost_pico', 'this_successes') }} end as upper_bound
        {%- else -%}
        cast(null as decimal(38, 0)) as lower_bound,
        cast(null as decimal(38, 0)) as upper_bound
        {%- endif %}
    from measures
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

targets as (

    select * from {{ input('metric_target') }}

)

select
    rows_of_view.week_start,
    rows_of_view.week_end,
    rows_of_view.is_complete,
    rows_of_view.days_with_requests,
    rows_of_view.sort_order,
    rows_of_view.metric_id,
    rows_of_view.label,
    rows_of_view.unit,
    {{ pico_to_usd('rows_of_view.this_value') }} as this_week,
    {{ pico_to_usd('rows_of_view.last_value') }} as last_week,
    targets.target,
    targets.is_minimum,
    case
        when targets.is_minimum then {{ pico_to_usd('rows_of_view.this_value') }} >= targets.target
        else {{ pico_to_usd('rows_of_view.this_value') }} <= targets.target
    end as is_met,
    rows_of_view.missing,
    rows_of_view.this_bound as bound,
    rows_of_view.last_bound,
    {{ pico_to_usd('rows_of_view.lower_bound') }} as lower_bound,
    {{ pico_to_usd('rows_of_view.upper_bound') }} as upper_bound
from rows_of_view
left join targets on rows_of_view.metric_id = targets.metric_id
