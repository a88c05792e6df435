-- Guarantee: what was earned, what was invoiced and is still to be earned (deferred), and what was earned and is still to be
-- invoiced (unbilled), by month; revenue sums exactly to the days of the tenants.
{{ config(materialized='table') }}

with lines as (

    select * from {{ ref('int_revenue_line') }}

),

months as (

    -- one row per month that the data covers; balances are those of its last day
    select
        {{ month_of('day') }} as month,
        {{ next_month_of('min(day)') }} as month_end,
        max(day) as balance_on
    from {{ input('calendar') }}
    group by {{ month_of('day') }}

),

recognised as (

    -- one row per month, tenant and kind
    select
        {{ month_of('usage_date') }} as month,
        tenant_id,
        kind,
        {{ sum_big('revenue_pico') }} as revenue_pico,
        {{ sum_big("case when basis = 'accrued' then revenue_pico end") }} as accrued_pico,
        {{ sum_big("case when basis = 'breakage' then revenue_pico end") }} as breakage_pico,
        {{ sum_big("case when basis = 'correction' then revenue_pico end") }} as correction_pico
    from {{ ref('fct_revenue_day') }}
    group by {{ month_of('usage_date') }}, tenant_id, kind

),

metered_upto as (

    -- one row per line for usage and month
    select
        metered_days.line_id,
        months.month,
        max(metered_days.after_part) as part,
        max(metered_days.whole) as whole
    from {{ ref('int_usage_line_day') }} as metered_days
    inner join months on metered_days.usage_date <= months.balance_on
    group by metered_days.line_id, months.month

),

metered_lines as (

    select distinct line_id from {{ ref('int_usage_line_day') }}

),

burned_upto as (

    -- one row per credit pack and month, from the first day that earned
    select
        credit_days.line_id,
        months.month,
        credit_days.after_part as part,
        credit_days.after_whole as whole
    from {{ input('credit_day') }} as credit_days
    inner join months on credit_days.day <= months.balance_on
    qualify row_number() over (
            partition by credit_days.line_id, months.month
            order by credit_days.day desc, case credit_days.basis when 'burned' then 3 when 'breakage' then 2 else 1 end desc nulls last
        ) = 1

),

upto as (

    -- one row per invoiced line and month in which something of it is open
    select
        months.month,
        lines.tenant_id,
        lines.kind,
        lines.amount_pico,
        lines.invoiced_on <= months.balance_on as is_invoiced,
        case
            when lines.treatment = 'burned'
                then coalesce({{ earned('lines.amount_pico', 'burned_upto.part', 'burned_upto.whole') }}, 0)
            when metered_lines.line_id is not null
                then coalesce({{ earned('lines.amount_pico', 'metered_upto.part', 'metered_upto.whole') }}, 0)
            else {{ earned_upto('lines', '(' ~ days_between('lines.spread_start', 'months.balance_on') ~ ' + 1)') }}
        end as earned_pico
    from lines
    inner join months
        on
            months.balance_on >= least(lines.invoiced_on, lines.service_start)
            and (lines.treatment = 'burned' or months.month <= greatest(lines.invoiced_on, lines.service_end))
    left join metered_lines on lines.line_id = metered_lines.line_id
    left join metered_upto on lines.line_id = metered_upto.line_id and months.month = metered_upto.month
    left join burned_upto on lines.line_id = burned_upto.line_id and months.month = burned_upto.month
    where lines.booked_on is null and lines.invoiced_on is not null and lines.amount_pico is not null

),

balances as (

    -- one row per month, tenant and kind
    select
        month,
        tenant_id,
        kind,
        {{ sum_big('case when is_invoiced then amount_pico - earned_pico end') }} as deferred_pico,
        {{ sum_big('case when not is_invoiced then earned_pico end') }} as unbilled_pico
    from upto
    group by month, tenant_id, kind

),

not_invoiced as (

    -- one row per month, tenant and kind: what is accrued and on no invoice, of all months up to this one
    select
        months.month,
        days.tenant_id,
        days.kind,
        {{ sum_big('days.revenue_pico') }} as unbilled_pico
    from {{ ref('fct_revenue_day') }} as days
    inner join months on days.usage_date <= months.balance_on
    where days.basis = 'accrued'
    group by months.month, days.tenant_id, days.kind

),

corrected as (

    -- one row per month whose service was credited later, tenant and kind
    select
        months.month,
        lines.tenant_id,
        lines.kind,
        {{ sum_big(
            '(' ~ earned_upto('lines', days_between('lines.spread_start', 'months.month_end'))
            ~ ') - (' ~ earned_upto('lines', days_between('lines.spread_start', 'months.month')) ~ ')'
        ) }} as corrected_pico
    from lines
    inner join months on lines.service_start < months.month_end and lines.service_end > months.month
    where lines.treatment = 'correction' and lines.amount_pico is not null
    group by months.month, lines.tenant_id, lines.kind

),

counted as (

    -- one row per month, tenant and kind
    select
        months.month,
        lines.tenant_id,
        lines.kind,
        sum(case when lines.amount_pico is null then 1 else 0 end) as unconverted_lines,
        sum(case when lines.invoiced_on is null then 1 else 0 end) as undated_lines
    from lines
    inner join months on lines.service_start < months.month_end and lines.service_end > months.month
    where lines.amount_pico is null or lines.invoiced_on is null
    group by months.month, lines.tenant_id, lines.kind

),

keys as (

    select month, tenant_id, kind from recognised
    union
    select month, tenant_id, kind from balances
    union
    select month, tenant_id, kind from not_invoiced
    union
    select month, tenant_id, kind from corrected
    union
    select month, tenant_id, kind from counted

),

joined as (

    select
        keys.month,
        keys.tenant_id,
        keys.kind,
        coalesce(recognised.revenue_pico, 0) as revenue_pico,
        coalesce(recognised.accrued_pico, 0) as accrued_pico,
        coalesce(recognised.breakage_pico, 0) as breakage_pico,
        coalesce(recognised.correction_pico, 0) as correction_pico,
        coalesce(corrected.corrected_pico, 0) as corrected_pico,
        coalesce(balances.deferred_pico, 0) as deferred_pico,
        coalesce(balances.unbilled_pico, 0) + coalesce(not_invoiced.unbilled_pico, 0) as unbilled_pico,
        cast(coalesce(counted.unconverted_lines, 0) as bigint) as unconverted_lines,
        cast(coalesce(counted.undated_lines, 0) as bigint) as undated_lines
    from keys
    left join recognised
        on keys.month = recognised.month and keys.tenant_id = recognised.tenant_id and keys.kind = recognised.kind
    left join balances
        on keys.month = balances.month and keys.tenant_id = balances.tenant_id and keys.kind = balances.kind
    left join not_invoiced
        on keys.month = not_invoiced.month and keys.tenant_id = not_invoiced.tenant_id and keys.kind = not_invoiced.kind
    left join corrected
        on keys.month = corrected.month and keys.tenant_id = corrected.tenant_id and keys.kind = corrected.kind
    left join counted
        on keys.month = counted.month and keys.tenant_id = counted.tenant_id and keys.kind = counted.kind

)

select
    joined.month,
    joined.tenant_id,
    joined.kind,
    months.balance_on,
    {{ pico_to_usd('joined.revenue_pico') }} as revenue_usd,
    {{ pico_to_usd('joined.accrued_pico') }} as accrued_usd,
    {{ pico_to_usd('joined.breakage_pico') }} as breakage_usd,
    {{ pico_to_usd('joined.correction_pico') }} as correction_usd,
    {{ pico_to_usd('joined.revenue_pico - joined.correction_pico + joined.corrected_pico') }} as revenue_as_known_usd,
    {{ pico_to_usd('joined.deferred_pico') }} as deferred_usd,
    {{ pico_to_usd('joined.unbilled_pico') }} as unbilled_usd,
    joined.unconverted_lines,
    joined.undated_lines
from joined
inner join months on joined.month = months.month
where
    joined.revenue_pico <> 0 or joined.accrued_pico <> 0 or joined.breakage_pico <> 0 or joined.correction_pico <> 0
    or joined.corrected_pico <> 0 or joined.deferred_pico <> 0 or joined.unbilled_pico <> 0
    or joined.unconverted_lines > 0 or joined.undated_lines > 0
