"""The proxy of tasks that reach nothing but some domains."""
