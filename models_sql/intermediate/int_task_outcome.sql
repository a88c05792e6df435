-- Defect: outcomes arrive late, are corrected, and may say different things; a log's score names the trace, not its task.
-- Defect: an outcome may name a workflow or a conversation, whose requests are a task only because of it.
-- Guarantee: for every task, what was believed from when until when; the latest observation holds.
{%- set is_traced = has_traces() %}

with observed as (

    select
        outcome_id,
        coalesce(task_id, {{ task_of_outcome('outcome_id') }}) as task_id,
        outcome,
        observed_at,
        value_usd
    from {{ ref('stg_task_outcome') }}

),

outcomes as (

    select
        {{ 'coalesce(traces.task_id, observed.task_id)' if is_traced else 'observed.task_id' }} as task_id,
        observed.outcome_id,
        observed.outcome,
        observed.observed_at,
        -- what a success is worth to the company that sells it; nobody pays for another outcome
        case when observed.outcome = 'success' then {{ usd_to_pico('observed.value_usd') }} end as value_pico
    from observed
    {% if is_traced -%}
    left join {{ ref('stg_trace') }} as traces
        on
            observed.task_id = traces.trace_id
            -- the outcomes that a log holds begin with its source and instance
            and {{ begins_with('observed.outcome_id', "traces.source || '/' || traces.source_instance || '/'") }}
    {% endif %}

)

select
    task_id,
    outcome_id,
    outcome,
    observed_at,
    value_pico,
    lead(observed_at) over (partition by task_id order by observed_at asc, outcome_id asc) as superseded_at
from outcomes
