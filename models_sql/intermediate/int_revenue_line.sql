-- Defect: an invoice line says an amount and a period, not when it is earned: a credit pack is earned as it burns, a credit for
-- service that is over belongs to the day it was granted, and cents of a cancelled line do not cancel out by themselves.
-- Guarantee: each line once, in whole pico-USD, with the rule (`treatment`) and the days that it is earned by.
{{ config(materialized='table') }}

with lines as (

    select *, {{ days_between('service_start', 'service_end') }} as service_days
    from {{ ref('stg_revenue_line') }}
    where md5(tenant_id) not in (select id_md5 from {{ input('tombstone') }} where kind = 'tenant')

),

rates as (

    select * from {{ ref('stg_fx') }} where to_currency = 'USD'

),

converted as (

    select
        lines.*,
        {{ amount_to_pico_usd('lines.amount', 'lines.currency', 'rates.rate') }} as amount_pico
    from lines
    left join rates on lines.service_start = rates.date and lines.currency = rates.from_currency

),

replaced as (

    -- one row per tenant and first day of a recurring line
    select distinct tenant_id, service_start from lines where kind in ('subscription', 'seats') and amount > 0

),

ending as (

    -- one row per credit note that takes back all that is left of the line it corrects, and that nothing replaces
    select
        notes.line_id,
        origins.service_start as spread_start,
        origins.service_days as spread_days,
        0 - origins.amount_pico as spread_pico
    from converted as notes
    inner join converted as origins
        on
            notes.corrects_line_id = origins.line_id
            and notes.tenant_id = origins.tenant_id
            and notes.currency = origins.currency
            and notes.service_end = origins.service_end
            and notes.service_start >= origins.service_start
    left join replaced
        on
            notes.tenant_id = replaced.tenant_id
            and notes.service_start = replaced.service_start
            and notes.service_start > origins.service_start
    where
        notes.kind = 'credit_note'
        and origins.kind not in ('credit_note', 'credit_pack')
        and replaced.tenant_id is null
        and {{ usd_to_pico('notes.amount') }} + {{ usd_to_pico('origins.amount') }}
        = {{ earned(usd_to_pico('origins.amount'), days_between('origins.service_start', 'notes.service_start'), 'origins.service_days') }}

),

treated as (

    select
        converted.*,
        packs.line_id is not null as is_of_pack,
        case
            when converted.kind = 'credit_pack' then 'burned'
            when converted.kind = 'credit_note' and packs.line_id is not null and converted.credits > 0 then 'refunded'
            when converted.kind = 'credit_note' and converted.service_end <= converted.invoiced_on then 'correction'
            when converted.kind in ('usage', 'overage') and '{{ setting("usage_unit") or "none" }}' <> 'none' then 'metered'
            else 'spread'
        end as treatment
    from converted
    left join lines as packs
        on
            converted.corrects_line_id = packs.line_id
            and converted.tenant_id = packs.tenant_id
            and packs.kind = 'credit_pack'

)

select
    treated.line_id,
    treated.tenant_id,
    treated.kind,
    treated.treatment,
    treated.corrects_line_id,
    treated.invoiced_on,
    treated.service_start,
    treated.service_end,
    case
        when treated.treatment in ('correction', 'refunded') then coalesce(treated.invoiced_on, treated.service_start)
    end as booked_on,
    case
        when ending.line_id is not null and treated.treatment = 'spread'
            then
                ending.spread_pico
                - {{ earned('ending.spread_pico', days_between('ending.spread_start', 'treated.service_start'), 'ending.spread_days') }}
        else treated.amount_pico
    end as amount_pico,
    treated.service_days,
    case when treated.treatment = 'spread' then coalesce(ending.spread_pico, treated.amount_pico) else treated.amount_pico end
        as spread_pico,
    case when treated.treatment = 'spread' then coalesce(ending.spread_start, treated.service_start) else treated.service_start end
        as spread_start,
    case when treated.treatment = 'spread' then coalesce(ending.spread_days, treated.service_days) else treated.service_days end
        as spread_days,
    case
        when treated.treatment = 'spread' and ending.line_id is not null
            then {{ days_between('ending.spread_start', 'treated.service_start') }}
        else 0
    end as skipped_days
from treated
left join ending on treated.line_id = ending.line_id
