"""Secrets that are kept apart from jobs."""
