select * from {{ input('model') }}
