"""Bytes in and out: objects for the other services, what jobs have kept, and uploads."""
