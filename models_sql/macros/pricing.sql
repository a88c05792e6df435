{#- Pricing arithmetic; `pipelines/economics/pricing.py` is its readable reference and is tested against it. -#}

{% macro price_components() -%}
  {%- do return(['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'reasoning', 'input_audio',
    'output_audio', 'input_image', 'output_image', 'web_search', 'rerank_search', 'request']) -%}
{%- endmacro %}

{#- Pico-dollars of a quantity at num / block, to the nearest, halves to even; 0 for none, null for an unknown price. -#}
{% macro component_pico(quantity, num, block) -%}
  case
    when {{ quantity }} = 0 then 0
    when {{ block }} = 1 then cast({{ big(quantity) }} * {{ big(num) }} as bigint)
    else cast({{ div_half_even(big(quantity) ~ ' * ' ~ big(num), block) }} as bigint)
  end
{%- endmacro %}

{#- Prices that stand in for a missing one, as a slice names them: component, stand-in. -#}
{% macro price_stand_ins() -%}
  {%- do return([('cache_read', 'input'), ('cache_write_5m', 'input'), ('cache_write_1h', 'cache_write_5m'), ('cache_write_1h', 'input'),
    ('reasoning', 'output'), ('input_audio', 'input'), ('output_audio', 'output'), ('input_image', 'input'), ('output_image', 'output')]) -%}
{%- endmacro %}

{#- The stand-ins of a slice that a request really used, '' for none: what a slice could lend says nothing about this cost. -#}
{% macro used_fallbacks() -%}
  concat_ws(','
    {%- for component, stand_in in price_stand_ins() %},
    case when {{ component }}_quantity > 0 and ',' || fallbacks || ',' like '%,{{ component }}<-{{ stand_in }},%' then '{{ component }}<-{{ stand_in }}' end
    {%- endfor %}
  )
{%- endmacro %}
