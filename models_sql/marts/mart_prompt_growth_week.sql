-- Guarantee: growth of prompts within a feature's endpoint, so that a change of what customers use is no growth; in dollars, of the input
-- part only.
{{ config(materialized='table') }}

with prompts as (

    select * from {{ ref('int_prompt_week') }}

),

baselines as (

    -- The four weeks before; the earliest of them that has requests.
    select
        prompts.week_start,
        prompts.feature,
        prompts.endpoint,
        min(earlier.week_start) as baseline_week
    from prompts
    inner join prompts as earlier
        on
            prompts.feature = earlier.feature
            and prompts.endpoint = earlier.endpoint
            and earlier.week_start < prompts.week_start
            and earlier.week_start >= {{ add_days('prompts.week_start', -28) }}
    where prompts.is_all_versions and earlier.is_all_versions
    group by prompts.week_start, prompts.feature, prompts.endpoint

),

compared as (

    select
        prompts.*,
        baselines.baseline_week,
        base.median_input_tokens as baseline_median_input_tokens,
        case
            when prompts.median_input_tokens > base.median_input_tokens then prompts.median_input_tokens - base.median_input_tokens
            when base.median_input_tokens is not null then 0
        end as grown_tokens
    from prompts
    left join baselines
        on prompts.week_start = baselines.week_start and prompts.feature = baselines.feature and prompts.endpoint = baselines.endpoint
    left join prompts as base
        on
            baselines.baseline_week = base.week_start
            and baselines.feature = base.feature
            and baselines.endpoint = base.endpoint
            and base.is_all_versions

)

select
    week_start,
    feature,
    endpoint,
    prompt_version,
    is_all_versions,
    requests,
    unpriced_requests,
    median_input_tokens,
    baseline_week,
    baseline_median_input_tokens,
    {{ pico_to_usd(ratio('(median_input_tokens - baseline_median_input_tokens)', 'baseline_median_input_tokens')) }} as growth,
    {{ pico_to_usd('context_cost_pico') }} as context_cost_usd,
    {{ pico_to_usd(div_half_even(big('context_cost_pico') ~ ' * ' ~ big('grown_tokens'), 'median_input_tokens')) }} as growth_cost_usd
from compared
