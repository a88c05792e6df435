{#- What a build reads besides its own models: the lake's files that count, and the small tables that the planner wrote.
    On DuckDB they are Parquet files named literally, so that nothing else is opened; on Spark they are temporary views. -#}

{% macro input(name) -%}
  {{ return(adapter.dispatch('input', 'margincall')(name)) }}
{%- endmacro %}

{% macro duckdb__input(name) -%}
  read_parquet('{{ env_var("MARGINCALL_BUILD_INPUTS", ".") }}/{{ name }}.parquet')
{%- endmacro %}

{% macro spark__input(name) -%}
  input_{{ name }}
{%- endmacro %}

{#- Rows of a dataset of the lake: `llm_request` on the days of this build, or a whole business feed. -#}
{% macro lake(dataset) -%}
  {{ return(adapter.dispatch('lake', 'margincall')(dataset)) }}
{%- endmacro %}

{% macro duckdb__lake(dataset) -%}
  {%- set files = [] -%}
  {%- if execute -%}
    {%- set found = run_query("select path from " ~ input('lake_file') ~ " where dataset = '" ~ dataset ~ "'"
        ~ " and (day is null or day in (select day from " ~ input('build_day') ~ ")) order by path") -%}
    {%- for path in found.columns[0].values() -%}{%- do files.append("'" ~ path | replace("'", "''") ~ "'") -%}{%- endfor -%}
  {%- endif -%}
  read_parquet(['{{ env_var("MARGINCALL_BUILD_INPUTS", ".") }}/schema_{{ dataset }}.parquet'
    {%- for file in files %}, {{ file }}{% endfor %}], union_by_name = true, hive_partitioning = false)
{%- endmacro %}

{% macro spark__lake(dataset) -%}
  lake_{{ dataset }}
{%- endmacro %}

{% macro setting(name) -%}
  {%- if execute -%}
    {%- do return(run_query("select value from " ~ input('setting') ~ " where name = '" ~ name ~ "'").columns[0].values()[0]) -%}
  {%- endif -%}
  {%- do return('') -%}
{%- endmacro %}

{#- Whether an input table has a row (of a kind), when the models are compiled: what nobody uses is then not paid for. -#}
{% macro any_row(table, condition='1 = 1') -%}
  {%- if execute -%}
    {%- set found = run_query("select count(*) from " ~ input(table) ~ " where " ~ condition) -%}
    {%- do return(found.columns[0].values()[0] | int > 0) -%}
  {%- endif -%}
  {%- do return(true) -%}
{%- endmacro %}
