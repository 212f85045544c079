"""Delivers job and task state changes to the outside."""
