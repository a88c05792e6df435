{{ config(materialized='table') }}

{%- set day_measures = ['requests', 'unpriced_requests', 'partial_requests', 'unconverted_events', 'unconverted_pool_days',
  'unconverted_charges', 'unconverted_credits', 'cache_lookups', 'cache_hits',
  'served_requests', 'small_or_mid_requests', 'inference_cost_pico', 'month_outlook_pico', 'inference_cogs_pico', 'other_cogs_pico', 'pool_cogs_pico',
  'without_task_cost_pico', 'revenue_pico', 'active_users', 'top_cost_pico', 'top_mrr_pico', 'top_tenants_above', 'paying_tenants',
  'under_water_tenants', 'under_water_loss_pico', 'unpaid_cost_pico', 'unattributed_cost_pico'] %}
{%- set customer_measures = ['customers_before', 'customers_lost', 'acquisition_pico', 'customers_won'] %}
{%- set task_measures = ['tasks', 'successes', 'failures', 'escalations', 'unknowns', 'incomplete_tasks', 'task_tokens',
  'task_cost_pico', 'superseded_cost_pico', 'failed_cost_pico', 'superseded_failed_cost_pico', 'tasked_revenue_pico', 'own_revenue_pico',
  'p95_task_ms'] %}

with days as (

    select * from {{ ref('int_week_day_measure') }}

),

customers as (

    select * from {{ ref('int_week_customer_measure') }}

),

tasks as (

    select * from {{ ref('int_week_task_measure') }}

),

reach as (

    -- one row: the last date that has requests
    select max(usage_date) as last_date from {{ ref('fct_tenant_day') }} where requests > 0

)

select
    days.week_start,
    {{ add_days('days.week_start', 6) }} as week_end,
    days.days_with_requests,
    {%- for measure in day_measures %}
    cast(days.{{ measure }} as decimal(38, 0)) as this_{{ measure }},
    cast(days_before.{{ measure }} as decimal(38, 0)) as last_{{ measure }},
    {%- endfor %}
    {%- for measure in customer_measures %}
    cast(customers.{{ measure }} as decimal(38, 0)) as this_{{ measure }},
    cast(customers_before.{{ measure }} as decimal(38, 0)) as last_{{ measure }},
    {%- endfor %}
    {%- for measure in task_measures %}
    cast(coalesce(tasks.{{ measure }}, {{ 'null' if measure == 'p95_task_ms' else 0 }}) as decimal(38, 0)) as this_{{ measure }},
    cast(tasks_before.{{ measure }} as decimal(38, 0)) as last_{{ measure }},
    {%- endfor %}
    {{ add_days('days.week_start', 6) }} <= reach.last_date as is_complete
from days
cross join reach
left join customers on days.week_start = customers.week_start
left join tasks on days.week_start = tasks.week_start and not tasks.is_known_earlier
left join days as days_before on days.week_start = {{ add_days('days_before.week_start', 7) }}
left join customers as customers_before on days.week_start = {{ add_days('customers_before.week_start', 7) }}
left join tasks as tasks_before
    on days.week_start = {{ add_days('tasks_before.week_start', 7) }} and tasks_before.is_known_earlier
