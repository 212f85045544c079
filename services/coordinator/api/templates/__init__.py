"""Jobs that are stored by name and version, and run with other inputs each time."""
