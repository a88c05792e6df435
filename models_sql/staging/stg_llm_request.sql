-- Defect: a source delivers the same record again, in another file, another version or after a correction.
-- Defect: two logs tell of the same call, the gateway's and the telemetry's.
-- Defect: what the log knows of a whole trace (tenant, user, session) is not on its requests, and arrives at another time.
-- Guarantee: the latest version of every record, once, and every call once, on the days of this build, with what its trace says
-- where it says nothing itself; rows of erased tenants and users never.
{%- set is_traced = has_traces() %}

with requests as (

    select * from {{ lake('llm_request') }} where {{ in_build_days() }}

),

versions as (

    -- Only keys that really repeat are ranked: ranking every row at full width costs fifty times as much.
    select
        record_key,
        landing_id,
        source_line,
        row_number() over (
            partition by record_key
            order by version_at desc, row_hash desc, landing_id asc, source_line asc
        ) as version_rank
    from requests
    where record_key in (select record_key from requests group by record_key having count(*) > 1)

),

current_versions as (

    select requests.*
    from requests
    left join versions
        on
            requests.record_key = versions.record_key
            and requests.landing_id = versions.landing_id
            and requests.source_line = versions.source_line
    where coalesce(versions.version_rank, 1) = 1

),

counted_once as (

    select *
    from current_versions
    where
        not exists (
            select 1 from {{ input('told_twice') }} as told_twice where told_twice.record_key = current_versions.record_key
        )

),

{% if is_traced -%}
filled as (

    select
        {% for column in stored_columns('llm_request') if column != 'record_key' -%}
        {{ filled_from_trace(column, 'counted_once', 'traces') }} as {{ column }},
        {% endfor -%}
        counted_once.record_key
    from counted_once
    left join {{ ref('stg_trace') }} as traces on {{ is_trace_of('traces', 'counted_once') }}

),

{% endif -%}
kept as (

    select *
    from {{ 'filled' if is_traced else 'counted_once' }}
    where
        md5(tenant_id) not in (select id_md5 from {{ input('tombstone') }} where kind = 'tenant')
        and md5(coalesce(end_user_id, '')) not in (select id_md5 from {{ input('tombstone') }} where kind = 'user')

)

select * from kept
