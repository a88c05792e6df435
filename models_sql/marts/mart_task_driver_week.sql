-- Guarantee: what makes a feature's tasks dear, each driver in dollars of the same tasks. Drivers overlap and are never added up.
{{ config(materialized='table') }}

with tasks as (

    select
        *,
        {{ week_start('task_date') }} as week_start,
        coalesce(feature, 'unattributed') as feature_name,
        llm_cost_pico + other_cost_pico as cost_pico
    from {{ ref('fct_task') }}
    where is_production

),

usual as (

    -- one row per week and feature
    select
        week_start,
        feature_name,
        cast(percentile_disc(0.5) within group (order by input_tokens) as bigint) as median_input_tokens,
        cast(percentile_disc(0.5) within group (order by logical_calls) as bigint) as median_calls,
        {{ sum_big('cost_pico') }} as feature_cost_pico
    from tasks
    group by week_start, feature_name

),

measured as (

    select
        tasks.week_start,
        tasks.feature_name as feature,
        usual.feature_cost_pico,
        {{ div_half_even(
            big('tasks.context_cost_pico') ~ ' * ' ~ big('greatest(tasks.input_tokens - usual.median_input_tokens, 0)'), 'tasks.input_tokens'
        ) }} as context_length_pico,
        tasks.superseded_cost_pico as retries_pico,
        {{ div_half_even(
            big('tasks.llm_cost_pico') ~ ' * ' ~ big('greatest(tasks.logical_calls - usual.median_calls, 0)'), 'tasks.logical_calls'
        ) }} as tool_fan_out_pico,
        tasks.large_model_cost_pico as large_models_pico,
        tasks.cache_miss_cost_pico as cache_misses_pico,
        tasks.other_cost_pico
    from tasks
    inner join usual on tasks.week_start = usual.week_start and tasks.feature_name = usual.feature_name

),

found as (

    {% for driver in ['context_length', 'retries', 'tool_fan_out', 'large_models', 'cache_misses', 'other_cost'] -%}
    select
        week_start,
        feature,
        feature_cost_pico,
        '{{ driver }}' as driver,
        cast(sum(case when {{ driver }}_pico > 0 then 1 else 0 end) as bigint) as tasks,
        {{ sum_big(driver ~ '_pico') }} as cost_pico
    from measured
    group by week_start, feature, feature_cost_pico
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    week_start,
    feature,
    driver,
    cast(row_number() over (partition by week_start, feature order by cost_pico desc nulls last, driver asc nulls last) as bigint) as driver_rank,
    tasks,
    {{ pico_to_usd('cost_pico') }} as cost_usd,
    {{ pico_to_usd(ratio('cost_pico', 'feature_cost_pico')) }} as share_of_cost
from found
where cost_pico > 0
