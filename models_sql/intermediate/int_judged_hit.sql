-- one row per hit of the gateway's cache in production that somebody judged, by its call or by its task
{%- set is_loaded = is_feed_loaded('stale_reports') %}

with reports as (

    select request_id, task_id, coalesce(kind, 'stale') as kind from {{ ref('stg_stale_report') }}

),

hits as (

    select * from {{ ref('fct_llm_request_priced') }}
    -- without a report history is not read
    where {{ 'is_gateway_cache_hit and is_production' if is_loaded == 'true' else '1 = 0' }}

),

judged as (

    -- one row per hit and report
    select hits.record_key, hits.usage_date, hits.feature, hits.status, hits.operation_name, reports.kind
    from hits
    inner join reports on hits.logical_call_id = reports.request_id
    union all
    select hits.record_key, hits.usage_date, hits.feature, hits.status, hits.operation_name, reports.kind
    from hits
    inner join reports on hits.task_id = reports.task_id

)

select
    record_key,
    {{ week_start('usage_date') }} as week_start,
    coalesce(feature, 'unattributed') as feature,
    max(case when kind = 'stale' then 1 else 0 end) = 1 as is_stale,
    max(case when kind in ('agrees', 'disagrees') then 1 else 0 end) = 1 as is_sampled,
    -- compared more than once, one difference is enough
    max(case when kind = 'disagrees' then 1 else 0 end) = 1 as is_disagreement
from judged
where status in ('ok', 'cancelled') and operation_name in ('chat', 'embeddings')
group by record_key, usage_date, feature
