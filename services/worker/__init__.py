"""Runs tasks. Has no database."""
