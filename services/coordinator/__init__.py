"""Validates and stores jobs, grants claims, advances task order and job context."""
