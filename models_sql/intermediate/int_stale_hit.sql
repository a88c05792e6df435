-- one row per hit of the gateway's cache in production that somebody reported as stale, by its call or by its task
{%- set is_loaded = is_feed_loaded('stale_reports') %}

with reports as (

    select * from {{ ref('stg_stale_report') }}

),

hits as (

    select * from {{ ref('fct_llm_request_priced') }}
    -- without a report history is not read
    where {{ 'is_gateway_cache_hit and is_production' if is_loaded == 'true' else '1 = 0' }}

)

select
    record_key,
    {{ week_start('usage_date') }} as week_start,
    coalesce(feature, 'unattributed') as feature
from hits
where
    status in ('ok', 'cancelled')
    and operation_name in ('chat', 'embeddings')
    and (
        logical_call_id in (select request_id from reports where request_id is not null)
        or task_id in (select task_id from reports where task_id is not null)
    )
