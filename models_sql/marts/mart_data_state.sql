-- Guarantee: what a figure rests on travels with it: how far the data reaches, whose prices, which calendar.
{{ config(materialized='table') }}

with reach as (

    select
        min(case when requests > 0 then usage_date end) as first_usage_date,
        max(case when requests > 0 then usage_date end) as last_usage_date,
        cast(coalesce(sum(requests), 0) as bigint) as requests
    from {{ ref('fct_tenant_day') }}

)

select
    watermark.known_at,
    reach.first_usage_date,
    reach.last_usage_date,
    reach.requests,
    '{{ setting("price_book_id") }}' as price_book_id,
    '{{ setting("reporting_zone") }}' as reporting_zone,
    '{{ setting("first_day_of_week") }}' as first_day_of_week
from reach
cross join {{ ref('int_watermark') }} as watermark
