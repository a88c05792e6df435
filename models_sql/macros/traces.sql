{#- What a log says of a whole trace stands in where a request of that trace says nothing itself. -#}

{#- Whether any trace has landed, when the models are compiled: without one nothing is joined. -#}
{% macro has_traces() -%}
  {{ return(any_row('lake_file', "dataset = 'trace'")) }}
{%- endmacro %}

{% macro is_trace_of(trace, request) -%}
  {{ trace }}.source = {{ request }}.source
    and {{ trace }}.source_instance = {{ request }}.source_instance
    and {{ trace }}.trace_id = {{ request }}.trace_id
{%- endmacro %}

{#- A column of a request. A source takes the trace's id for a task that it does not name, and `unattributed` for a tenant. -#}
{% macro filled_from_trace(column, request, trace) -%}
  {%- set own = request ~ '.' ~ column -%}
  {%- set other = trace ~ '.' ~ column -%}
  {%- if column == 'tenant_id' -%}
    coalesce(nullif({{ own }}, 'unattributed'), {{ other }}, 'unattributed')
  {%- elif column == 'task_id' -%}
    coalesce(nullif({{ own }}, coalesce({{ request }}.trace_id, '')), {{ other }}, {{ own }})
  {%- elif column in ('workflow_key', 'conversation_id', 'end_user_id', 'feature', 'environment', 'prompt_version', 'experiment') -%}
    coalesce({{ own }}, {{ other }})
  {%- else -%}
    {{ own }}
  {%- endif -%}
{%- endmacro %}

{#- Names of the stored columns of a dataset of the lake. -#}
{% macro stored_columns(dataset) -%}
  {%- if execute -%}
    {%- do return(run_query("select * from " ~ adapter.dispatch('stored_schema', 'margincall')(dataset) ~ " limit 0").column_names | list) -%}
  {%- endif -%}
  {%- do return(['record_key']) -%}
{%- endmacro %}

{% macro duckdb__stored_schema(dataset) -%}
  {{ input('schema_' ~ dataset) }}
{%- endmacro %}

{% macro spark__stored_schema(dataset) -%}
  {{ lake(dataset) }}
{%- endmacro %}

{% macro begins_with(text, start) -%}
  substr({{ text }}, 1, length({{ start }})) = {{ start }}
{%- endmacro %}
