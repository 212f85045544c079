"""Bacalhau's clients from PyPI, as they are there."""
