"""Bacalhau's job language: a job is one task that is placed on nodes."""

BUNDLE = "results"
"""The artifact that has what an execution leaves: `stdout`, `stderr`, `exitCode`, and each of the
result paths as a directory."""
