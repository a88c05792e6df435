-- Guarantee: what revenue rests on and nobody said is counted by tenant, instead of being guessed.
-- depends_on: {{ ref('fct_llm_request_priced') }}
{{ config(materialized='table') }}
{%- set unit = setting('usage_unit') or 'none' %}
{%- set is_of_tasks = unit in ('tasks', 'successful_tasks') %}

with contracts as (

    select * from {{ ref('stg_contract') }} where overage_rate > 0

),

gaps as (

    -- one row per case
    select tenant_id, 'no_usage_unit' as gap from contracts where '{{ unit }}' = 'none'
    union all
    select tenant_id, 'contract_without_allowance' as gap from contracts where allowance is null
    union all
    {% if unit != 'none' and not is_of_tasks -%}
    select tenant_id, 'usage_without_user' as gap
    from {{ ref('fct_llm_request_priced') }}
    where
        end_user_id is null and is_production and status in ('ok', 'cancelled')
        and tenant_id in (select tenant_id from contracts where allowance_scope = 'per_seat')
    {%- else -%}
    select tenant_id, 'usage_without_user' as gap
    from contracts
    where allowance_scope = 'per_seat' and {{ '1 = 1' if is_of_tasks else '1 = 0' }}
    {%- endif %}
    union all
    select tenant_id, 'credits_without_a_pack' as gap from {{ input('credit_uncovered') }}
    union all
    select tenant_id, 'credit_rate_not_understood' as gap from {{ input('credit_rate_unknown') }}
    union all
    select tenant_id, 'line_without_rate' as gap from {{ ref('int_revenue_line') }} where amount_pico is null
    union all
    select tenant_id, 'line_without_invoice_date' as gap from {{ ref('int_revenue_line') }} where invoiced_on is null
    union all
    select notes.tenant_id, 'corrected_line_unknown' as gap
    from {{ ref('int_revenue_line') }} as notes
    left join {{ ref('int_revenue_line') }} as lines on notes.corrects_line_id = lines.line_id and notes.tenant_id = lines.tenant_id
    where notes.corrects_line_id is not null and lines.line_id is null

)

select tenant_id, gap, count(*) as cases
from gaps
where md5(tenant_id) not in (select id_md5 from {{ input('tombstone') }} where kind = 'tenant')
group by tenant_id, gap
