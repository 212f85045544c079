"""The ids of events, and where a stream goes on after one of them.

`txid-seq` is a place in the feed; `txid-seq-n` is after the first n of the changes at that place.
"""

import re
from dataclasses import dataclass

from services.coordinator.store.feed import Cursor

_ID = re.compile(r"(\d{1,19})-(\d{1,19})(?:-(\d{1,9}))?")
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Resume:
    """Read from `cursor` on, and leave out the first `done` changes at the place `partly`."""

    cursor: Cursor
    partly: Cursor | None = None
    done: int = 0


def event_id(place: Cursor) -> str:
    return f"{place.txid}-{place.seq}"


def event_id_within(place: Cursor, done: int) -> str:
    """After the first `done` changes at `place`; there are more of them."""
    return f"{place.txid}-{place.seq}-{done}"


def resume_after(given: str) -> Resume:
    """Raises ValueError for what is no id of ours."""
    match = _ID.fullmatch(given)
    if match is None:
        raise ValueError("must be the id of an event, as 742-3")
    txid, seq = int(match[1]), int(match[2])
    if max(txid, seq) > _LARGEST:
        raise ValueError(f"holds a number over {_LARGEST}")
    if match[3] is None:
        return Resume(Cursor(txid, seq))
    return Resume(Cursor(txid, max(seq - 1, 0)), Cursor(txid, seq), int(match[3]))
