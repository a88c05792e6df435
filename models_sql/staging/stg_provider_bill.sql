{{ latest_of_feed('provider_bills', ['provider', 'period_start', 'period_end', 'line_item', 'model', 'token_type',
    'service_tier', 'account_id', 'invoice_id', 'line_id']) }}
