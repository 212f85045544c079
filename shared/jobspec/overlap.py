"""What a schedule may do while a job of it is not final: the policies, and how many firings wait.

For those who need nothing else of the job language: it is large.
"""

from collections.abc import Mapping
from enum import StrEnum


class Overlap(StrEnum):
    ALLOW = "allow"
    SKIP = "skip"
    BUFFER_ONE = "bufferOne"
    BUFFER_ALL = "bufferAll"
    CANCEL_OTHER = "cancelOther"


REPLACED = "another run of its schedule took its place"
"""Why a job was cancelled by the last of them."""

HELD_LIMIT = 100
"""The most firings of one schedule that wait for its job to end."""

BUFFERS: Mapping[str, int] = {Overlap.BUFFER_ONE: 1, Overlap.BUFFER_ALL: HELD_LIMIT}
"""The policies that let firings wait, and how many."""
