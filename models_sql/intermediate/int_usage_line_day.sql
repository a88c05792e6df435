-- Defect: a line for usage names a period; what was used in it was not used evenly.
-- Guarantee: the line's amount on the dates that were metered, in the proportion of what was accrued on each. Lines of which the data
-- covers a part only, or in whose period nothing was accrued, are not here: they are spread evenly.
with lines as (

    select * from {{ ref('int_revenue_line') }} where treatment = 'metered'

),

covered as (

    select min(day) as first_day, max(day) as last_day from {{ input('calendar') }}

)

select
    lines.line_id,
    accruals.usage_date,
    {{ big('sum(accruals.accrued_pico) over (
        partition by lines.line_id order by accruals.usage_date asc rows between unbounded preceding and current row
    )') }} - {{ big('accruals.accrued_pico') }} as before_part,
    {{ big('sum(accruals.accrued_pico) over (
        partition by lines.line_id order by accruals.usage_date asc rows between unbounded preceding and current row
    )') }} as after_part,
    {{ big('sum(accruals.accrued_pico) over (partition by lines.line_id)') }} as whole
from lines
inner join {{ ref('int_usage_accrual_day') }} as accruals
    on
        lines.tenant_id = accruals.tenant_id
        and accruals.usage_date >= lines.service_start
        and accruals.usage_date < lines.service_end
inner join covered
    on covered.first_day <= lines.service_start and {{ add_days('covered.last_day', 1) }} >= lines.service_end
where accruals.accrued_pico > 0
