{#- Calendar date of an instant in the reporting zone. -#}
{% macro usage_date(instant) -%}
  {%- set zone = setting('reporting_zone') -%}
  {%- if zone in ('UTC', '') -%}
    cast({{ instant }} as date)
  {%- else -%}
    {{ adapter.dispatch('zone_date', 'margincall')(instant, zone) }}
  {%- endif -%}
{%- endmacro %}

{% macro duckdb__zone_date(instant, zone) -%}
  cast(timezone('{{ zone }}', {{ instant }}) as date)
{%- endmacro %}

{% macro spark__zone_date(instant, zone) -%}
  cast(from_utc_timestamp({{ instant }}, '{{ zone }}') as date)
{%- endmacro %}

{#- First day of the reporting week of a date. -#}
{% macro week_start(day) -%}
  {%- if setting('first_day_of_week') == 'sunday' -%}
    {{ add_days('cast(date_trunc(\'week\', ' ~ add_days(day, 1) ~ ') as date)', -1) }}
  {%- else -%}
    cast(date_trunc('week', {{ day }}) as date)
  {%- endif -%}
{%- endmacro %}

{% macro add_days(day, days) -%}
  {{ return(adapter.dispatch('add_days', 'margincall')(day, days)) }}
{%- endmacro %}

{% macro duckdb__add_days(day, days) -%}
  cast({{ day }} + cast({{ days }} as integer) as date)
{%- endmacro %}

{% macro spark__add_days(day, days) -%}
  date_add({{ day }}, {{ days }})
{%- endmacro %}

{#- First day of a month some months before or after that of a first day. -#}
{% macro add_months(first_day, months) -%}
  {{ return(adapter.dispatch('add_months', 'margincall')(first_day, months)) }}
{%- endmacro %}

{% macro duckdb__add_months(first_day, months) -%}
  cast({{ first_day }} + interval '1' month * {{ months }} as date)
{%- endmacro %}

{% macro spark__add_months(first_day, months) -%}
  add_months({{ first_day }}, {{ months }})
{%- endmacro %}

{#- Whether a stretch of days [valid_from, valid_to), open where it lasts, holds on a date. -#}
{% macro holds_on(day, stretch) -%}
  {{ stretch }}.valid_from <= {{ day }} and ({{ stretch }}.valid_to is null or {{ stretch }}.valid_to > {{ day }})
{%- endmacro %}

{#- Whole days from one date to another. -#}
{% macro days_between(first, last) -%}
  {{ return(adapter.dispatch('days_between', 'margincall')(first, last)) }}
{%- endmacro %}

{% macro duckdb__days_between(first, last) -%}
  date_diff('day', {{ first }}, {{ last }})
{%- endmacro %}

{#- Not `dbt.datediff`: on Spark it fails on the null of a row that an outer join did not match. -#}
{% macro spark__days_between(first, last) -%}
  datediff({{ last }}, {{ first }})
{%- endmacro %}

{#- Whole milliseconds from one instant to another. -#}
{% macro ms_between(first, last) -%}
  {{ return(adapter.dispatch('ms_between', 'margincall')(first, last)) }}
{%- endmacro %}

{% macro duckdb__ms_between(first, last) -%}
  (epoch_ms({{ last }}) - epoch_ms({{ first }}))
{%- endmacro %}

{#- Each instant to its nearest millisecond, as DuckDB and the landing have it; `unix_millis` cuts. -#}
{% macro spark__ms_between(first, last) -%}
  ((unix_micros({{ last }}) + 500) div 1000 - (unix_micros({{ first }}) + 500) div 1000)
{%- endmacro %}

{#- Whole seconds since midnight UTC. Not by `hour` and its like: with a time zone they cost a microsecond a row. -#}
{% macro second_of_day(instant) -%}
  {{ return(adapter.dispatch('second_of_day', 'margincall')(instant)) }}
{%- endmacro %}

{% macro duckdb__second_of_day(instant) -%}
  cast(epoch_us({{ instant }}) // 1000000 % 86400 as integer)
{%- endmacro %}

{% macro spark__second_of_day(instant) -%}
  cast(unix_seconds({{ instant }}) % 86400 as integer)
{%- endmacro %}

{#- The weekday of a date as one bit of a price's `dow_mask`: 1 is Monday, 64 Sunday. Counted from a Monday, because the
    engines number weekdays differently. -#}
{% macro weekday_bit(day) -%}
  {{ return(adapter.dispatch('weekday_bit', 'margincall')(day)) }}
{%- endmacro %}

{% macro duckdb__weekday_bit(day) -%}
  (1 << (({{ day }} - date '1900-01-01') % 7))
{%- endmacro %}

{% macro spark__weekday_bit(day) -%}
  shiftleft(1, datediff({{ day }}, date '1900-01-01') % 7)
{%- endmacro %}

{#- An instant some hours before or after another. -#}
{% macro add_hours(instant, hours) -%}
  {{ instant }} + interval '1' hour * {{ hours }}
{%- endmacro %}
