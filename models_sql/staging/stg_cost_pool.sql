{{ latest_of_feed('cost_pools', ['pool_id', 'period_start']) }}
