-- one row: how far the data reaches, and what was known a week before that
with instants as (

    select max(started_at) as known_at from {{ ref('fct_llm_request_priced') }}
    union all
    select max(observed_at) as known_at from {{ ref('int_task_outcome') }}

),

latest as (

    select max(known_at) as known_at from instants

)

select
    known_at,
    {{ add_hours('known_at', -168) }} as known_a_week_earlier_at
from latest
