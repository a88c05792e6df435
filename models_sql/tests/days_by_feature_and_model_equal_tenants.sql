-- Conservation: per day, features and models hold what the tenants hold: requests, priced requests and other cost, exactly.
{%- set measures = ['requests', 'unpriced_requests', 'inference_cost_pico', 'inference_cogs_pico', 'other_cost_pico', 'other_cogs_pico'] %}
with days as (

    {% for table in ['tenant', 'feature', 'model'] -%}
    select '{{ table }}' as by_what, usage_date, {{ measures | join(', ') }} from {{ ref('fct_' ~ table ~ '_day') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

amounts as (

    {% for measure in measures -%}
    select by_what, usage_date, '{{ measure }}' as measure, {{ big(measure) }} as amount
    from days
    where {{ in_build_days('usage_date', 'build_usage_date') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

summed as (

    -- one row per day and measure
    select
        usage_date,
        measure,
        {{ sum_big("case when by_what = 'tenant' then amount end") }} as of_tenants,
        {{ sum_big("case when by_what = 'feature' then amount end") }} as of_features,
        {{ sum_big("case when by_what = 'model' then amount end") }} as of_models
    from amounts
    group by usage_date, measure

)

select * from summed where of_tenants <> of_features or of_tenants <> of_models
