{#- Current version of each row of a feed: the latest observed_at wins, then the later landing, then the later line. -#}
{% macro latest_of_feed(feed, key) -%}
  select feed.*
  from {{ lake('feed_' ~ feed) }} as feed
  left join {{ input('landing') }} as landing on feed.landing_id = landing.landing_id
  qualify row_number() over (
    partition by {% for column in key %}feed.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    order by feed.observed_at desc nulls last, landing.seq desc nulls last, feed.source_line desc
  ) = 1
{%- endmacro %}

{#- An amount in whole pico-USD; null where its currency has no rate on that day, never guessed. -#}
{% macro amount_to_pico_usd(amount, currency, rate) -%}
  case
    when {{ currency }} = 'USD' then {{ usd_to_pico(amount) }}
    else {{ div_half_even(big(usd_to_pico(amount)) ~ ' * ' ~ big(nano_rate(rate)), '1000000000') }}
  end
{%- endmacro %}

{#- An exchange rate as a whole number of billionths, halves away from zero. -#}
{% macro nano_rate(rate) -%}
  cast({{ rate }} * cast(1000000000 as decimal(10, 0)) as decimal(38, 0))
{%- endmacro %}
