-- Guarantee: each kind of spend that a team can act on, by tenant and feature. Kinds overlap (an attempt of a failed task may be superseded
-- too) and are never added up; where two do, what they have in common is a kind of its own.
{{ config(materialized='table') }}

with tasks as (

    select
        *,
        {{ week_start('task_date') }} as week_start,
        outcome in ('failure', 'escalated', 'abandoned') as is_failed,
        llm_cost_pico + other_cost_pico as cost_pico
    from {{ ref('fct_task') }}
    where is_production

),

cost_days as (

    select cost_days.*, {{ week_start('cost_days.usage_date') }} as week_start, features.is_async_eligible, features.task_tier
    from {{ ref('fct_cost_day') }} as cost_days
    left join {{ ref('stg_feature') }} as features on cost_days.feature = features.feature

),

steps as (

    select * from {{ ref('int_context_step_week') }}

),

found as (

    select
        week_start,
        'superseded_attempts' as kind,
        tenant_id,
        feature,
        case when superseded_cost_pico > 0 then 1 else 0 end as cases,
        superseded_cost_pico as cost_pico,
        false as is_estimate
    from tasks
    union all
    select week_start, 'failed_tasks' as kind, tenant_id, feature, 1 as cases, cost_pico, false as is_estimate
    from tasks
    where is_failed
    union all
    select
        week_start,
        'superseded_attempts_of_failed_tasks' as kind,
        tenant_id,
        feature,
        case when superseded_cost_pico > 0 then 1 else 0 end as cases,
        superseded_cost_pico as cost_pico,
        false as is_estimate
    from tasks
    where is_failed
    union all
    select
        week_start,
        'repeated_context' as kind,
        tenant_id,
        feature,
        case when repeated_context_cost_pico > 0 then 1 else 0 end as cases,
        repeated_context_cost_pico as cost_pico,
        is_repeat_estimated as is_estimate
    from tasks
    union all
    select week_start, 'outside_production' as kind, tenant_id, feature, requests as cases, cost_pico, false as is_estimate
    from cost_days
    where not is_production
    union all
    select week_start, 'without_task' as kind, tenant_id, feature, 0 as cases, without_task_cost_pico as cost_pico, false as is_estimate
    from cost_days
    where is_production and is_model_call
    union all
    select
        week_start,
        'batchable' as kind,
        tenant_id,
        feature,
        served_requests - batch_requests as cases,
        cost_pico - batch_cost_pico as cost_pico,
        false as is_estimate
    from cost_days
    where is_production and is_model_call and is_async_eligible
    union all
    select week_start, 'simple_work_on_large_models' as kind, tenant_id, feature, served_requests as cases, cost_pico, false as is_estimate
    from cost_days
    where is_production and is_model_call and task_tier = 3 and model_tier = 'large'
    union all
    select week_start, 'just_over_a_price_step' as kind, tenant_id, feature, requests as cases, trim_saving_pico as cost_pico, true as is_estimate
    from steps

),

summed as (

    select
        week_start,
        kind,
        tenant_id,
        coalesce(feature, 'unattributed') as feature,
        cast(sum(cases) as bigint) as cases,
        {{ sum_big('cost_pico') }} as cost_pico,
        max(case when is_estimate then 1 else 0 end) = 1 as is_estimate
    from found
    group by week_start, kind, tenant_id, coalesce(feature, 'unattributed')

)

select week_start, kind, tenant_id, feature, cases, is_estimate, {{ pico_to_usd('cost_pico') }} as cost_usd
from summed
where cases <> 0 or cost_pico <> 0
