{#- Pricing arithmetic; `pipelines/economics/pricing.py` is its readable reference and is tested against it. -#}

{% macro price_components() -%}
  {%- do return(['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'reasoning', 'input_audio',
    'output_audio', 'input_image', 'output_image', 'audio_time', 'web_search', 'rerank_search', 'request']) -%}
{%- endmacro %}

{#- Contexts of a price, by the number that `price_key` adds. -#}
{% macro price_contexts() -%}
  {%- do return(['standard', 'batch', 'flex', 'priority', 'fast']) -%}
{%- endmacro %}

{#- Components as names of prices: `paid_input`, `list_input` and so on. -#}
{% macro prices_of(sides) -%}
  {%- set found = [] -%}
  {%- for side in sides -%}
    {%- for component in price_components() -%}{%- do found.append((side, component)) -%}{%- endfor -%}
  {%- endfor -%}
  {%- do return(found) -%}
{%- endmacro %}

{#- One bit for each component, in their order. -#}
{% macro price_bit(component) -%}
  {{ 2 ** price_components().index(component) }}
{%- endmacro %}

{#- Bits of the components, or of these, for which a condition holds; `{}` in it stands for the component. -#}
{% macro price_bits(condition, components=price_components()) -%}
  {% for component in components -%}
  cast({{ condition | replace('{}', component) }} as integer) * {{ price_bit(component) }}{{ ' + ' if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{#- Whether one unit at this price costs no whole number of pico-dollars. -#}
{% macro is_fraction(price, side) -%}
  {{ price }} is not null and ({{ side }}_currency <> 'USD' or {{ price }} % {{ side }}_block <> 0)
{%- endmacro %}

{#- Components that a request used and that have no list price, in their order. -#}
{% macro missing_prices() -%}
  concat_ws(','
    {%- for component in price_components() %},
    case when missing_prices & {{ price_bit(component) }} <> 0 then '{{ component }}' end
    {%- endfor %}
  )
{%- endmacro %}

{#- What of a component is charged: of audio at least a price's shortest. -#}
{% macro billed_quantity(component) -%}
  {{ 'billed_audio_ms' if component == 'audio_time' else component ~ '_quantity' }}
{%- endmacro %}

{#- Cost of some components in whole pico-dollars; `side` names the prices: paid or list. Where a unit costs whole
    pico-dollars it is one product in 64 bits: landing refuses quantities above 10^9 tokens or 10^6 searches, so it holds for
    prices up to 9,223 dollars per million tokens or thousand searches; beyond that both engines raise, neither wraps. -#}
{% macro whole_cost(components, side) -%}
  {% for component in components -%}
  {{ billed_quantity(component) }} * {{ side }}_{{ component }}_num{{ ' + ' if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{#- The same where a unit costs a fraction: each component in 128 bits, to the nearest pico-unit of its currency, halves to even. -#}
{% macro rounded_cost(components, side) -%}
  {% for component in components -%}
  cast({{ rounded_component(component, side) }} as bigint){{ ' + ' if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{% macro rounded_component(component, side) -%}
  {%- set price = side ~ '_' ~ component ~ '_num' -%}
  case
    when {{ side }}_fractions & {{ price_bit(component) }} = 0 then {{ billed_quantity(component) }} * {{ price }}
    else {{ round_half_even(big(billed_quantity(component)) ~ ' * ' ~ big(price), big(side ~ '_block')) }}
  end
{%- endmacro %}

{#- The same where each component stands in its currency already; null without a rate of that day. -#}
{% macro converted_cost(components, side) -%}
  {% for component in components -%}
  {%- set product = big(side ~ '_' ~ component ~ '_in_currency') ~ ' * ' ~ big(side ~ '_nano_rate') -%}
  cast({{ round_half_even(product, big('1000000000')) }} as bigint){{ ' + ' if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{#- What the provider's prompt cache reads and writes. -#}
{% macro cached_components() -%}
  {%- do return(['cache_read', 'cache_write_5m', 'cache_write_1h']) -%}
{%- endmacro %}

{#- Cost of so many tokens at the price paid for plain input, rounded as every component is. -#}
{% macro plain_input_cost(tokens, is_abroad) -%}
  {%- set exact = round_half_even(big(tokens) ~ ' * ' ~ big('paid_input_num'), big('paid_block')) -%}
  {%- set in_currency = 'case when paid_fractions & ' ~ price_bit('input') ~ ' = 0 then ' ~ tokens ~ ' * paid_input_num else ' ~ exact ~ ' end' -%}
  {%- if is_abroad -%}
  cast({{ round_half_even(big(in_currency) ~ ' * ' ~ big('paid_nano_rate'), big('1000000000')) }} as bigint)
  {%- else -%}
  cast({{ in_currency }} as bigint)
  {%- endif -%}
{%- endmacro %}

{#- A cost at the price of the step below; as it is where one of the two steps has no price for it. -#}
{% macro at_lower_price(cost, component) -%}
  coalesce({{ div_half_even(big(cost) ~ ' * low_' ~ component, 'high_' ~ component) }}, {{ cost }})
{%- endmacro %}

{#- A price for a million units, in its currency; null where there is none. -#}
{% macro per_million(price, block) -%}
  {{ pico_to_usd(div_half_even(big(price) ~ ' * 1000000', block)) }}
{%- endmacro %}

{#- Bits of these components. -#}
{% macro bits_of(components) -%}
  {%- set bits = [] -%}
  {%- for component in components -%}{%- do bits.append(price_bit(component) | int) -%}{%- endfor -%}
  {%- do return(bits | sum) -%}
{%- endmacro %}

{#- USD for a billion units of a price's currency; null without a rate of that day. -#}
{% macro nano_rate_of(side, is_abroad) -%}
  {%- if is_abroad -%}
  case when slices.{{ side }}_currency = 'USD' then 1000000000 else {{ side }}_rates.nano_rate end
  {%- else -%}
  1000000000
  {%- endif -%}
{%- endmacro %}

{#- The groups of components that a request's cost is stored by. -#}
{% macro price_groups() -%}
  {%- do return([('input', ['input']), ('cache_read', ['cache_read']), ('cache_write', ['cache_write_5m', 'cache_write_1h']),
    ('output', ['output', 'reasoning']), ('media', ['input_audio', 'output_audio', 'input_image', 'output_image', 'audio_time']),
    ('request', ['web_search', 'rerank_search', 'request'])]) -%}
{%- endmacro %}

{#- Whether any price of the book is in another currency than USD. -#}
{% macro is_any_price_abroad() -%}
  {%- do return(any_row('price_slice', "price_currency <> 'USD' or contract_currency <> 'USD'")) -%}
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
