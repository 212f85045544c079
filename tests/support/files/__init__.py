"""Stores of files for tests, and what goes wrong with them."""
