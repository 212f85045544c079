"""The API of Arvados, for its jobs."""
