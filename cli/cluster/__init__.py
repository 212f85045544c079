"""The commands about what runs the jobs, who may, and when."""
