"""Identifiers the core can make without chance: the same decision gives the same id.

A repeated event that would make a task again therefore runs into the primary key instead of
making a second one.
"""

import hashlib


def derived_id(*parts: str | int) -> str:
    """32 hex digits that depend on nothing but `parts`."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16)
    return digest.hexdigest()


def derived_chance(*parts: str | int) -> float:
    """A number in 0..1 that looks random and depends on nothing but `parts`."""
    return int(derived_id(*parts)[:12], 16) / float(1 << 48)
