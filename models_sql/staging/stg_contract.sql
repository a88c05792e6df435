{{ latest_of_feed('contracts', ['tenant_id', 'plan', 'valid_from']) }}
