-- Guarantee: the recurring revenue in force on the last day of each month that the data covers.
{{ config(materialized='table') }}

with months as (

    -- one row per month
    select {{ month_of('day') }} as month, max(day) as balance_on from {{ input('calendar') }} group by {{ month_of('day') }}

)

select
    months.month,
    spans.tenant_id,
    months.balance_on,
    spans.basis,
    spans.unconverted_lines,
    spans.mrr_usd
from months
inner join {{ ref('dim_tenant_mrr') }} as spans
    on spans.valid_from <= months.balance_on and (spans.valid_to is null or spans.valid_to > months.balance_on)
