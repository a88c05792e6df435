-- Guarantee: every pool's day is shared out to the last pico-dollar; what no driver shares out stands as the tenant `unallocated`.
{{ config(materialized='table') }}

with pools as (

    select * from {{ ref('fct_shared_cost_day') }}

),

tenant_days as (

    select
        tenant_id,
        usage_date,
        case when tenant_id <> 'unattributed' then 1 else 0 end as even_weight,
        production_requests as requests_weight,
        input_tokens + output_tokens as tokens_weight,
        inference_cogs_pico + other_cogs_pico as cost_weight
    from {{ ref('fct_tenant_day') }}
    where production_requests > 0 or revenue_pico <> 0

),

weighted as (

    select
        pools.pool_id,
        pools.component,
        pools.period_start,
        pools.usage_date,
        pools.pool_cost_pico,
        tenant_days.tenant_id,
        {{ big("case pools.driver
            when 'even' then tenant_days.even_weight
            when 'requests' then tenant_days.requests_weight
            when 'tokens' then tenant_days.tokens_weight
            when 'cost' then tenant_days.cost_weight
        end") }} as weight
    from pools
    inner join tenant_days on pools.usage_date = tenant_days.usage_date
    union all
    select
        pools.pool_id,
        pools.component,
        pools.period_start,
        pools.usage_date,
        pools.pool_cost_pico,
        weights.tenant_id,
        {{ big('weights.weight') }} as weight
    from pools
    inner join {{ ref('int_pool_weight') }} as weights
        on pools.pool_id = weights.pool_id and pools.period_start = weights.period_start
    where pools.driver = 'fixed'

),

cumulated as (

    -- The share of a tenant is what lies between two points of the whole, each rounded once: so the shares add up.
    select
        *,
        {{ big('sum(weight) over (
            partition by pool_id, period_start, usage_date order by tenant_id asc
            rows between unbounded preceding and current row
        )') }} as weight_upto,
        {{ big('sum(weight) over (partition by pool_id, period_start, usage_date)') }} as all_weight
    from weighted
    where weight > 0 and pool_cost_pico is not null

),

allocated as (

    select
        pool_id,
        component,
        period_start,
        usage_date,
        tenant_id,
        {{ div_half_even(big('pool_cost_pico') ~ ' * weight_upto', 'all_weight') }}
        - {{ div_half_even(big('pool_cost_pico') ~ ' * (weight_upto - weight)', 'all_weight') }} as cost_pico
    from cumulated

),

reached as (

    -- one row per pool and day that is shared out
    select distinct pool_id, period_start, usage_date from allocated

),

every_line as (

    select pool_id, component, usage_date, tenant_id, cost_pico from allocated
    union all
    select pools.pool_id, pools.component, pools.usage_date, 'unallocated' as tenant_id, pools.pool_cost_pico as cost_pico
    from pools
    left join reached
        on
            pools.pool_id = reached.pool_id
            and pools.period_start = reached.period_start
            and pools.usage_date = reached.usage_date
    where reached.pool_id is null

)

select
    usage_date,
    tenant_id,
    pool_id,
    component,
    cast(sum(case when cost_pico is null then 1 else 0 end) as bigint) as unconverted_days,
    {{ sum_big('cost_pico') }} as cost_pico,
    {{ pico_to_usd(sum_big('cost_pico')) }} as cost_usd
from every_line
group by usage_date, tenant_id, pool_id, component
