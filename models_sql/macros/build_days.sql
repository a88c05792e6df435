{#- Incremental by affected day: the planner has written which days this build replaces; every incremental model replaces
    exactly those, also with nothing. Stock delete+insert leaves the rows of a day that vanished. -#}

{% macro listed_days(table) -%}
  {%- if execute -%}
    {%- do return(run_query("select cast(day as string) as day from " ~ input(table) ~ " order by 1").columns[0].values() | list) -%}
  {%- endif -%}
  {%- do return([]) -%}
{%- endmacro %}

{#- Dates as literals prune the scan on both engines; a cast or a join would open every file. -#}
{% macro in_build_days(column='day', table='build_day') -%}
  {%- set days = listed_days(table) -%}
  {%- if days -%}
    {{ column }} in ({% for day in days %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor %})
  {%- else -%}
    1 = 0
  {%- endif -%}
{%- endmacro %}

{#- The days are said twice: a model run by itself reads views of an earlier build, which list other days; those stay out. -#}
{% macro get_incremental_replace_days_sql(args) -%}
  {%- set columns = get_quoted_csv(args.dest_columns | map(attribute='name')) -%}
  {%- set is_replaced = in_build_days(config.require('day_column'), config.get('day_table', 'build_day')) -%}
  delete from {{ args.target_relation }} where {{ is_replaced }};
  insert into {{ args.target_relation }} ({{ columns }})
  select {{ columns }} from {{ args.temp_relation }} where {{ is_replaced }}
{%- endmacro %}

{% macro replace_days_strategy() -%}
  {{ return('insert_overwrite' if target.type == 'spark' else 'replace_days') }}
{%- endmacro %}

{#- insert_overwrite replaces only the partitions that the new rows have; a day that is empty now must be dropped first. -#}
{% macro drop_build_days(column, table='build_day') -%}
  {%- if execute and target.type == 'spark' and is_incremental() -%}
    {%- for day in listed_days(table) %}
      {%- do run_query("alter table " ~ this ~ " drop if exists partition (" ~ column ~ " = date '" ~ day ~ "')") -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro %}
