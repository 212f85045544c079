"""What becomes of firings whose schedule has a job that is not final yet. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Times = tuple[datetime, ...]

HELD_LIMIT = 100
"""The most firings of one schedule that wait for its job to end."""


class Overlap(StrEnum):
    ALLOW = "allow"
    SKIP = "skip"
    BUFFER_ONE = "bufferOne"
    BUFFER_ALL = "bufferAll"
    CANCEL_OTHER = "cancelOther"


_ROOM = {Overlap.BUFFER_ONE: 1, Overlap.BUFFER_ALL: HELD_LIMIT}


@dataclass(frozen=True, slots=True)
class Overlapped:
    """The times, each in order. A job is made for each of `made` now, for each of `held` when the
    job before it is final, and for none of `skipped`. `cancels`: the job that is not final is
    cancelled first."""

    made: Times = ()
    held: Times = ()
    skipped: Times = ()
    cancels: bool = False


def overlapping(overlap: Overlap, due: Times, held: Times, *, is_active: bool) -> Overlapped:
    """`held` wait since earlier; none of `due` is before them.

    One after the other has no use for two at once: of several that are due `skip` and `cancelOther`
    make the latest. Those that wait keep their place, and what comes to a full buffer is skipped.
    """
    waiting = held + due  # `held` may be from another policy that it had before
    if overlap is Overlap.ALLOW:
        return Overlapped(made=waiting)
    if overlap in _ROOM:
        made = 0 if is_active else 1
        full = made + _ROOM[overlap]
        return Overlapped(waiting[:made], waiting[made:full], waiting[full:])
    if overlap is Overlap.SKIP and is_active:
        return Overlapped(skipped=waiting)
    cancels = is_active and bool(waiting)
    return Overlapped(waiting[-1:], skipped=waiting[:-1], cancels=cancels)


def why_skipped(overlap: Overlap, *, is_active: bool) -> str:
    """For those that `overlapping` skips."""
    if overlap in _ROOM:
        return f"overlap is {overlap}, and as many firings wait as it allows"
    if overlap is Overlap.SKIP and is_active:
        return "overlap is skip, and a job of the schedule is not final"
    return f"overlap is {overlap}, and a later firing is due as well"
