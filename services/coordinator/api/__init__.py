"""The coordinator's HTTP door: parses, calls, replies; it chooses nothing."""
