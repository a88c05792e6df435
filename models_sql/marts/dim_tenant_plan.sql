-- Defect: the tenant's row says what is so today; figures of an earlier month are of the plan and segment of then.
-- Guarantee: plan, segment and seats of every tenant from day to day: the contract in force decides plan and seats, the version of the
-- tenant that was known then the rest.
{{ config(materialized='table') }}

with reports as (

    select
        *,
        row_number() over (partition by tenant_id order by observed_at asc nulls first) as report_number,
        row_number() over (partition by tenant_id order by observed_at desc nulls last) as number_from_last
    from {{ ref('stg_tenant_version') }}
    where md5(tenant_id) not in (select id_md5 from {{ input('tombstone') }} where kind = 'tenant')

),

dated as (

    -- the oldest version holds from the tenant's first day on, as far as anybody knows
    select
        *,
        case
            when report_number = 1 then coalesce(started_on, {{ usage_date('observed_at') }}, date '1970-01-01')
            else {{ usage_date('observed_at') }}
        end as valid_from
    from reports

),

versions as (

    -- one row per tenant and day on which a version begins
    select * from dated
    qualify row_number() over (partition by tenant_id, valid_from order by observed_at desc nulls last) = 1

),

contracts as (

    select * from {{ ref('stg_contract') }}
    where md5(tenant_id) not in (select id_md5 from {{ input('tombstone') }} where kind = 'tenant')

),

days as (

    -- one row per tenant and day on which something may change
    select tenant_id, valid_from from versions
    union
    select tenant_id, valid_from from contracts
    union
    select tenant_id, valid_to as valid_from from contracts where valid_to is not null

),

ended as (

    -- one row per tenant that left
    select tenant_id, churned_on from reports where number_from_last = 1 and churned_on is not null

),

known as (

    select
        days.tenant_id,
        days.valid_from,
        versions.segment,
        versions.plan as reported_plan,
        versions.seats as reported_seats
    from days
    left join versions on days.tenant_id = versions.tenant_id and days.valid_from >= versions.valid_from
    qualify row_number() over (partition by days.tenant_id, days.valid_from order by versions.valid_from desc nulls last) = 1

),

agreed as (

    -- of contracts that overlap the one that began last counts
    select
        known.tenant_id,
        known.valid_from,
        known.segment,
        coalesce(contracts.plan, known.reported_plan) as plan,
        coalesce(contracts.seats, known.reported_seats) as seats,
        coalesce(contracts.plan, known.reported_plan, '')
        || '|' || coalesce(known.segment, '')
        || '|' || coalesce(cast(coalesce(contracts.seats, known.reported_seats) as string), '') as state
    from known
    left join contracts
        on
            known.tenant_id = contracts.tenant_id
            and known.valid_from >= contracts.valid_from
            and (contracts.valid_to is null or known.valid_from < contracts.valid_to)
    qualify row_number() over (
            partition by known.tenant_id, known.valid_from
            order by contracts.valid_from desc nulls last, contracts.plan desc nulls last
        ) = 1

),

compared as (

    select
        agreed.*,
        lag(agreed.state) over (partition by agreed.tenant_id order by agreed.valid_from asc nulls first) as state_before
    from agreed
    left join ended on agreed.tenant_id = ended.tenant_id
    where ended.churned_on is null or agreed.valid_from < ended.churned_on

)

select
    compared.tenant_id,
    compared.plan,
    compared.segment,
    compared.seats,
    compared.valid_from,
    coalesce(
        lead(compared.valid_from) over (partition by compared.tenant_id order by compared.valid_from asc nulls first),
        ended.churned_on
    ) as valid_to
from compared
left join ended on compared.tenant_id = ended.tenant_id
where compared.state_before is null or compared.state_before <> compared.state
