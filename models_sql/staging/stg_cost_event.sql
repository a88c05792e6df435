{{ latest_of_feed('cost_events', ['event_id']) }}
