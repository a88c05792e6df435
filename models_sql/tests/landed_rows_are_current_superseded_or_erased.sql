-- Conservation: the lake has the rows that the ledger counts, and each of its records is priced once unless it is erased or
-- counted in another source's log.
{%- set is_traced = has_traces() %}
{%- set erasures = run_query('select count(*) from ' ~ input('tombstone')).columns[0].values()[0] if execute else 1 %}

with listed as (

    select day, {{ sum_big('rows') }} as landed_rows
    from {{ input('lake_file') }}
    where dataset = 'llm_request' and {{ in_build_days() }}
    group by day

),

{% if erasures > 0 and is_traced -%}
named as (

    -- a request is erased, too, whose trace names who was
    select
        landed.day,
        landed.record_key,
        {{ filled_from_trace('tenant_id', 'landed', 'traces') }} as tenant_id,
        {{ filled_from_trace('end_user_id', 'landed', 'traces') }} as end_user_id
    from {{ lake('llm_request') }} as landed
    left join {{ ref('stg_trace') }} as traces on {{ is_trace_of('traces', 'landed') }}

),

{% endif -%}
requests as (

    select
        day,
        record_key,
        {% if erasures > 0 -%}
        md5(tenant_id) in (select id_md5 from {{ input('tombstone') }} where kind = 'tenant')
        or md5(coalesce(end_user_id, '')) in (select id_md5 from {{ input('tombstone') }} where kind = 'user')
        {%- else -%}
        1 = 0
        {%- endif %} as is_erased
    from {{ 'named' if erasures > 0 and is_traced else lake('llm_request') }}
    where {{ in_build_days() }}

),

priced as (

    select day, record_key from {{ ref('fct_llm_request_priced') }} where {{ in_build_days() }}

),

landed as (

    -- one row per day
    select day, count(*) as landed_rows, count(distinct record_key) as records from requests group by day

),

erased as (

    -- one row per day; a record that only an older version ties to an erased tenant is not erased
    select day, count(distinct record_key) as records
    from requests
    where
        is_erased
        and record_key not in (select record_key from priced)
        and record_key not in (select record_key from {{ input('told_twice') }})
    group by day

),

told_twice as (

    -- one row per day; what is stored of it is what is shown
    select day, {{ sum_big('requests') }} as records
    from {{ ref('fct_told_twice_day') }}
    where {{ in_build_days() }}
    group by day

),

kept as (

    -- one row per day
    select day, count(*) as priced_rows, count(distinct record_key) as records from priced group by day

)

select
    coalesce(listed.day, landed.day, kept.day) as day,
    listed.landed_rows as rows_listed,
    landed.landed_rows as rows_landed,
    landed.records as records_landed,
    erased.records as records_erased,
    told_twice.records as records_told_twice,
    kept.records as records_priced,
    kept.priced_rows as rows_priced
from listed
full outer join landed on listed.day = landed.day
full outer join kept on coalesce(listed.day, landed.day) = kept.day
left join erased on coalesce(listed.day, landed.day, kept.day) = erased.day
left join told_twice on coalesce(listed.day, landed.day, kept.day) = told_twice.day
where
    coalesce(listed.landed_rows, 0) <> coalesce(landed.landed_rows, 0)
    or coalesce(landed.records, 0)
    <> coalesce(kept.records, 0) + coalesce(erased.records, 0) + coalesce(told_twice.records, 0)
    or coalesce(kept.priced_rows, 0) <> coalesce(kept.records, 0)
