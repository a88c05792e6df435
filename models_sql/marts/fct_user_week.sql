-- Guarantee: a week's users are those of its seven days together, whole weeks at a time: weekly actives are no sum of daily ones.
{{ config(
    materialized='incremental',
    incremental_strategy=replace_days_strategy(),
    day_column='week_start',
    day_table='build_week',
    partition_by=['week_start'] if target.type == 'spark' else none,
    pre_hook="{{ drop_build_days('week_start', 'build_week') }}"
) }}

with requests as (

    select *, {{ week_start('usage_date') }} as week_start
    from {{ ref('fct_llm_request_priced') }}
    where {{ in_build_days('usage_date', 'build_week_date') }} and is_production and end_user_id is not null

),

service_accounts as (

    -- one row per user that is no person
    select distinct requests.end_user_id
    from requests
    inner join {{ input('service_account') }} as service_account on requests.end_user_id like service_account.pattern escape '!'

),

summed as (

    -- one row per week, tenant and user
    select
        week_start,
        tenant_id,
        end_user_id,
        cast(count(distinct usage_date) as bigint) as active_days,
        cast(count(*) as bigint) as requests,
        cast(sum(case when cost_pico is null or pricing_status = 'partial' then 1 else 0 end) as bigint) as incomplete_requests,
        cast({{ sum_big('input_tokens') }} as bigint) as input_tokens,
        cast({{ sum_big('output_tokens') }} as bigint) as output_tokens,
        {{ sum_big('cost_pico') }} as cost_pico
    from requests
    group by week_start, tenant_id, end_user_id

)

select
    summed.*,
    service_accounts.end_user_id is not null as is_service_account,
    {{ pico_to_usd('summed.cost_pico') }} as cost_usd
from summed
left join service_accounts on summed.end_user_id = service_accounts.end_user_id
