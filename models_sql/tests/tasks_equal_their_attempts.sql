-- Conservation: a task holds all its attempts and their whole cost; only an id that runs on beyond the longest span has none.
with attempts as (

    select * from {{ ref('fct_llm_request_priced') }} where task_id is not null

),

touched as (

    -- one row per task
    select distinct task_id from attempts where {{ in_build_days() }}

),

expected as (

    -- one row per task that begins on a day of this build
    select
        task_id,
        count(*) as attempts,
        {{ sum_big('cost_pico') }} as llm_cost_pico,
        sum(case when pricing_status = 'unpriced' then 1 else 0 end) as unpriced_attempts
    from attempts
    where task_id in (select task_id from touched)
    group by task_id
    having
        {{ in_build_days('min(day)') }}
        and {{ days_between('min(day)', 'max(day)') }} <= {{ setting('task_max_span_days') or 30 }}

),

found as (

    select * from {{ ref('fct_task') }} where {{ in_build_days('task_day') }}

)

select
    coalesce(expected.task_id, found.task_id) as task_id,
    expected.attempts as attempts_expected,
    found.attempts as attempts_found,
    expected.llm_cost_pico as llm_cost_pico_expected,
    found.llm_cost_pico as llm_cost_pico_found
from expected
full outer join found on expected.task_id = found.task_id
where
    coalesce(expected.attempts, 0) <> coalesce(found.attempts, 0)
    or expected.llm_cost_pico <> found.llm_cost_pico
    or expected.unpriced_attempts <> found.unpriced_attempts
