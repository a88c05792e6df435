-- Defect: what is billed in arrears stands on no invoice yet while its cost is there.
-- Guarantee: units beyond the allowance of the calendar month, on the date they were used, at the rate of the contract of that date.
-- depends_on: {{ ref('fct_llm_request_priced') }}, {{ ref('fct_task') }}
{{ config(materialized='table') }}
{%- set unit = setting('usage_unit') or 'none' %}
{%- set is_of_tasks = unit in ('tasks', 'successful_tasks') %}

with contracts as (

    select
        tenant_id,
        plan,
        valid_from,
        valid_to,
        coalesce(allowance_scope, 'pooled') = 'per_seat' as is_per_seat,
        {{ usd_to_pico('allowance') }} as allowance_picounits,
        {{ usd_to_pico('overage_rate') }} as rate_pico
    from {{ ref('stg_contract') }}
    where overage_rate > 0 and allowance is not null

),

used as (

    -- one row per tenant, user and date
    {% if unit == 'none' -%}
    select cast(null as string) as tenant_id, cast(null as string) as end_user_id, cast(null as date) as usage_date, 0 as units
    from {{ ref('stg_contract') }}
    where 1 = 0
    {%- elif is_of_tasks -%}
    select tenant_id, cast(null as string) as end_user_id, task_date as usage_date, count(*) as units
    from {{ ref('fct_task') }}
    where is_production and tenant_id in (select tenant_id from contracts){{ " and outcome = 'success'" if unit == 'successful_tasks' }}
    group by tenant_id, task_date
    {%- else -%}
    {%- set counted = {
        'requests': '1', 'input_tokens': 'input_tokens', 'output_tokens': 'output_tokens',
        'tokens': 'coalesce(input_tokens, 0) + coalesce(output_tokens, 0)',
    }[unit] -%}
    select tenant_id, end_user_id, usage_date, {{ sum_big(counted) }} as units
    from {{ ref('fct_llm_request_priced') }}
    where is_production and status in ('ok', 'cancelled') and tenant_id in (select tenant_id from contracts)
    group by tenant_id, end_user_id, usage_date
    {%- endif %}

),

contracted as (

    -- of contracts that overlap the one that began last counts
    select used.*, contracts.is_per_seat, contracts.allowance_picounits, contracts.rate_pico
    from used
    inner join contracts
        on
            used.tenant_id = contracts.tenant_id
            and used.usage_date >= contracts.valid_from
            and (contracts.valid_to is null or used.usage_date < contracts.valid_to)
    qualify row_number() over (
            partition by used.tenant_id, used.end_user_id, used.usage_date
            order by contracts.valid_from desc nulls last, contracts.plan desc nulls last
        ) = 1

),

pooled as (

    -- one row per tenant, seat (none where units are pooled) and date; units of nobody belong to no seat
    select
        tenant_id,
        case when is_per_seat then end_user_id end as seat,
        usage_date,
        allowance_picounits,
        rate_pico,
        {{ sum_big('units') }} as units
    from contracted
    where not is_per_seat or end_user_id is not null
    group by tenant_id, case when is_per_seat then end_user_id end, usage_date, allowance_picounits, rate_pico

),

counted as (

    select
        *,
        {{ big('1000000000000') }} * {{ big('units') }} as picounits,
        {{ big('1000000000000') }} * {{ big('sum(units) over (
            partition by tenant_id, seat, date_trunc(\'month\', usage_date) order by usage_date asc
            rows between unbounded preceding and current row
        )') }} as picounits_upto
    from pooled

),

beyond as (

    select
        tenant_id,
        usage_date,
        rate_pico,
        greatest(picounits_upto - {{ big('allowance_picounits') }}, {{ big(0) }})
        - greatest(picounits_upto - picounits - {{ big('allowance_picounits') }}, {{ big(0) }}) as overage_picounits
    from counted

)

select
    tenant_id,
    usage_date,
    {{ sum_big('overage_picounits') }} as overage_picounits,
    {{ sum_big(div_half_even('overage_picounits * ' ~ big('rate_pico'), '1000000000000')) }} as accrued_pico
from beyond
where overage_picounits > 0
group by tenant_id, usage_date
