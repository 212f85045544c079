"""A real browser on a running Conveyor."""
