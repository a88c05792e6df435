{#- Drawdowns: commitments, allowances and volume tiers; `pipelines/economics/drawdown.py` is their readable reference. -#}

{#- Tokens that a request draws. -#}
{% macro drawn_tokens() -%}
  (coalesce(input_tokens, 0) + coalesce(output_tokens, 0))
{%- endmacro %}

{#- First day of the window of a drawdown that a day lies in. -#}
{% macro window_start(day, drawdown) -%}
  case
    when {{ drawdown }}.is_monthly then greatest(cast(date_trunc('month', {{ day }}) as date), {{ drawdown }}.valid_from)
    else {{ drawdown }}.valid_from
  end
{%- endmacro %}

{#- What the first units of a window are charged, up to one that lies in `segment`: whole segments before it, and its part. -#}
{% macro charge_upto(units, segment) -%}
  ({{ segment }}.charge_before + {{ big(div_half_even('(' ~ units ~ ' - ' ~ segment ~ '.lo) * ' ~ segment ~ '.rate_num', segment ~ '.rate_den')) }})
{%- endmacro %}

{#- What a request's drawdown, if it has one, adds to its contracted cost. -#}
{% macro drawdown_of(has_drawdowns) -%}
  {{ 'coalesce(drawn.drawdown_pico, 0)' if has_drawdowns else '0' }}
{%- endmacro %}
