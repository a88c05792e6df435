-- Guarantee: what is left out because another log has the same call is counted, never only missing.
{{ config(
    materialized='incremental',
    incremental_strategy=replace_days_strategy(),
    day_column='day',
    partition_by=['day'] if target.type == 'spark' else none,
    pre_hook="{{ drop_build_days('day') }}"
) }}

select
    day,
    source,
    counted_from,
    cast(count(*) as bigint) as requests
from {{ input('told_twice') }}
where {{ in_build_days() }}
group by day, source, counted_from
