"""Whose eyes a query looks with."""

from collections.abc import Sequence

Readers = Sequence[str] | None
"""Jobs without readers and those with one of these (`user:x`, `role:y`) are seen; None sees all."""
