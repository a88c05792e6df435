{#- Revenue: `pipelines/economics/revenue.py` is the readable reference. -#}

{#- What a line has earned of its amount after day `k` of the days that it is spread over; `skip` days of them came before it. -#}
{% macro earned_upto(line, k) -%}
  {%- set last = line ~ '.skipped_days + ' ~ line ~ '.service_days' -%}
  {%- set day = 'least(greatest(' ~ k ~ ', ' ~ line ~ '.skipped_days), ' ~ last ~ ')' -%}
  {{ earned(line ~ '.spread_pico', day, line ~ '.spread_days') }}
  - {{ earned(line ~ '.spread_pico', line ~ '.skipped_days', line ~ '.spread_days') }}
{%- endmacro %}

{#- The first day of a date's calendar month. -#}
{% macro month_of(day) -%}
  cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{#- The first day of the calendar month after a date's. -#}
{% macro next_month_of(day) -%}
  {{ month_of(add_days(month_of(day), 31)) }}
{%- endmacro %}
