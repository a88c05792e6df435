-- The six parts of a request's cost are the whole of it, exactly.
select record_key, cost_pico
from {{ ref('fct_llm_request_priced') }}
where
    {{ in_build_days() }}
    and coalesce(
        input_cost_pico + cache_read_cost_pico + cache_write_cost_pico + output_cost_pico + media_cost_pico + request_cost_pico, -1
    ) <> coalesce(cost_pico, -1)
