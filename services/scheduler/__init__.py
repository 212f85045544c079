"""Minds all that has to do with time."""
