-- What tenants' days of this build are summed from.
select line_id, tenant_id, usage_date, kind, basis, unconverted_lines, revenue_pico
from {{ ref('fct_revenue_day') }}
where {{ in_build_days('usage_date', 'build_usage_date') }}
