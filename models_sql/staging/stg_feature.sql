{{ latest_of_feed('features', ['feature']) }}
