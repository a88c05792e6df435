-- Guarantee: two rates that are easily taken for one: tasks moved up a tier by the router, and tasks handed to a person.
{{ config(materialized='table') }}

with tasks as (

    select *, {{ week_start('task_date') }} as week_start from {{ ref('fct_task') }} where is_production

),

counted as (

    select
        week_start,
        coalesce(feature, 'unattributed') as feature,
        cast(count(*) as bigint) as tasks,
        cast(sum(case when is_routed then 1 else 0 end) as bigint) as routed_tasks,
        cast(sum(case when is_routed and is_moved_up_tier then 1 else 0 end) as bigint) as moved_up_tasks,
        cast(sum(case when outcome = 'escalated' then 1 else 0 end) as bigint) as handed_over_tasks,
        {{ sum_big('case when is_routed and is_moved_up_tier then llm_cost_pico end') }} as moved_up_cost_pico
    from tasks
    group by week_start, coalesce(feature, 'unattributed')

)

select
    week_start,
    feature,
    tasks,
    routed_tasks,
    moved_up_tasks,
    handed_over_tasks,
    {{ pico_to_usd(ratio('moved_up_tasks', 'routed_tasks')) }} as up_tier_rate,
    {{ pico_to_usd(ratio('handed_over_tasks', 'tasks')) }} as human_handoff_rate,
    {{ pico_to_usd('moved_up_cost_pico') }} as moved_up_cost_usd
from counted
