-- Defect: token counts overlap (input includes cache, audio and image; output includes reasoning), so that pricing them one
-- by one counts tokens twice.
-- Guarantee: every token in exactly one bucket; a bucket below 0 is a contradiction and is not priced.
with requests as (

    -- Each count has one name only: an engine that reasons about equal columns doubles its work with every second one.
    select
        *,
        coalesce(input_tokens, 0) as price_step_tokens,
        coalesce(cache_read_input_tokens, 0) as cache_read_quantity,
        coalesce(cache_creation_input_tokens, 0) as cache_writes,
        coalesce(cache_creation_1h_input_tokens, 0) as cache_write_1h_quantity,
        coalesce(output_tokens, 0) as outputs,
        coalesce(reasoning_output_tokens, 0) as reasoning_quantity,
        coalesce(input_audio_tokens, 0) as input_audio_quantity,
        coalesce(output_audio_tokens, 0) as output_audio_quantity,
        coalesce(input_image_tokens, 0) as input_image_quantity,
        coalesce(output_image_tokens, 0) as output_image_quantity,
        coalesce(audio_ms, 0) as audio_time_quantity,
        coalesce(web_search_requests, 0) as web_search_quantity,
        coalesce(rerank_searches, 0) as rerank_search_quantity
    from {{ ref('stg_llm_request') }}

),

buckets as (

    select
        *,
        price_step_tokens - cache_read_quantity - cache_writes - input_audio_quantity - input_image_quantity as input_quantity,
        cache_writes - cache_write_1h_quantity as cache_write_5m_quantity,
        outputs - reasoning_quantity - output_audio_quantity - output_image_quantity as output_quantity
    from requests

)

select
    *,
    -- landing refuses counts below 0, so only what is left over can be one
    input_quantity < 0 or cache_write_5m_quantity < 0 or output_quantity < 0 as is_inconsistent,
    -- all but the fee per request, which is no quantity
    {{ price_bits('{}_quantity > 0', price_components()[:-1]) }} as used_quantities
from buckets
