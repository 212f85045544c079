"""Ends a worker's tasks when the worker can't, and hands them back: a process beside it that knows
what runs, and until when. All of it runs on the standard library alone.
"""
