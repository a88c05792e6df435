{{ latest_of_feed('stale_reports', ['request_id', 'task_id', 'reported_at']) }}
