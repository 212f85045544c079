"""Jobs that are split into chunks, run for each, and assembled: what job languages have of them in
common."""
