-- Defect: one logical operation leaves a row per retry, fallback and step, over midnight and over the week's end.
-- Guarantee: the whole task once, with every attempt of it, on the day of its first one.
{{ config(
    materialized='incremental',
    incremental_strategy=replace_days_strategy(),
    day_column='task_day',
    partition_by=['task_day'] if target.type == 'spark' else none,
    pre_hook="{{ drop_build_days('task_day') }}"
) }}

with priced as (

    select * from {{ ref('fct_llm_request_priced') }}

),

touched as (

    -- one row per task: only these can begin on a day of this build
    select distinct task_id from priced where task_id is not null and {{ in_build_days() }}

),

attempts as (

    select
        priced.*,
        row_number() over (
            partition by priced.task_id, priced.logical_call_id order by priced.started_at desc, priced.record_key desc
        ) as rank_from_last,
        row_number() over (partition by priced.task_id order by priced.started_at asc, priced.record_key asc) as rank_from_first,
        case priced.model_tier when 'small' then 1 when 'mid' then 2 when 'large' then 3 end as tier_rank,
        -- null where the price is
        priced.input_cost_pico + priced.cache_read_cost_pico + priced.cache_write_cost_pico as context_cost_pico
    from priced
    where priced.task_id in (select task_id from touched)

),

tasks as (

    -- one row per task
    select
        task_id,
        min(day) as task_day,
        max(day) as last_day,
        min(usage_date) as task_date,
        min(started_at) as started_at,
        max(coalesce(ended_at, started_at)) as ended_at,
        max(case when rank_from_first = 1 then tenant_id end) as tenant_id,
        max(case when rank_from_first = 1 then feature end) as feature,
        max(case when rank_from_first = 1 then environment end) as environment,
        max(case when rank_from_first = 1 and is_production then 1 else 0 end) = 1 as is_production,
        count(*) as attempts,
        count(distinct logical_call_id) as logical_calls,
        sum(case when pricing_status = 'unpriced' then 1 else 0 end) as unpriced_attempts,
        sum(case when pricing_status = 'partial' then 1 else 0 end) as partial_attempts,
        {{ sum_big('input_tokens') }} as input_tokens,
        {{ sum_big('output_tokens') }} as output_tokens,
        {{ sum_big('cost_pico') }} as llm_cost_pico,
        {{ sum_big('case when rank_from_last > 1 then cost_pico end') }} as superseded_cost_pico,
        max(case when status in ('ok', 'cancelled') then input_tokens end) as largest_input_tokens,
        min(case when is_gateway_cache_hit then 1 else 0 end) = 1 as is_served_from_cache,
        max(case when route_decision is not null then 1 else 0 end) = 1 as is_routed,
        max(tier_rank) > max(case when rank_from_first = 1 then tier_rank end) as is_moved_up_tier,
        {{ sum_big('context_cost_pico') }} as context_cost_pico,
        {{ sum_big("case when model_tier = 'large' then cost_pico end") }} as large_model_cost_pico,
        {{ sum_big('case when not is_gateway_cache_hit then cost_pico end') }} as cache_miss_cost_pico
    from attempts
    group by task_id

),

steps as (

    -- The context that a call repeats: at most the one before it in the same task, with the same prefix where the log has one.
    select
        *,
        lag(input_tokens) over (
            partition by task_id, coalesce(prefix_hash, '') order by started_at asc, record_key asc
        ) as input_tokens_before
    from attempts
    where rank_from_last = 1

),

repeats as (

    -- one row per task with more than one call
    select
        task_id,
        {{ sum_big('least(input_tokens, input_tokens_before)') }} as repeated_input_tokens,
        {{ sum_big(div_half_even(
            big('context_cost_pico') ~ ' * ' ~ big('least(input_tokens, input_tokens_before)'), 'input_tokens'
        )) }} as repeated_context_cost_pico,
        max(case when prefix_hash is null then 1 else 0 end) = 1 as is_repeat_estimated
    from steps
    -- the first call of a task repeats nothing; `least` passes over what is null
    where input_tokens > 0 and input_tokens_before > 0
    group by task_id

),

spanned as (

    -- An id that runs on for longer is one used for everything by mistake, not a task; its cost shows as untasked.
    select * from tasks
    where {{ in_build_days('task_day') }} and {{ days_between('task_day', 'last_day') }} <= {{ setting('task_max_span_days') or 30 }}

),

outcomes as (

    select * from {{ ref('int_task_outcome') }} where superseded_at is null

),

other_costs as (

    select * from {{ ref('int_task_other_cost') }}

)

select
    spanned.task_id,
    spanned.task_day,
    spanned.last_day,
    spanned.task_date,
    spanned.started_at,
    spanned.ended_at,
    {{ ms_between('spanned.started_at', 'spanned.ended_at') }} as duration_ms,
    spanned.tenant_id,
    spanned.feature,
    spanned.environment,
    spanned.is_production,
    coalesce(outcomes.outcome, 'unknown') as outcome,
    outcomes.observed_at as outcome_observed_at,
    spanned.attempts,
    spanned.logical_calls,
    cast(spanned.unpriced_attempts as bigint) as unpriced_attempts,
    cast(spanned.partial_attempts as bigint) as partial_attempts,
    cast(coalesce(other_costs.unconverted_events, 0) as bigint) as unconverted_events,
    cast(spanned.input_tokens as bigint) as input_tokens,
    cast(spanned.output_tokens as bigint) as output_tokens,
    spanned.largest_input_tokens,
    cast(coalesce(repeats.repeated_input_tokens, 0) as bigint) as repeated_input_tokens,
    coalesce(repeats.is_repeat_estimated, false) as is_repeat_estimated,
    spanned.is_served_from_cache,
    spanned.is_routed,
    coalesce(spanned.is_moved_up_tier, false) as is_moved_up_tier,
    spanned.llm_cost_pico,
    coalesce(other_costs.other_cost_pico, cast(0 as decimal(38, 0))) as other_cost_pico,
    spanned.superseded_cost_pico,
    spanned.context_cost_pico,
    coalesce(repeats.repeated_context_cost_pico, cast(0 as decimal(38, 0))) as repeated_context_cost_pico,
    spanned.large_model_cost_pico,
    spanned.cache_miss_cost_pico,
    {{ pico_to_usd('spanned.llm_cost_pico') }} as llm_cost_usd,
    {{ pico_to_usd('coalesce(other_costs.other_cost_pico, 0)') }} as other_cost_usd,
    {{ pico_to_usd('spanned.llm_cost_pico + coalesce(other_costs.other_cost_pico, 0)') }} as cost_usd,
    {{ pico_to_usd('spanned.superseded_cost_pico') }} as superseded_cost_usd,
    {{ pico_to_usd('coalesce(other_costs.human_review_cost_pico, 0)') }} as human_review_cost_usd,
    {{ pico_to_usd('outcomes.value_pico') }} as outcome_value_usd
from spanned
left join outcomes on spanned.task_id = outcomes.task_id
left join other_costs on spanned.task_id = other_costs.task_id
left join repeats on spanned.task_id = repeats.task_id
