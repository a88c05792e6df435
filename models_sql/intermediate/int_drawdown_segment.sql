-- What a drawdown's units are charged, one stretch of them after the other.
with segments as (

    select
        segments.drawdown_id,
        {{ big('segments.lo') }} as lo,
        {{ big('segments.hi') }} as hi,
        {{ big('segments.rate_num') }} * (case when drawdowns.measure = 'usd' then 1 else 1000000 end) as rate_num,
        {{ big('segments.rate_den') }} as rate_den
    from {{ input('drawdown_segment') }} as segments
    inner join {{ input('drawdown') }} as drawdowns on segments.drawdown_id = drawdowns.drawdown_id

),

priced as (

    select *, {{ big(div_half_even('(hi - lo) * rate_num', 'rate_den')) }} as whole_charge from segments

)

select
    drawdown_id,
    lo,
    coalesce(hi, {{ big("'99999999999999999999999999999999999999'") }}) as hi,
    rate_num,
    rate_den,
    {{ big('coalesce(sum(whole_charge) over (
        partition by drawdown_id order by lo nulls last rows between unbounded preceding and 1 preceding
    ), 0)') }} as charge_before
from priced
