-- What LTV/CAC rests on, where a person can ask for it.
{{ config(materialized='table') }}

with acquisition as (

    select * from {{ ref('stg_acquisition') }}

)

select
    month,
    segment,
    sales_marketing_usd,
    new_customers
from acquisition
