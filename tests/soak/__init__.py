"""The soak: a steady rate of jobs of all kinds for a long time, and whether anything grows."""
