-- What has no price has no cost, never zero; whatever has a status with a cost has one.
select record_key, pricing_status, cost_pico
from {{ ref('fct_llm_request_priced') }}
where {{ in_build_days() }} and (pricing_status = 'unpriced') <> (cost_pico is null)
