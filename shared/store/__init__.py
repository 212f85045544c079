"""The only door to jobs, tasks and the outbox: named SQL, typed functions, `apply`, the relay."""
