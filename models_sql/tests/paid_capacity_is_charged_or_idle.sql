-- Conservation: what was paid for GPU pools is what their requests were charged and what stands as idle, in total.
with amounts as (

    select paid_pico, 0 as charged_pico, 0 as idle_pico from {{ input('capacity_day') }}
    {%- if any_row('capacity_day') %}
    union all
    select 0 as paid_pico, cost_pico as charged_pico, 0 as idle_pico from {{ ref('fct_llm_request_priced') }} where gpu_pool_id is not null
    {%- endif %}
    union all
    select 0 as paid_pico, 0 as charged_pico, pool_cost_pico as idle_pico
    from {{ ref('fct_shared_cost_day') }}
    where pool_id like 'idle:%' and component = 'idle'

),

summed as (

    select
        {{ sum_big('paid_pico') }} as paid_pico,
        {{ sum_big('charged_pico') }} as charged_pico,
        {{ sum_big('idle_pico') }} as idle_pico
    from amounts

)

select * from summed where paid_pico <> charged_pico + idle_pico
