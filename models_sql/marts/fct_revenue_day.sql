-- Defect: an invoice line is booked on one date and earned over many; usage is earned before it is invoiced.
-- Guarantee: every line on the days it is earned, to the cent of every prefix, so that the days sum to the line; and what is not
-- invoiced yet, never beside the line that invoices it.
{{ config(
    materialized='incremental',
    incremental_strategy=replace_days_strategy(),
    day_column='usage_date',
    day_table='build_usage_date',
    partition_by=['usage_date'] if target.type == 'spark' else none,
    pre_hook="{{ drop_build_days('usage_date', 'build_usage_date') }}"
) }}

with lines as (

    select * from {{ ref('int_revenue_line') }}

),

build_days as (

    select day from {{ input('calendar') }} where {{ in_build_days('day', 'build_usage_date') }}

),

metered_days as (

    select * from {{ ref('int_usage_line_day') }}

),

spread as (

    -- one row per line and day of service
    select
        lines.line_id,
        lines.tenant_id,
        lines.kind,
        'invoiced' as basis,
        build_days.day as usage_date,
        lines.amount_pico is null as is_unconverted,
        {{ spread_day('lines.spread_pico', '(' ~ days_between('lines.spread_start', 'build_days.day') ~ ' + 1)', 'lines.spread_days') }}
            as revenue_pico
    from lines
    inner join build_days on lines.service_start <= build_days.day and lines.service_end > build_days.day
    where
        lines.treatment in ('spread', 'metered')
        and lines.line_id not in (select line_id from metered_days)

),

metered as (

    -- one row per line and metered day
    select
        lines.line_id,
        lines.tenant_id,
        lines.kind,
        'invoiced' as basis,
        metered_days.usage_date,
        lines.amount_pico is null as is_unconverted,
        {{ earned('lines.amount_pico', 'metered_days.after_part', 'metered_days.whole') }}
        - {{ earned('lines.amount_pico', 'metered_days.before_part', 'metered_days.whole') }} as revenue_pico
    from lines
    inner join metered_days on lines.line_id = metered_days.line_id
    inner join build_days on metered_days.usage_date = build_days.day

),

burned as (

    -- one row per credit pack, day and basis
    select
        lines.line_id,
        lines.tenant_id,
        lines.kind,
        credit_days.basis,
        credit_days.day as usage_date,
        lines.amount_pico is null as is_unconverted,
        {{ earned('lines.amount_pico', 'credit_days.after_part', 'credit_days.after_whole') }}
        - {{ earned('lines.amount_pico', 'credit_days.before_part', 'credit_days.before_whole') }} as revenue_pico
    from lines
    inner join {{ input('credit_day') }} as credit_days on lines.line_id = credit_days.line_id
    inner join build_days on credit_days.day = build_days.day

),

booked as (

    -- one row per line that belongs to one day
    select
        lines.line_id,
        lines.tenant_id,
        lines.kind,
        lines.treatment as basis,
        lines.booked_on as usage_date,
        lines.amount_pico is null as is_unconverted,
        lines.amount_pico as revenue_pico
    from lines
    inner join build_days on lines.booked_on = build_days.day

),

accruals as (

    -- one row per tenant, kind and day
    select tenant_id, 'overage' as kind, usage_date, accrued_pico from {{ ref('int_usage_accrual_day') }}
    union all
    select tenant_id, 'outcome' as kind, usage_date, accrued_pico from {{ ref('int_outcome_accrual_day') }}

),

accrued as (

    -- one row per tenant, kind and day that no invoice covers
    select
        cast(null as string) as line_id,
        accruals.tenant_id,
        accruals.kind,
        'accrued' as basis,
        accruals.usage_date,
        1 = 0 as is_unconverted,
        accruals.accrued_pico as revenue_pico
    from accruals
    inner join build_days on accruals.usage_date = build_days.day
    left join lines
        on
            accruals.tenant_id = lines.tenant_id
            and accruals.kind = case when lines.kind = 'usage' then 'overage' else lines.kind end
            and accruals.usage_date >= lines.service_start
            and accruals.usage_date < lines.service_end
    where lines.line_id is null

),

days as (

    select * from spread
    union all
    select * from metered
    union all
    select * from burned
    union all
    select * from booked
    union all
    select * from accrued

)

select
    usage_date,
    tenant_id,
    line_id,
    kind,
    basis,
    case when is_unconverted then 1 else 0 end as unconverted_lines,
    cast(revenue_pico as decimal(38, 0)) as revenue_pico,
    {{ pico_to_usd('revenue_pico') }} as revenue_usd
from days
