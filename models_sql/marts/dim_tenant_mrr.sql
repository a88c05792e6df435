-- Defect: recurring revenue is invoiced by the month, the year or a part of a month, and an upgrade leaves three lines.
-- Guarantee: what a month of what recurs is worth, from when until when: the contract's price where the tenant has contracts, else
-- subscription and seat lines and their credit notes, each brought to a month and rounded to the cent.
{{ config(materialized='table') }}

with contracts as (

    select tenant_id, valid_from, valid_to, {{ usd_to_pico('price_usd') }} as mrr_pico
    from {{ ref('stg_contract') }}
    where md5(tenant_id) not in (select id_md5 from {{ input('tombstone') }} where kind = 'tenant')

),

lines as (

    select * from {{ ref('int_revenue_line') }} where tenant_id not in (select tenant_id from contracts)

),

recurring as (

    -- credits for service that was over take nothing from what recurs
    select
        lines.*,
        case
            when
                extract(day from lines.service_start) = extract(day from lines.service_end)
                or (
                    extract(day from {{ add_days('lines.service_end', 1) }}) = 1
                    and (
                        extract(day from {{ add_days('lines.service_start', 1) }}) = 1
                        or extract(day from lines.service_start) > extract(day from lines.service_end)
                    )
                )
                then
                    12 * (extract(year from lines.service_end) - extract(year from lines.service_start))
                    + extract(month from lines.service_end) - extract(month from lines.service_start)
            else 0
        end as whole_months
    from lines
    left join lines as corrected on lines.corrects_line_id = corrected.line_id and lines.tenant_id = corrected.tenant_id
    where
        lines.kind in ('subscription', 'seats')
        or (lines.kind = 'credit_note' and lines.treatment = 'spread' and corrected.kind in ('subscription', 'seats'))

),

based as (

    -- a part of a month is of the month, or the year, of the line around it
    select
        recurring.line_id,
        recurring.tenant_id,
        recurring.service_start,
        recurring.service_end,
        recurring.service_days,
        recurring.amount_pico,
        case
            when recurring.whole_months > 0 then recurring.service_days
            when around.line_id is not null then around.service_days
            when recurring.service_end <= {{ next_month_of('recurring.service_start') }}
                then {{ days_between(month_of('recurring.service_start'), next_month_of('recurring.service_start')) }}
            else 365
        end as base_days,
        case
            when recurring.whole_months > 0 then recurring.whole_months
            when around.line_id is not null then around.whole_months
            when recurring.service_end <= {{ next_month_of('recurring.service_start') }} then 1
            else 12
        end as base_months
    from recurring
    left join recurring as around
        on
            recurring.whole_months = 0
            and around.whole_months > 0
            and around.kind <> 'credit_note'
            and recurring.tenant_id = around.tenant_id
            and recurring.service_start >= around.service_start
            and recurring.service_end <= around.service_end
    qualify row_number() over (
            partition by recurring.line_id
            order by around.service_start desc nulls last, around.service_end asc nulls last, around.line_id asc nulls last
        ) = 1

),

normalised as (

    select
        tenant_id,
        service_start as valid_from,
        service_end as valid_to,
        'invoices' as basis,
        case when amount_pico is null then 1 else 0 end as unconverted_lines,
        coalesce({{ earned('amount_pico', 'base_days', '(base_months * service_days)') }}, 0) as mrr_pico
    from based
    union all
    select tenant_id, valid_from, valid_to, 'contracts' as basis, 0 as unconverted_lines, mrr_pico from contracts

),

changes as (

    select tenant_id, basis, valid_from as day, mrr_pico as change_pico, unconverted_lines as change_lines from normalised
    union all
    select tenant_id, basis, valid_to as day, 0 - mrr_pico as change_pico, 0 - unconverted_lines as change_lines
    from normalised
    where valid_to is not null

),

days as (

    -- one row per tenant and day on which something changes
    select tenant_id, basis, day, {{ sum_big('change_pico') }} as change_pico, sum(change_lines) as change_lines
    from changes
    group by tenant_id, basis, day

),

spans as (

    select
        tenant_id,
        basis,
        day as valid_from,
        lead(day) over (partition by tenant_id order by day asc) as valid_to,
        {{ big('sum(change_pico) over (partition by tenant_id order by day asc rows between unbounded preceding and current row)') }}
            as mrr_pico,
        cast(sum(change_lines) over (partition by tenant_id order by day asc rows between unbounded preceding and current row) as bigint)
            as unconverted_lines
    from days
    where change_pico <> 0 or change_lines <> 0

)

select tenant_id, valid_from, valid_to, basis, unconverted_lines, {{ pico_to_usd('mrr_pico') }} as mrr_usd
from spans
