"""The four services, and `dev`, which runs them in one process."""
