"""From what was submitted to planned tasks. No I/O."""
