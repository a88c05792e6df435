{{ latest_of_feed('acquisition', ['month', 'segment']) }}
