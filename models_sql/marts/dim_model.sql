{{ config(materialized='table') }}

select provider_name, model, price_provider, price_model, rule, model_tier from {{ input('model') }}
