"""Scopes: what a route requires and a key grants."""

from enum import StrEnum


class Scope(StrEnum):
    """None includes another, but `admin` includes all."""

    READ = "read"
    SUBMIT = "submit"
    OPERATE = "operate"
    ADMIN = "admin"
