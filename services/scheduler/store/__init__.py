"""The scheduler's own SQL: nodes, what is due, what has expired."""
