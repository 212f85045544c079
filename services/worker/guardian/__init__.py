"""Ends a worker's tasks when the worker can't: a process beside it that knows what runs, and until
when. All of it but `guard` and `book` runs there, on the standard library alone.
"""
