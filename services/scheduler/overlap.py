"""What becomes of firings whose schedule has a job that is not final yet. Pure."""

from dataclasses import dataclass
from datetime import datetime

from shared.jobspec.overlap import BUFFERS, Overlap

Times = tuple[datetime, ...]


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
    """`held` wait since earlier: one of them starts when no job is active, whatever `overlap` says
    of what is due. It may have said otherwise then, or a trigger or a backfill has.

    One after the other has no use for two at once: of several that are due `skip` and `cancelOther`
    make the latest. What comes to a full buffer is skipped.
    """
    turn = () if is_active else held[:1]
    waiting = held[len(turn) :]
    if overlap is Overlap.ALLOW:
        return Overlapped(turn + due, waiting)
    if overlap in BUFFERS:
        start = () if is_active or turn else due[:1]
        rest = due[len(start) :]
        room = max(BUFFERS[overlap] - len(waiting), 0)
        return Overlapped(turn + start, waiting + rest[:room], rest[room:])
    if not due or (overlap is Overlap.SKIP and (is_active or held)):
        return Overlapped(turn, waiting, due)
    return Overlapped(due[-1:], held, due[:-1], cancels=is_active)


def why_skipped(overlap: Overlap, *, is_active: bool, is_holding: bool) -> str:
    """For those that `overlapping` skips."""
    if overlap in BUFFERS:
        return f"overlap is {overlap}: {BUFFERS[overlap]} held already"
    if overlap is Overlap.SKIP and is_active:
        return "overlap is skip: a job is still active"
    if overlap is Overlap.SKIP and is_holding:
        return "overlap is skip: earlier times are held"
    return f"overlap is {overlap}: a later time is due"
