"""Stored jobs."""
