-- Defect: token counts overlap (input includes cache, audio and image; output includes reasoning), so that pricing them one
-- by one counts tokens twice.
-- Guarantee: every token in exactly one bucket; a bucket below 0 is a contradiction and is not priced.
with requests as (

    select
        *,
        coalesce(input_tokens, 0) as inputs,
        coalesce(cache_read_input_tokens, 0) as cache_reads,
        coalesce(cache_creation_input_tokens, 0) as cache_writes,
        coalesce(cache_creation_1h_input_tokens, 0) as cache_writes_1h,
        coalesce(output_tokens, 0) as outputs,
        coalesce(reasoning_output_tokens, 0) as reasonings,
        coalesce(input_audio_tokens, 0) as input_audios,
        coalesce(output_audio_tokens, 0) as output_audios,
        coalesce(input_image_tokens, 0) as input_images,
        coalesce(output_image_tokens, 0) as output_images,
        coalesce(audio_ms, 0) as audio_times,
        coalesce(web_search_requests, 0) as web_searches,
        coalesce(rerank_searches, 0) as reranks
    from {{ ref('stg_llm_request') }}

),

buckets as (

    select
        *,
        inputs as price_step_tokens,
        inputs - cache_reads - cache_writes - input_audios - input_images as input_quantity,
        cache_reads as cache_read_quantity,
        cache_writes - cache_writes_1h as cache_write_5m_quantity,
        cache_writes_1h as cache_write_1h_quantity,
        outputs - reasonings - output_audios - output_images as output_quantity,
        reasonings as reasoning_quantity,
        input_audios as input_audio_quantity,
        output_audios as output_audio_quantity,
        input_images as input_image_quantity,
        output_images as output_image_quantity,
        audio_times as audio_time_quantity,
        web_searches as web_search_quantity,
        reranks as rerank_search_quantity
    from requests

)

select
    *,
    -- landing refuses counts below 0, so only what is left over can be one
    input_quantity < 0 or cache_write_5m_quantity < 0 or output_quantity < 0 as is_inconsistent,
    -- all but the fee per request, which is no quantity
    {{ price_bits('{}_quantity > 0', price_components()[:-1]) }} as used_quantities
from buckets
