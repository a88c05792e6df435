-- Guarantee: the gateway's cache by what it saves, not by its hits alone: a rate of hits says nothing where the misses are the dear calls.
{{ config(materialized='table') }}

with lookups as (

    select * from {{ ref('int_cache_week') }}

),

judged as (

    -- one row per week and feature
    select
        week_start,
        feature,
        sum(case when is_stale then 1 else 0 end) as stale_hits,
        sum(case when is_sampled then 1 else 0 end) as sampled_hits,
        sum(case when is_disagreement then 1 else 0 end) as disagreeing_hits
    from {{ ref('int_judged_hit') }}
    group by week_start, feature

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
    cast(coalesce(judged.stale_hits, 0) as bigint) as stale_hits,
    cast(coalesce(judged.sampled_hits, 0) as bigint) as sampled_hits,
    cast(coalesce(judged.disagreeing_hits, 0) as bigint) as disagreeing_hits,
    {{ pico_to_usd(ratio('lookups.cache_hits', 'lookups.cache_lookups')) }} as hit_rate,
    {{ pico_to_usd(ratio('lookups.avoided_cost_pico', '(lookups.avoided_cost_pico + lookups.miss_cost_pico)')) }} as cost_weighted_hit_rate,
    {{ pico_to_usd(ratio('1000 * lookups.saved_tokens', 'lookups.cache_lookups')) }} as saved_tokens_per_1000_lookups,
    {{ pico_to_usd(ratio('coalesce(judged.stale_hits, 0)', 'lookups.cache_hits')) }} as stale_hit_rate,
    {{ pico_to_usd(ratio('judged.disagreeing_hits', 'judged.sampled_hits')) }} as disagreement_rate,
    {{ pico_to_usd('lookups.avoided_cost_pico') }} as avoided_cost_usd,
    {{ pico_to_usd('lookups.lookup_cost_pico') }} as lookup_cost_usd,
    {{ pico_to_usd('lookups.miss_cost_pico') }} as miss_cost_usd
from lookups
left join judged on lookups.week_start = judged.week_start and lookups.feature = judged.feature
