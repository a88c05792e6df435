-- Defect: a bill has a line for each tier, project and length of prompt, in any currency, for a day or for a month.
-- Guarantee: every current line once, added up by what logged calls can be compared with; an amount without a rate is null and counted.
{{ config(materialized='table') }}

with lines as (

    select
        lower(provider) as provider_name,
        lower(model) as model,
        token_type,
        period_start,
        coalesce(period_end, {{ add_days('period_start', 1) }}) as period_end,
        quantity,
        unit,
        amount,
        currency
    from {{ ref('stg_provider_bill') }}

),

rates as (

    select * from {{ ref('stg_fx') }} where to_currency = 'USD'

),

converted as (

    select
        lines.*,
        case when lower(lines.unit) in ('token', 'tokens') then lines.quantity end as tokens,
        {{ amount_to_pico_usd('lines.amount', 'lines.currency', 'rates.rate') }} as amount_pico
    from lines
    left join rates on lines.period_start = rates.date and lines.currency = rates.from_currency

),

summed as (

    select
        provider_name,
        model,
        token_type,
        period_start,
        period_end,
        cast(count(*) as bigint) as bill_lines,
        cast(sum(case when amount_pico is null then 1 else 0 end) as bigint) as unconverted_lines,
        -- tokens of a part of the lines would look like calls that nobody billed
        case when count(tokens) = count(*) then cast(sum(tokens) as decimal(38, 0)) end as tokens,
        {{ sum_big('amount_pico') }} as amount_pico
    from converted
    group by provider_name, model, token_type, period_start, period_end

)

select *, {{ pico_to_usd('amount_pico') }} as amount_usd
from summed
