"""Traces of jobs, for whoever switches them on: what is done where, and for how long.

Nothing travels and nothing is stored for them: the trace of a job has the job's id, and the spans
of the job and of each task have ids that follow from theirs, so every service knows its place.
"""
