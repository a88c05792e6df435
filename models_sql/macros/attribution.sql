{#- Outcomes that name a workflow or a conversation instead of a task. -#}

{#- Whether any has landed, when the models are compiled: without one no request is looked at twice. -#}
{% macro has_outcomes_without_task() -%}
  {{ return(not execute or setting('has_outcomes_without_task') == 'true') }}
{%- endmacro %}

{#- The task that such an outcome's requests are. -#}
{% macro task_of_outcome(outcome_id) -%}
  ('outcome:' || {{ outcome_id }})
{%- endmacro %}
