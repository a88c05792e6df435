-- Conservation: per day, the rows by feature and model hold what the tenants' rows hold, requests and money, each once.
with cost_days as (

    select
        usage_date,
        tenant_id,
        {{ sum_big('requests') }} as requests,
        {{ sum_big('unpriced_requests') }} as unpriced_requests,
        {{ sum_big('cost_pico') }} as cost_pico,
        {{ sum_big('case when is_cost_of_goods then cost_pico end') }} as cogs_pico
    from {{ ref('fct_cost_day') }}
    where {{ in_build_days('usage_date', 'build_usage_date') }}
    group by usage_date, tenant_id

),

tenant_days as (

    select
        usage_date,
        tenant_id,
        requests,
        unpriced_requests,
        inference_cost_pico + other_cost_pico as cost_pico,
        inference_cogs_pico + other_cogs_pico as cogs_pico
    from {{ ref('fct_tenant_day') }}
    where {{ in_build_days('usage_date', 'build_usage_date') }}

)

select
    coalesce(tenant_days.usage_date, cost_days.usage_date) as usage_date,
    coalesce(tenant_days.tenant_id, cost_days.tenant_id) as tenant_id,
    tenant_days.cost_pico as cost_pico_expected,
    cost_days.cost_pico as cost_pico_found
from tenant_days
full outer join cost_days on tenant_days.usage_date = cost_days.usage_date and tenant_days.tenant_id = cost_days.tenant_id
where
    coalesce(tenant_days.requests, 0) <> coalesce(cost_days.requests, 0)
    or coalesce(tenant_days.unpriced_requests, 0) <> coalesce(cost_days.unpriced_requests, 0)
    or coalesce(tenant_days.cost_pico, 0) <> coalesce(cost_days.cost_pico, 0)
    or coalesce(tenant_days.cogs_pico, 0) <> coalesce(cost_days.cogs_pico, 0)
