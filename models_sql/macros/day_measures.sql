{#- What `fct_cost_day` sums from requests and cost events: name, type. -#}
{% macro cost_measures() -%}
  {%- do return([
    ('requests', 'bigint'), ('unpriced_requests', 'bigint'), ('partial_requests', 'bigint'), ('unconverted_events', 'bigint'),
    ('input_tokens', 'bigint'), ('cache_read_input_tokens', 'bigint'), ('cache_creation_input_tokens', 'bigint'),
    ('output_tokens', 'bigint'), ('hit_input_tokens', 'bigint'), ('hit_output_tokens', 'bigint'),
    ('cache_lookups', 'bigint'), ('cache_hits', 'bigint'), ('served_requests', 'bigint'),
    ('batch_requests', 'bigint'), ('list_cost_pico', 'decimal(38, 0)'), ('contracted_cost_pico', 'decimal(38, 0)'),
    ('cost_pico', 'decimal(38, 0)'), ('without_task_cost_pico', 'decimal(38, 0)'), ('batch_cost_pico', 'decimal(38, 0)'),
    ('cache_miss_cost_pico', 'decimal(38, 0)'), ('avoided_cost_pico', 'decimal(38, 0)'),
    ('prompt_cache_saving_pico', 'decimal(38, 0)'),
  ]) -%}
{%- endmacro %}

{#- What the tables by day (of a tenant, feature or model) sum from `fct_cost_day`, in the order in which all of them have it:
    name, type, measure, condition. Inference is every logged call of a model; cost of goods is its part in production. Cache
    and tiers are measured in production. -#}
{% macro day_measures() -%}
  {%- do return([
    ('requests', 'bigint', 'requests', ''),
    ('production_requests', 'bigint', 'requests', 'is_production'),
    ('unpriced_requests', 'bigint', 'unpriced_requests', ''),
    ('partial_requests', 'bigint', 'partial_requests', ''),
    ('unconverted_events', 'bigint', 'unconverted_events', ''),
    ('input_tokens', 'bigint', 'input_tokens', ''),
    ('cache_read_input_tokens', 'bigint', 'cache_read_input_tokens', ''),
    ('output_tokens', 'bigint', 'output_tokens', ''),
    ('cache_lookups', 'bigint', 'cache_lookups', 'is_production'),
    ('cache_hits', 'bigint', 'cache_hits', 'is_production'),
    ('served_requests', 'bigint', 'served_requests', 'is_production'),
    ('small_or_mid_requests', 'bigint', 'served_requests', "is_production and model_tier in ('small', 'mid')"),
    ('inference_cost_pico', 'decimal(38, 0)', 'cost_pico', 'is_model_call'),
    ('inference_cogs_pico', 'decimal(38, 0)', 'cost_pico', 'is_model_call and is_cost_of_goods'),
    ('without_task_cost_pico', 'decimal(38, 0)', 'without_task_cost_pico', 'is_production'),
    ('other_cost_pico', 'decimal(38, 0)', 'cost_pico', 'not is_model_call'),
    ('other_cogs_pico', 'decimal(38, 0)', 'cost_pico', 'not is_model_call and is_cost_of_goods'),
    ('variable_cost_pico', 'decimal(38, 0)', 'cost_pico', "is_production and component in ('support', 'payment_fee')"),
  ]) -%}
{%- endmacro %}

{#- The sum of a measure, of all rows or of those for which a condition holds. -#}
{% macro sum_measure(name, kind, condition='') -%}
  {%- set summed = sum_big('case when ' ~ condition ~ ' then ' ~ name ~ ' end' if condition else name) -%}
  {{ summed if kind != 'bigint' else 'cast(' ~ summed ~ ' as bigint)' }}
{%- endmacro %}

{#- The measures of a day, as columns of a query that groups `fct_cost_day`. -#}
{% macro day_sums() -%}
  {% for name, kind, measure, condition in day_measures() -%}
  {{ sum_measure(measure, kind, condition) }} as {{ name }}{{ ',' if not loop.last }}
  {% endfor %}
{%- endmacro %}

{#- A day's costs in dollars, for whoever reads the table. -#}
{% macro day_usd() -%}
  {{ pico_to_usd('inference_cost_pico') }} as inference_cost_usd,
  {{ pico_to_usd('other_cost_pico') }} as other_cost_usd,
  {{ pico_to_usd('inference_cost_pico + other_cost_pico') }} as cost_usd,
  {{ pico_to_usd('inference_cogs_pico + other_cogs_pico') }} as cogs_usd
{%- endmacro %}
