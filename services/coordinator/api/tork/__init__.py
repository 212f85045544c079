"""Tork's door: jobs, tasks, queues, nodes and totals under its paths and in its shapes."""
