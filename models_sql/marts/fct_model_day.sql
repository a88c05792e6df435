-- Guarantee: per day, the models' rows sum exactly to the priced requests and the cost events; what is no call of a model is
-- `no_model`, a call that names none is `unattributed`.
{{ config(
    materialized='incremental',
    incremental_strategy=replace_days_strategy(),
    day_column='usage_date',
    day_table='build_usage_date',
    partition_by=['usage_date'] if target.type == 'spark' else none,
    pre_hook="{{ drop_build_days('usage_date', 'build_usage_date') }}"
) }}

with cost_days as (

    select
        *,
        case when is_model_call then coalesce(provider_name, 'unattributed') else 'no_model' end as provider,
        case when is_model_call then coalesce(model, 'unattributed') else 'no_model' end as model_name,
        case when is_model_call then model_tier else 'no_model' end as tier
    from {{ ref('fct_cost_day') }}
    where {{ in_build_days('usage_date', 'build_usage_date') }}

),

summed as (

    select
        provider as provider_name,
        model_name as model,
        tier as model_tier,
        usage_date,
        {{ day_sums() }}
    from cost_days
    group by provider, model_name, tier, usage_date

)

select *, {{ day_usd() }} from summed
