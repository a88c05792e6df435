{#- Bins of context, each up to the next; the last has no end. -#}
{% macro context_bins() -%}
  {%- do return([0, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000, 512000, 1000000]) -%}
{%- endmacro %}

{% macro context_bin(tokens) -%}
  cast(case
    {% for bin in context_bins() | reverse -%}
    when {{ tokens }} >= {{ bin }} then {{ bin }}
    {% endfor -%}
  end as bigint)
{%- endmacro %}

{% macro next_context_bin(bin) -%}
  cast(case {{ bin }}
    {% for next in context_bins()[1:] -%}
    when {{ context_bins()[loop.index0] }} then {{ next }}
    {% endfor -%}
  end as bigint)
{%- endmacro %}
