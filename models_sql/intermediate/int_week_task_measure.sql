-- Defect: the newest week always looks worst, because its outcomes are still on their way.
-- Guarantee: each week as known now and as known a week earlier (`is_known_earlier`), so that two weeks compare at equal age.
-- Defect: an outcome is paid for with its news or by a month's invoice, on other days than its task cost anything.
-- Guarantee: what outcomes earn stands with their tasks (`own_revenue_pico`) and with no day, where they say what they are worth.
with tasks as (

    select *, {{ week_start('task_date') }} as week_start from {{ ref('fct_task') }} where is_production

),

views_of_knowledge as (

    -- two rows
    select false as is_known_earlier, known_at as cut_at from {{ ref('int_watermark') }}
    union all
    select true as is_known_earlier, known_a_week_earlier_at as cut_at from {{ ref('int_watermark') }}

),

outcomes as (

    select * from {{ ref('int_task_outcome') }}

),

judged as (

    -- one row per task and view of knowledge
    select
        tasks.*,
        views_of_knowledge.is_known_earlier,
        coalesce(outcomes.outcome, 'unknown') as outcome_then,
        outcomes.value_pico as value_then_pico
    from tasks
    cross join views_of_knowledge
    left join outcomes
        on
            tasks.task_id = outcomes.task_id
            and outcomes.observed_at <= views_of_knowledge.cut_at
            and (outcomes.superseded_at is null or outcomes.superseded_at > views_of_knowledge.cut_at)

),

outcome_days as (

    -- revenue that outcomes earned, in the month of the invoice or on the date of the news
    select tenant_id, usage_date, revenue_pico from {{ ref('fct_revenue_day') }} where kind = 'outcome'

),

valued_tenants as (

    -- tenants that pay by outcome and whose outcomes say how much: each of their tasks has a revenue of its own
    select distinct tenant_id
    from tasks
    where outcome_value_usd is not null and tenant_id in (select tenant_id from outcome_days)

),

tenant_dates as (

    -- one row per tenant and date with a task
    select distinct week_start, tenant_id, task_date from tasks

),

day_revenue as (

    select tenant_id, usage_date, revenue_pico from {{ ref('fct_tenant_day') }}
    union all
    select tenant_id, usage_date, 0 - revenue_pico as revenue_pico
    from outcome_days
    where tenant_id in (select tenant_id from valued_tenants)

),

tasked_revenue as (

    -- one row per week: of the days with tasks, without what the tasks themselves earned
    select tenant_dates.week_start, {{ sum_big('day_revenue.revenue_pico') }} as tasked_revenue_pico
    from tenant_dates
    inner join day_revenue
        on tenant_dates.tenant_id = day_revenue.tenant_id and tenant_dates.task_date = day_revenue.usage_date
    group by tenant_dates.week_start

),

own_revenue as (

    -- one row per week and view of knowledge
    select week_start, is_known_earlier, {{ sum_big('value_then_pico') }} as own_revenue_pico
    from judged
    where tenant_id in (select tenant_id from valued_tenants)
    group by week_start, is_known_earlier

),

measured as (

    -- one row per week and view of knowledge
    select
        week_start,
        is_known_earlier,
        count(*) as tasks,
        sum(case when outcome_then = 'success' then 1 else 0 end) as successes,
        sum(case when outcome_then in ('failure', 'escalated', 'abandoned') then 1 else 0 end) as failures,
        sum(case when outcome_then = 'escalated' then 1 else 0 end) as escalations,
        sum(case when outcome_then = 'unknown' then 1 else 0 end) as unknowns,
        sum(case when unpriced_attempts + partial_attempts + unconverted_events > 0 then 1 else 0 end) as incomplete_tasks,
        {{ sum_big('input_tokens + output_tokens') }} as task_tokens,
        {{ sum_big('llm_cost_pico + other_cost_pico') }} as task_cost_pico,
        {{ sum_big('superseded_cost_pico') }} as superseded_cost_pico,
        {{ sum_big("case when outcome_then in ('failure', 'escalated', 'abandoned') then llm_cost_pico + other_cost_pico end") }} as failed_cost_pico,
        {{ sum_big("case when outcome_then in ('failure', 'escalated', 'abandoned') then superseded_cost_pico end") }} as superseded_failed_cost_pico,
        cast(percentile_disc(0.95) within group (order by duration_ms) as bigint) as p95_task_ms
    from judged
    group by week_start, is_known_earlier

)

select
    measured.*,
    coalesce(tasked_revenue.tasked_revenue_pico, 0) as tasked_revenue_pico,
    coalesce(own_revenue.own_revenue_pico, 0) as own_revenue_pico
from measured
left join tasked_revenue on measured.week_start = tasked_revenue.week_start
left join own_revenue
    on measured.week_start = own_revenue.week_start and measured.is_known_earlier = own_revenue.is_known_earlier
