-- Guarantee: whether longer prompts succeed more often, by counts from which whoever shows a rate makes its interval.
{{ config(materialized='table') }}

with tasks as (

    select
        {{ week_start('task_date') }} as week_start,
        coalesce(feature, 'unattributed') as feature,
        {{ context_bin('largest_input_tokens') }} as input_tokens_from,
        outcome,
        llm_cost_pico + other_cost_pico as cost_pico
    from {{ ref('fct_task') }}
    where is_production and largest_input_tokens is not null

),

counted as (

    select
        week_start,
        feature,
        input_tokens_from,
        cast(count(*) as bigint) as tasks,
        cast(sum(case when outcome = 'success' then 1 else 0 end) as bigint) as successes,
        cast(sum(case when outcome in ('failure', 'escalated', 'abandoned') then 1 else 0 end) as bigint) as failures,
        {{ sum_big('cost_pico') }} as cost_pico
    from tasks
    group by week_start, feature, input_tokens_from

)

select
    week_start,
    feature,
    input_tokens_from,
    {{ next_context_bin('input_tokens_from') }} as input_tokens_to,
    tasks,
    successes,
    failures,
    {{ pico_to_usd(ratio('successes', '(successes + failures)')) }} as success_rate,
    {{ pico_to_usd('cost_pico') }} as cost_usd
from counted
