{#- The entries of a JSON object as rows: columns `tenant_id` and `weight`, both text. -#}
{% macro json_entries(json) -%}
  {{ return(adapter.dispatch('json_entries', 'margincall')(json)) }}
{%- endmacro %}

{% macro duckdb__json_entries(json) -%}
  unnest(map_keys(cast(cast({{ json }} as json) as map(varchar, varchar)))) as tenant_id,
  unnest(map_values(cast(cast({{ json }} as json) as map(varchar, varchar)))) as weight
{%- endmacro %}

{% macro spark__json_entries(json) -%}
  explode(from_json({{ json }}, 'map<string,string>')) as (tenant_id, weight)
{%- endmacro %}
