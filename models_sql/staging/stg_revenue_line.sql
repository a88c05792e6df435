{{ latest_of_feed('revenue_lines', ['line_id']) }}
