-- Defect: an outcome may name a workflow or a conversation instead of a task.
-- Guarantee: each request of it that nothing else claims, once, for the first outcome that follows within its window.
with requests as (

    -- a trace stands in for a task that a request does not name, until something names the trace
    select
        record_key,
        started_at,
        workflow_key,
        conversation_id
    from {{ ref('stg_llm_request') }} as landed
    where
        coalesce(workflow_key, conversation_id) is not null
        and (
            task_id is null
            or (
                task_id = trace_id
                and not exists (
                    select 1 from {{ lake('feed_task_outcomes') }} as outcomes where outcomes.task_id = landed.task_id
                )
                and not exists (
                    select 1 from {{ lake('feed_cost_events') }} as events where events.task_id = landed.task_id
                )
            )
        )

),

named as (

    select
        record_key,
        started_at,
        'workflow' as named_by,
        workflow_key as name
    from requests
    where workflow_key is not null
    union all
    select
        record_key,
        started_at,
        'conversation' as named_by,
        conversation_id as name
    from requests
    where conversation_id is not null

),

windows as (

    select * from {{ ref('int_outcome_window') }}

),

lengths as (

    select distinct
        named_by,
        name,
        window_hours
    from windows

),

-- Requests and outcomes of one name on one line of time, once for every length of window: a join of all requests with all outcomes
-- of a name would never end where a constant was logged as a conversation.
points as (

    select
        named.record_key,
        named.named_by,
        named.name,
        lengths.window_hours,
        named.started_at as happened_at,
        nullif(named.started_at, named.started_at) as told_at
    from named
    inner join lengths on named.named_by = lengths.named_by and named.name = lengths.name
    union all
    select
        cast(null as string) as record_key,
        named_by,
        name,
        window_hours,
        observed_at as happened_at,
        observed_at as told_at
    from windows

),

followed as (

    select
        record_key,
        named_by,
        name,
        window_hours,
        happened_at,
        min(told_at) over (
            partition by named_by, name, window_hours order by happened_at asc nulls last
            range between current row and unbounded following
        ) as told_at
    from points

),

claims as (

    select
        followed.record_key,
        windows.task_id,
        row_number() over (
            partition by followed.record_key order by followed.told_at asc nulls last, windows.named_by desc nulls last, windows.outcome_id asc
        ) as claim_rank
    from followed
    inner join windows
        on
            followed.named_by = windows.named_by
            and followed.name = windows.name
            and followed.window_hours = windows.window_hours
            and followed.told_at = windows.observed_at
    where
        followed.record_key is not null
        and followed.happened_at >= {{ add_hours('followed.told_at', '-followed.window_hours') }}

)

select
    record_key,
    task_id
from claims
where claim_rank = 1
