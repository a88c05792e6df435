-- Defect: an outcome may name a workflow or a conversation instead of a task, and is corrected later under the same id.
-- Guarantee: the stretch of time whose requests such an outcome may claim; a correction changes what became of it, never when.
with first_told as (

    select
        outcome_id,
        min(observed_at) as observed_at
    from {{ lake('feed_task_outcomes') }}
    group by outcome_id

)

select
    outcomes.outcome_id,
    {{ task_of_outcome('outcomes.outcome_id') }} as task_id,
    case when outcomes.workflow_key is null then 'conversation' else 'workflow' end as named_by,
    coalesce(outcomes.workflow_key, outcomes.conversation_id) as name,
    outcomes.attribution_window_hours as window_hours,
    first_told.observed_at
from {{ ref('stg_task_outcome') }} as outcomes
inner join first_told on outcomes.outcome_id = first_told.outcome_id
where outcomes.task_id is null
