"""`conveyor schedules`: scheduled jobs."""
