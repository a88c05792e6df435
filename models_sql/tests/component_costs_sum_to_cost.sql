-- The six parts of a request are the whole of its contracted cost, and with its drawdown of its cost, exactly.
select record_key, contracted_cost_pico, drawdown_pico, cost_pico
from {{ ref('fct_llm_request_priced') }}
where
    {{ in_build_days() }}
    and (
        coalesce(
            input_cost_pico + cache_read_cost_pico + cache_write_cost_pico + output_cost_pico + media_cost_pico + request_cost_pico, -1
        ) <> coalesce(contracted_cost_pico, -1)
        or coalesce(contracted_cost_pico + drawdown_pico, -1) <> coalesce(cost_pico, -1)
    )
