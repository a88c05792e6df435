-- Defect: an invoice line is booked on one date and earned over many; a credit note corrects a period, not a day.
-- Guarantee: each line spread over its days of service, to the cent of every prefix, so that the days sum to the line.
with lines as (

    select * from {{ ref('stg_revenue_line') }}

),

rates as (

    select * from {{ ref('stg_fx') }} where to_currency = 'USD'

),

converted as (

    select
        lines.line_id,
        lines.tenant_id,
        lines.service_start,
        {{ days_between('lines.service_start', 'lines.service_end') }} as service_days,
        {{ amount_to_pico_usd('lines.amount', 'lines.currency', 'rates.rate') }} as amount_pico
    from lines
    left join rates on lines.service_start = rates.date and lines.currency = rates.from_currency
    where md5(lines.tenant_id) not in (select id_md5 from {{ input('tombstone') }} where kind = 'tenant')

),

numbered as (

    -- one row per line and day of service
    select
        converted.*,
        calendar.day as usage_date,
        {{ days_between('converted.service_start', 'calendar.day') }} + 1 as day_number
    from converted
    inner join {{ input('calendar') }} as calendar
        on
            calendar.day >= converted.service_start
            and calendar.day < {{ add_days('converted.service_start', 'converted.service_days') }}
            and {{ in_build_days('calendar.day', 'build_usage_date') }}

)

select
    line_id,
    tenant_id,
    usage_date,
    case when amount_pico is null then 1 else 0 end as unconverted_lines,
    {{ spread_day('amount_pico', 'day_number', 'service_days') }} as revenue_pico
from numbered
