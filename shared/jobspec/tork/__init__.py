"""Tork's job language: every rule and message."""
