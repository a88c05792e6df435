{#- Components of other cost that the gross margin bears; the rest is for the contribution margin. -#}
{% macro is_cost_of_goods(component) -%}
  {{ component }} not in ('support', 'payment_fee')
{%- endmacro %}
