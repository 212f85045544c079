"""Bacalhau's REST API, on the same rows as ours."""
