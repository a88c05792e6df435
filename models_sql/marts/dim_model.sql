{{ config(materialized='table') }}

select provider_name, model, valid_from, valid_to, price_provider, price_model, rule, model_tier, drawdown_id
from {{ ref('stg_model') }}
