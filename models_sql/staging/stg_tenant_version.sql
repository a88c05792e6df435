{{ latest_of_feed('tenants', ['tenant_id', 'observed_at']) }}
