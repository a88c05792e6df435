-- Defect: what an outcome is worth is invoiced later, and an outcome may be taken back.
-- Guarantee: the value of a task's outcome on the date of the news; a later observation takes the earlier value back on its own date.
{%- set is_accrued = setting('accrue_outcomes') == 'true' %}
with outcomes as (

    select
        task_id,
        outcome_id,
        observed_at,
        coalesce(value_pico, cast(0 as decimal(38, 0))) as value_pico
    from {{ ref('int_task_outcome') }}
    where {{ '1 = 1' if is_accrued else '1 = 0' }}

),

changes as (

    select
        *,
        value_pico - coalesce(lag(value_pico) over (partition by task_id order by observed_at asc, outcome_id asc), 0) as change_pico
    from outcomes

)

select
    coalesce(tasks.tenant_id, 'unattributed') as tenant_id,
    {{ usage_date('changes.observed_at') }} as usage_date,
    {{ sum_big('changes.change_pico') }} as accrued_pico
from changes
left join {{ ref('fct_task') }} as tasks on changes.task_id = tasks.task_id
where
    changes.change_pico <> 0
    and coalesce(tasks.is_production, true)
    and md5(coalesce(tasks.tenant_id, 'unattributed')) not in (select id_md5 from {{ input('tombstone') }} where kind = 'tenant')
group by coalesce(tasks.tenant_id, 'unattributed'), {{ usage_date('changes.observed_at') }}
