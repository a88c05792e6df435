-- Guarantee: the gateway's cache by what it saves, not by its hits alone: a rate of hits says nothing where the misses are the dear calls.
{{ config(materialized='table') }}

with lookups as (

    select * from {{ ref('int_cache_week') }}

),

stale as (

    -- one row per week and feature
    select week_start, feature, count(*) as stale_hits from {{ ref('int_stale_hit') }} group by week_start, feature

)

select
    lookups.week_start,
    lookups.feature,
    lookups.cache_lookups,
    lookups.cache_hits,
    lookups.exact_hits,
    lookups.semantic_hits,
    lookups.embedding_hits,
    lookups.tool_hits,
    lookups.hits_without_price,
    lookups.saved_tokens,
    lookups.hit_p50_latency_ms,
    lookups.hit_p95_latency_ms,
    lookups.miss_p50_latency_ms,
    lookups.miss_p95_latency_ms,
    cast(coalesce(stale.stale_hits, 0) as bigint) as stale_hits,
    {{ pico_to_usd(ratio('lookups.cache_hits', 'lookups.cache_lookups')) }} as hit_rate,
    {{ pico_to_usd(ratio('lookups.avoided_cost_pico', '(lookups.avoided_cost_pico + lookups.miss_cost_pico)')) }} as cost_weighted_hit_rate,
    {{ pico_to_usd(ratio('1000 * lookups.saved_tokens', 'lookups.cache_lookups')) }} as saved_tokens_per_1000_lookups,
    {{ pico_to_usd(ratio('coalesce(stale.stale_hits, 0)', 'lookups.cache_hits')) }} as stale_hit_rate,
    {{ pico_to_usd('lookups.avoided_cost_pico') }} as avoided_cost_usd,
    {{ pico_to_usd('lookups.lookup_cost_pico') }} as lookup_cost_usd,
    {{ pico_to_usd('lookups.miss_cost_pico') }} as miss_cost_usd
from lookups
left join stale on lookups.week_start = stale.week_start and lookups.feature = stale.feature
