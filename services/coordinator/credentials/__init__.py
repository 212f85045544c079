"""Passwords and API keys: how they are made, stored and compared."""
