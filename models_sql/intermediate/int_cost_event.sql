-- Defect: a cost event may name its task but not its tenant, and comes in any currency.
-- Guarantee: whole pico-USD at the day's rate, null without one; the tenant of the event, else of its task, else `unattributed`.
with events as (

    select *, {{ usage_date('occurred_at') }} as usage_date from {{ ref('stg_cost_event') }}

),

rates as (

    select * from {{ ref('stg_fx') }} where to_currency = 'USD'

),

owners as (

    select task_id, tenant_id, is_production from {{ ref('fct_task') }}

)

select
    events.event_id,
    events.usage_date,
    events.task_id,
    coalesce(events.tenant_id, owners.tenant_id, 'unattributed') as tenant_id,
    events.feature,
    events.component,
    coalesce(owners.is_production, true) as is_production,
    {{ is_cost_of_goods('events.component') }} as is_cost_of_goods,
    {{ amount_to_pico_usd('events.amount', 'events.currency', 'rates.rate') }} as cost_pico
from events
left join rates on events.usage_date = rates.date and events.currency = rates.from_currency
left join owners on events.task_id = owners.task_id
where
    md5(coalesce(events.tenant_id, owners.tenant_id, 'unattributed'))
    not in (select id_md5 from {{ input('tombstone') }} where kind = 'tenant')
