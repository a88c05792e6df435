-- Conservation: per day, the rows by feature and model hold the list and the contracted cost of every request, each once.
with requests as (

    select
        usage_date,
        {{ sum_big('list_cost_pico') }} as list_cost_pico,
        {{ sum_big('contracted_cost_pico') }} as contracted_cost_pico
    from {{ ref('fct_llm_request_priced') }}
    where {{ in_build_days('usage_date', 'build_usage_date') }}
    group by usage_date

),

cost_days as (

    select
        usage_date,
        {{ sum_big('list_cost_pico') }} as list_cost_pico,
        {{ sum_big('contracted_cost_pico') }} as contracted_cost_pico
    from {{ ref('fct_cost_day') }}
    where is_model_call and {{ in_build_days('usage_date', 'build_usage_date') }}
    group by usage_date

)

select
    coalesce(requests.usage_date, cost_days.usage_date) as usage_date,
    requests.list_cost_pico as list_cost_pico_expected,
    cost_days.list_cost_pico as list_cost_pico_found,
    requests.contracted_cost_pico as contracted_cost_pico_expected,
    cost_days.contracted_cost_pico as contracted_cost_pico_found
from requests
full outer join cost_days on requests.usage_date = cost_days.usage_date
where
    coalesce(requests.list_cost_pico, 0) <> coalesce(cost_days.list_cost_pico, 0)
    or coalesce(requests.contracted_cost_pico, 0) <> coalesce(cost_days.contracted_cost_pico, 0)
