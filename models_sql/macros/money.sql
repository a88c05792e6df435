{#- Money inside models is whole pico-dollars (1 USD = 10^12), DECIMAL(38,12) USD at the edge. No float anywhere. -#}

{% macro pico_to_usd(pico) -%}
  cast(cast({{ pico }} as decimal(38, 0)) * cast(0.000000000001 as decimal(13, 12)) as decimal(38, 12))
{%- endmacro %}

{% macro usd_to_pico(usd) -%}
  cast(cast({{ usd }} as decimal(38, 12)) * cast(1000000000000 as decimal(13, 0)) as decimal(38, 0))
{%- endmacro %}

{#- Sum of whole numbers that cannot overflow: a 64-bit sum of pico-dollars ends at 9.2 million dollars. -#}
{% macro sum_big(expression) -%}
  {{ return(adapter.dispatch('sum_big', 'margincall')(expression)) }}
{%- endmacro %}

{% macro duckdb__sum_big(expression) -%}
  cast(coalesce(sum({{ expression }}), 0) as decimal(38, 0))
{%- endmacro %}

{#- Spark sums 64-bit numbers in 64 bits. -#}
{% macro spark__sum_big(expression) -%}
  coalesce(sum({{ big(expression) }}), {{ big(0) }})
{%- endmacro %}

{#- Sum of dollars; both engines widen what they add, and the table keeps its type. -#}
{% macro sum_usd(expression) -%}
  cast(coalesce(sum({{ expression }}), 0) as decimal(38, 12))
{%- endmacro %}

{#- A whole number with room for a product of two: 128 bits. -#}
{% macro big(expression) -%}
  {{ return(adapter.dispatch('big', 'margincall')(expression)) }}
{%- endmacro %}

{% macro duckdb__big(expression) -%}
  cast({{ expression }} as hugeint)
{%- endmacro %}

{% macro spark__big(expression) -%}
  cast({{ expression }} as decimal(38, 0))
{%- endmacro %}

{#- Whole-number quotient, towards zero. `/` is a float on one engine and loses digits on the other. -#}
{% macro int_div(a, b) -%}
  {{ return(adapter.dispatch('int_div', 'margincall')(a, b)) }}
{%- endmacro %}

{% macro duckdb__int_div(a, b) -%}
  ({{ big(a) }} // {{ big(b) }})
{%- endmacro %}

{% macro spark__int_div(a, b) -%}
  {{ exact_div('(' ~ big(a) ~ ' - ' ~ big(a) ~ ' % ' ~ big(b) ~ ')', b) }}
{%- endmacro %}

{#- Quotient of a multiple of b by b. -#}
{% macro exact_div(multiple, b) -%}
  {{ return(adapter.dispatch('exact_div', 'margincall')(multiple, b)) }}
{%- endmacro %}

{% macro duckdb__exact_div(multiple, b) -%}
  ({{ multiple }} // {{ b }})
{%- endmacro %}

{#- `div` ends at 64 bits and `/` rounds: only the quotient without remainder is exact. It has 20 digits by a divisor of 38
    and 29 by one of 19, so a divisor that fits is narrowed first. -#}
{% macro spark__exact_div(multiple, b) -%}
  cast(coalesce({{ multiple }} / try_cast({{ b }} as decimal(19, 0)), {{ multiple }} / {{ big(b) }}) as decimal(38, 0))
{%- endmacro %}

{#- a / b to the nearest whole number, halves to even; null where b is null or 0; b > 0. Written without `abs`, which on Spark
    rounds a decimal to 34 digits, as unary minus does. -#}
{% macro div_half_even(a, b) -%}
  {%- set quotient = int_div(a, b) -%}
  {%- set rest2 = '2 * (' ~ big(a) ~ ' % ' ~ big(b) ~ ')' -%}
  case
    when {{ b }} is null or {{ b }} = 0 then null
    else cast({{ quotient }} + case
      when {{ rest2 }} > {{ big(b) }} or ({{ rest2 }} = {{ big(b) }} and {{ quotient }} % 2 <> 0) then 1
      when {{ rest2 }} + {{ big(b) }} < 0 or ({{ rest2 }} + {{ big(b) }} = 0 and {{ quotient }} % 2 <> 0) then -1
      else 0
    end as decimal(38, 0))
  end
{%- endmacro %}

{#- The same for a >= 0 and b > 0, both of 128 bits, in far fewer steps: twice what goes into 2b, and 0, 1 or 2 by the rest,
    where a half goes to 0 or 2. Engines write `a` out wherever it stands, and where this is nested that multiplies. -#}
{% macro round_half_even(a, b) -%}
  {%- set rest2 = '2 * ((' ~ a ~ ') % (2 * ' ~ b ~ '))' -%}
  ({{ exact_div('(' ~ a ~ ' - (' ~ a ~ ') % (2 * ' ~ b ~ '))', b) }}
  + case when {{ rest2 }} <= {{ b }} then 0 when {{ rest2 }} < 3 * {{ b }} then 1 else 2 end)
{%- endmacro %}

{#- Ratio of two sums in units of 10^-12, so that `pico_to_usd` makes it a DECIMAL(38,12); null without a denominator. -#}
{% macro ratio(numerator, denominator) -%}
  {{ div_half_even(big(numerator) ~ ' * ' ~ big('1000000000000'), denominator) }}
{%- endmacro %}

{#- What a part of a whole has earned of an amount: round(A part / whole), halves away from zero, in whole cents (pico-dollars
    where the amount has parts of a cent). Any prefix is right to half a unit and the whole earns A. -#}
{% macro earned(amount_pico, part, whole) -%}
  {%- set unit = 'case when ' ~ big(amount_pico) ~ ' % 10000000000 = 0 then ' ~ big('10000000000') ~ ' else ' ~ big('1') ~ ' end' -%}
  {%- set units = int_div(amount_pico, '(' ~ unit ~ ')') -%}
  {%- set sign = '(case when ' ~ big(amount_pico) ~ ' < 0 then -1 else 1 end)' -%}
  {%- set rounded = int_div('(2 * ' ~ sign ~ ' * ' ~ units ~ ' * ' ~ big(part) ~ ' + ' ~ big(whole) ~ ')', '(2 * ' ~ big(whole) ~ ')') -%}
  cast({{ sign }} * {{ rounded }} * ({{ unit }}) as decimal(38, 0))
{%- endmacro %}

{#- What day k of n earns of an amount. -#}
{% macro spread_day(amount_pico, k, n) -%}
  cast({{ earned(amount_pico, k, n) }} - {{ earned(amount_pico, '(' ~ k ~ ' - 1)', n) }} as decimal(38, 0))
{%- endmacro %}
