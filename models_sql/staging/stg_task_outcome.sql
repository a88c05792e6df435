{{ latest_of_feed('task_outcomes', ['outcome_id']) }}
