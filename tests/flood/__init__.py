"""The flood: far more jobs than are worked off, as fast as they are taken, while others read."""
