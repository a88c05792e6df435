-- Defect: a trace is exported again when it changes, and in windows that overlap.
-- Guarantee: the latest version of every trace, once; never the order of landing decides. Traces of erased tenants and users are
-- here if they landed again, so that their requests are known as theirs.
with versions as (

    select
        *,
        row_number() over (
            partition by source, source_instance, trace_id
            order by version_at desc, row_hash desc, landing_id asc, source_line asc
        ) as version_rank
    from {{ lake('trace') }}

)

select * from versions
where version_rank = 1
