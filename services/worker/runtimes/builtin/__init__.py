"""Programs that come with the worker as tasks: each in a process of its own, beside those of the
shell."""
