{#- Whether a feed has any row, as a SQL literal: what a row of the weekly view without a value can say about its input. -#}
{% macro is_feed_loaded(feed) -%}
  {%- if execute -%}
    {%- set found = run_query("select count(*) from " ~ input('lake_file') ~ " where dataset = 'feed_" ~ feed ~ "'") -%}
    {%- do return('true' if found.columns[0].values()[0] | int > 0 else 'false') -%}
  {%- endif -%}
  {%- do return('false') -%}
{%- endmacro %}
