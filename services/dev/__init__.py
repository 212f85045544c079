"""All four services in one process, on the in-process broker and an embedded Postgres."""
