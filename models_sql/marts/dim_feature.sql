{{ config(materialized='table') }}

with features as (

    select * from {{ ref('stg_feature') }}

)

select feature, owner, task_tier, is_async_eligible, risk_class, environment, success_definition
from features
