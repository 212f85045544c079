"""Times, spans of time and time zones, with the layouts that dates are written in."""
