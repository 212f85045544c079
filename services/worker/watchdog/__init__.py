"""Ends a worker's tasks when the worker can't: a process beside it that knows what runs, and until
when. All of it but `keeper` and `task_table` runs there, on the standard library alone.
"""
