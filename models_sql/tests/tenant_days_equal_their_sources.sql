-- Conservation: per date, the tenants' rows hold every priced request, cost event and recognised amount, each once.
with tenant_days as (

    select
        usage_date,
        {{ sum_big('requests') }} as requests,
        {{ sum_big('inference_cost_pico') }} as inference_cost_pico,
        {{ sum_big('other_cost_pico') }} as other_cost_pico,
        {{ sum_big('revenue_pico') }} as revenue_pico
    from {{ ref('fct_tenant_day') }}
    where {{ in_build_days('usage_date', 'build_usage_date') }}
    group by usage_date

),

amounts as (

    select usage_date, 1 as requests, cost_pico as inference_cost_pico, 0 as other_cost_pico, 0 as revenue_pico
    from {{ ref('fct_llm_request_priced') }}
    where {{ in_build_days('usage_date', 'build_usage_date') }}
    union all
    select usage_date, 0 as requests, 0 as inference_cost_pico, cost_pico as other_cost_pico, 0 as revenue_pico
    from {{ ref('int_cost_event') }}
    where {{ in_build_days('usage_date', 'build_usage_date') }}
    union all
    select usage_date, 0 as requests, 0 as inference_cost_pico, 0 as other_cost_pico, revenue_pico
    from {{ ref('int_revenue_day') }}

),

sources as (

    -- one row per date
    select
        usage_date,
        {{ sum_big('requests') }} as requests,
        {{ sum_big('inference_cost_pico') }} as inference_cost_pico,
        {{ sum_big('other_cost_pico') }} as other_cost_pico,
        {{ sum_big('revenue_pico') }} as revenue_pico
    from amounts
    group by usage_date

)

select
    coalesce(sources.usage_date, tenant_days.usage_date) as usage_date,
    sources.requests as requests_expected,
    tenant_days.requests as requests_found,
    sources.inference_cost_pico as inference_cost_pico_expected,
    tenant_days.inference_cost_pico as inference_cost_pico_found,
    sources.other_cost_pico as other_cost_pico_expected,
    tenant_days.other_cost_pico as other_cost_pico_found,
    sources.revenue_pico as revenue_pico_expected,
    tenant_days.revenue_pico as revenue_pico_found
from sources
full outer join tenant_days on sources.usage_date = tenant_days.usage_date
where
    coalesce(sources.requests, -1) <> coalesce(tenant_days.requests, -1)
    or sources.inference_cost_pico <> tenant_days.inference_cost_pico
    or sources.other_cost_pico <> tenant_days.other_cost_pico
    or sources.revenue_pico <> tenant_days.revenue_pico
