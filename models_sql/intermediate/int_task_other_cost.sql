-- one row per task: its tools, retrieval, reranks, reviews; the part of other cost that belongs to cost of goods
with events as (

    select *, {{ usage_date('occurred_at') }} as usage_date
    from {{ ref('stg_cost_event') }}
    where task_id is not null and {{ is_cost_of_goods('component') }}

),

rates as (

    select * from {{ ref('stg_fx') }} where to_currency = 'USD'

),

converted as (

    select
        events.task_id,
        events.component,
        {{ amount_to_pico_usd('events.amount', 'events.currency', 'rates.rate') }} as cost_pico
    from events
    left join rates on events.usage_date = rates.date and events.currency = rates.from_currency

)

select
    task_id,
    {{ sum_big('cost_pico') }} as other_cost_pico,
    {{ sum_big("case when component = 'human_review' then cost_pico end") }} as human_review_cost_pico,
    sum(case when cost_pico is null then 1 else 0 end) as unconverted_events
from converted
group by task_id
