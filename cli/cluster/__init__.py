"""The commands about workers, queues, schedules and keys."""
