{{ config(materialized='table') }}

with tenants as (

    select * from {{ ref('stg_tenant') }}

)

select tenant_id, name, plan, segment, seats, started_on, churned_on
from tenants
where md5(tenant_id) not in (select id_md5 from {{ input('tombstone') }} where kind = 'tenant')
