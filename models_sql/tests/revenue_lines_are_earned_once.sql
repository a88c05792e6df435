-- Conservation: a line whose whole service the data covers has earned its amount, no more and no less, and no day that an invoice
-- covers has an accrual beside it.
with covered as (

    select min(day) as first_day, max(day) as last_day from {{ input('calendar') }}

),

lines as (

    select lines.*
    from {{ ref('int_revenue_line') }} as lines
    inner join covered on lines.service_start >= covered.first_day and lines.service_end <= {{ add_days('covered.last_day', 1) }}
    where lines.treatment in ('spread', 'metered') and lines.amount_pico is not null

),

earned as (

    -- one row per line
    select line_id, {{ sum_big('revenue_pico') }} as revenue_pico
    from {{ ref('fct_revenue_day') }}
    where line_id is not null
    group by line_id

),

invoiced as (

    select * from {{ ref('int_revenue_line') }} where kind in ('usage', 'overage', 'outcome')

)

select
    lines.line_id,
    lines.tenant_id,
    lines.amount_pico as revenue_pico_expected,
    earned.revenue_pico as revenue_pico_found
from lines
left join earned on lines.line_id = earned.line_id
where coalesce(earned.revenue_pico, 0) <> lines.amount_pico
union all
select
    invoiced.line_id,
    days.tenant_id,
    0 as revenue_pico_expected,
    days.revenue_pico as revenue_pico_found
from {{ ref('fct_revenue_day') }} as days
inner join invoiced
    on
        days.tenant_id = invoiced.tenant_id
        and days.usage_date >= invoiced.service_start
        and days.usage_date < invoiced.service_end
        and days.kind = case when invoiced.kind = 'usage' then 'overage' else invoiced.kind end
where days.basis = 'accrued'
