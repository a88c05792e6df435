{{ latest_of_feed('fx', ['date', 'from_currency', 'to_currency']) }}
