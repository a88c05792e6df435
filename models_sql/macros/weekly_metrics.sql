{#- The weekly view, row by row. `numerator` and `denominator` are sums: `$x` is measure x of `int_week_measure`. Units: usd
    (pico-dollars), ratio, count, ms. `missing` names what a row without a value waits for, first true condition first.
    `bound` is what the value becomes when parts of a kind (see `weekly_gaps`) have no amount. -#}
{% macro weekly_metrics() -%}
  {%- set revenue_missing = [('not ' ~ is_feed_loaded('revenue_lines'), 'revenue_lines feed'), ('$revenue_pico <= 0', 'revenue in this week')] -%}
  {%- set price_missing = [('not ' ~ is_feed_loaded('revenue_lines') ~ ' and not ' ~ is_feed_loaded('contracts'), 'revenue_lines or contracts feed')] -%}
  {%- set outcome_missing = [('$tasks = 0', 'task ids in the logs'), ('not ' ~ is_feed_loaded('task_outcomes'), 'task_outcomes feed')] -%}
  {%- set success_missing = outcome_missing + [('$successes = 0', 'a successful task in this week')] -%}
  {%- set cogs = '($inference_cogs_pico + $other_cogs_pico + $pool_cogs_pico)' -%}
  {#- Lifetime in months: 3 months x customers before / customers lost, at most 60. -#}
  {%- set life = 'case when $customers_lost * 20 <= $customers_before then 60 else ' ~ int_div('3 * $customers_before', 'case when $customers_lost = 0 then 1 else $customers_lost end') ~ ' end' -%}
  {#- What a gap makes of a cost, of what is left after cost, of a share of revenue. -#}
  {%- set of_calls = {'calls': 'at_least'} -%}
  {%- set of_tasks = {'calls': 'at_least', 'events': 'at_least'} -%}
  {%- set of_goods = {'calls': 'at_least', 'events': 'at_least', 'pools': 'at_least'} -%}
  {%- set per_price = {'charges': 'at_most', 'credits': 'at_least'} -%}
  {%- set left_over = {'calls': 'at_most', 'events': 'at_most', 'charges': 'at_least', 'credits': 'at_most'} -%}
  {%- set profit = dict(left_over, pools='at_most') -%}
  {%- do return([
    {'id': 'revenue', 'label': 'Revenue', 'unit': 'usd', 'numerator': '$revenue_pico',
      'missing': [('not ' ~ is_feed_loaded('revenue_lines'), 'revenue_lines feed')], 'bound': {'charges': 'at_least', 'credits': 'at_most'}},
    {'id': 'total_inference_cost', 'label': 'Total inference cost', 'unit': 'usd', 'numerator': '$inference_cost_pico', 'bound': of_calls},
    {'id': 'inference_cost_share_of_revenue', 'label': 'Inference cost as % of revenue', 'unit': 'ratio',
      'numerator': '$inference_cost_pico', 'denominator': '$revenue_pico', 'missing': revenue_missing, 'bound': dict(of_calls, **per_price)},
    {'id': 'gross_profit', 'label': 'Gross profit', 'unit': 'usd', 'numerator': '$revenue_pico - ' ~ cogs,
      'missing': revenue_missing[:1], 'bound': profit},
    {'id': 'gross_margin', 'label': 'Gross margin' if is_feed_loaded('cost_pools') == 'true' else 'AI gross margin', 'unit': 'ratio',
      'numerator': '$revenue_pico - ' ~ cogs, 'denominator': '$revenue_pico', 'missing': revenue_missing, 'bound': profit},
    {'id': 'cost_per_active_user', 'label': 'Cost per active user', 'unit': 'usd', 'numerator': '$inference_cogs_pico',
      'denominator': '$active_users', 'missing': [('$active_users = 0', 'end_user_id in the logs')], 'bound': of_calls},
    {'id': 'cost_per_successful_task', 'label': 'Cost per successful task', 'unit': 'usd', 'numerator': '$task_cost_pico',
      'denominator': '$successes', 'missing': success_missing, 'bound': of_tasks},
    {'id': 'margin_per_task', 'label': 'Margin per task', 'unit': 'usd', 'numerator': '$tasked_revenue_pico + $own_revenue_pico - $task_cost_pico',
      'denominator': '$tasks', 'missing': revenue_missing[:1] + outcome_missing[:1], 'bound': left_over},
    {'id': 'success_rate', 'label': 'Success rate of judged tasks', 'unit': 'ratio', 'numerator': '$successes',
      'denominator': '$successes + $failures', 'missing': outcome_missing + [('$successes + $failures = 0', 'a judged task in this week')]},
    {'id': 'outcome_completeness', 'label': 'Tasks with a known outcome', 'unit': 'ratio', 'numerator': '$successes + $failures',
      'denominator': '$tasks', 'missing': outcome_missing},
    {'id': 'tokens_per_success', 'label': 'Tokens per successful task', 'unit': 'count', 'numerator': '$task_tokens',
      'denominator': '$successes', 'missing': success_missing},
    {'id': 'p95_task_time_ms', 'label': 'p95 task time', 'unit': 'ms', 'numerator': '$p95_task_ms',
      'missing': outcome_missing[:1] + [('$tasks < 20', 'at least 20 tasks in this week')]},
    {'id': 'gateway_cache_hit_rate', 'label': 'Cache hit rate', 'unit': 'ratio', 'numerator': '$cache_hits',
      'denominator': '$cache_lookups', 'missing': [('$cache_lookups = 0', 'is_gateway_cache_hit in the logs')]},
    {'id': 'small_or_mid_share', 'label': 'Requests on mid or small models', 'unit': 'ratio', 'numerator': '$small_or_mid_requests',
      'denominator': '$served_requests', 'missing': [('$served_requests = 0', 'a served production request in this week')]},
    {'id': 'top20_cost_share_of_revenue', 'label': 'Top-20% tenants: cost against their MRR', 'unit': 'ratio',
      'numerator': '$top_cost_pico', 'denominator': '$top_mrr_pico',
      'missing': price_missing + [('$top_mrr_pico <= 0', 'MRR or revenue of the top-20% tenants')], 'bound': dict(of_goods, **per_price)},
    {'id': 'top20_tenants_above_target', 'label': 'Top-20% tenants above that target each', 'unit': 'count',
      'numerator': 'coalesce($top_tenants_above, 0)',
      'missing': price_missing + [('$top_cost_pico > 0 and $top_tenants_above is null', 'the setting targets.top20_cost_share_of_mrr_max')]},
    {'id': 'tenants_under_water', 'label': 'Tenants under water', 'unit': 'count', 'numerator': '$under_water_tenants',
      'missing': revenue_missing[:1]},
    {'id': 'under_water_loss', 'label': 'Loss on tenants under water', 'unit': 'usd', 'numerator': '$under_water_loss_pico',
      'missing': revenue_missing[:1], 'bound': dict(of_goods, charges='neither', credits='neither')},
    {'id': 'unpaid_cost', 'label': 'Cost of tenants without revenue', 'unit': 'usd', 'numerator': '$unpaid_cost_pico',
      'missing': revenue_missing[:1], 'bound': dict(of_goods, **per_price)},
    {'id': 'escalation_rate', 'label': 'Escalated tasks', 'unit': 'ratio', 'numerator': '$escalations',
      'denominator': '$successes + $failures', 'missing': outcome_missing + [('$successes + $failures = 0', 'a judged task in this week')]},
    {'id': 'retry_waste', 'label': 'Retry waste: superseded attempts', 'unit': 'usd', 'numerator': '$superseded_cost_pico',
      'missing': outcome_missing[:1], 'bound': of_calls},
    {'id': 'failed_task_spend', 'label': 'Spend of failed tasks', 'unit': 'usd', 'numerator': '$failed_cost_pico',
      'missing': outcome_missing, 'bound': of_tasks},
    {'id': 'retry_waste_of_failed_tasks', 'label': 'Superseded attempts of failed tasks', 'unit': 'usd',
      'numerator': '$superseded_failed_cost_pico', 'missing': outcome_missing, 'bound': of_calls},
    {'id': 'untasked_cost', 'label': 'Inference without a task', 'unit': 'usd', 'numerator': '$without_task_cost_pico', 'bound': of_calls},
    {'id': 'ltv_cac', 'label': 'LTV/CAC, all segments', 'unit': 'multiple',
      'numerator': int_div('$revenue_pico - ' ~ cogs, '1000000') ~ ' * 365 * (' ~ life ~ ') * $customers_won',
      'denominator': int_div('$acquisition_pico', '1000000') ~ ' * 84 * $paying_tenants',
      'missing': [('not ' ~ is_feed_loaded('acquisition'), 'acquisition feed'), ('not ' ~ is_feed_loaded('tenants'), 'tenants feed')]
        + revenue_missing + [('$revenue_pico - ' ~ cogs ~ ' <= 0', 'a positive margin (n/m)'), ('$customers_won = 0', 'new customers in three months'),
        ('$customers_before = 0', 'customers of three months ago'), ('$acquisition_pico = 0', 'acquisition cost in three months')],
      'bound': dict(profit, charges='neither', credits='neither')},
    {'id': 'month_end_outlook', 'label': 'Month-end inference cost at this rate', 'unit': 'usd', 'numerator': '$month_outlook_pico', 'bound': of_calls},
    {'id': 'restated_since_shown', 'label': 'Last week\'s gross profit since it was shown', 'unit': 'usd', 'numerator': 'null',
      'missing': [('1 = 1', 'last week\'s report')]},
    {'id': 'priced_coverage', 'label': 'Requests with a full price', 'unit': 'ratio',
      'numerator': '$requests - $unpriced_requests - $partial_requests', 'denominator': '$requests',
      'missing': [('$requests = 0', 'a request in this week')]},
    {'id': 'unattributed_share', 'label': 'Inference cost without a tenant', 'unit': 'ratio', 'numerator': '$unattributed_cost_pico',
      'denominator': '$inference_cost_pico', 'missing': [('$inference_cost_pico = 0', 'a priced request in this week')]},
  ]) -%}
{%- endmacro %}

{#- A metric's value in units of 10^-12 (for usd: pico-dollars), null where its input is missing. -#}
{% macro metric_value(metric, side) -%}
  {%- set numerator = '(' ~ metric.numerator | replace('$', side) ~ ')' -%}
  {%- if 'denominator' in metric and metric.unit == 'usd' -%}
    {%- set value = div_half_even(numerator, '(' ~ metric.denominator | replace('$', side) ~ ')') -%}
  {%- elif 'denominator' in metric -%}
    {%- set value = ratio(numerator, '(' ~ metric.denominator | replace('$', side) ~ ')') -%}
  {%- elif metric.unit == 'usd' -%}
    {%- set value = 'cast(' ~ numerator ~ ' as decimal(38, 0))' -%}
  {%- else -%}
    {%- set value = 'cast(' ~ big(numerator) ~ ' * ' ~ big('1000000000000') ~ ' as decimal(38, 0))' -%}
  {%- endif -%}
  case when {{ metric_missing(metric, side) }} is null then {{ value }} end
{%- endmacro %}

{% macro metric_missing(metric, side) -%}
  {%- if metric.missing -%}
  case {% for condition, text in metric.missing -%}
    when {{ condition | replace('$', side) }} then '{{ text | replace("'", "''") }}' {% endfor %}end
  {%- else -%}
  cast(null as string)
  {%- endif -%}
{%- endmacro %}

{#- What can be without an amount, and the measures that count it: model calls without a full price; cost events, pools, revenue
    lines and credit notes whose currency has no rate. -#}
{% macro weekly_gaps() -%}
  {%- do return({
    'calls': '$unpriced_requests + $partial_requests',
    'events': '$unconverted_events',
    'pools': '$unconverted_pool_days',
    'charges': '$unconverted_charges',
    'credits': '$unconverted_credits',
  }) -%}
{%- endmacro %}

{#- What the gaps of the week make of a metric's value: `at_least`, `at_most`, or `neither` where they pull both ways. -#}
{% macro metric_bound(metric, side) -%}
  {%- set raised, lowered = [], [] -%}
  {%- for gap, bound in (metric.bound or {}).items() -%}
    {%- set counted = weekly_gaps()[gap] | replace('$', side) -%}
    {%- do raised.append(counted) if bound in ('at_least', 'neither') -%}
    {%- do lowered.append(counted) if bound in ('at_most', 'neither') -%}
  {%- endfor -%}
  {%- set is_raised = (raised | join(' + ') or '0') ~ ' > 0' -%}
  {%- set is_lowered = (lowered | join(' + ') or '0') ~ ' > 0' -%}
  case when {{ is_raised }} and {{ is_lowered }} then 'neither' when {{ is_raised }} then 'at_least' when {{ is_lowered }} then 'at_most' end
{%- endmacro %}
