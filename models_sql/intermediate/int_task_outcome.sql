-- Defect: outcomes arrive late, are corrected, and may say different things.
-- Guarantee: for every task, what was believed from when until when; the latest observation holds.
with outcomes as (

    select * from {{ ref('stg_task_outcome') }} where task_id is not null

)

select
    task_id,
    outcome_id,
    outcome,
    observed_at,
    lead(observed_at) over (partition by task_id order by observed_at asc, outcome_id asc) as superseded_at
from outcomes
