"""A Postgres server of our own, for one process and its end."""
