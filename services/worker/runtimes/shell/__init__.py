"""The shell runtime: tasks as process groups on this machine."""
