"""The coordinator's own SQL: what the API reads, and task logs."""
