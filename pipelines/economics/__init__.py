"""The domain, pure: no I/O, no database, no clock."""
