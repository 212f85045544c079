"""Following a job until its end: what happens to its tasks, and its log in order."""
