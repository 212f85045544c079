"""Which firings a backfill makes up for. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal, NamedTuple

from services.coordinator.store.schedules import StoredSchedule
from shared.jobspec.cron.stored import STEP
from shared.planning.scheduled_jobs import firings_by_rules, id_of_firing

MOST_BACKFILLED = 500
"""Firings in the range of one backfill."""

Fate = Literal["FIRED", "HELD", "EXISTS"]


class BadRange(Exception):
    """The range is none, or has too many firings; the text says why."""


class Backfill(NamedTuple):
    """From the first moment to the last, both included; None of `overlap`: see `overlap_of`."""

    schedule_id: str
    first: datetime
    last: datetime
    overlap: Literal["allow", "bufferAll"] | None = None
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Backfilled:
    """A firing of the range: its job is created now (FIRED), when the one before it is final
    (HELD), or was there before (EXISTS)."""

    at: datetime
    job_id: str
    fate: Fate


def overlap_of(backfill: Backfill, stored: StoredSchedule) -> str:
    """A schedule whose jobs may not overlap is not made to: its firings wait for one another."""
    return backfill.overlap or ("allow" if stored.overlap == "allow" else "bufferAll")


def times_of(backfill: Backfill, stored: StoredSchedule) -> Sequence[datetime]:
    """The firings of the range. Raises BadRange, CannotFire."""
    if backfill.first > backfill.last:
        raise BadRange("from: must not be after to")
    if backfill.last > stored.now:
        raise BadRange("to: must not be in the future: those times fire by themselves")
    found = list(islice(_between(backfill, stored), MOST_BACKFILLED + 1))
    if len(found) > MOST_BACKFILLED:
        last = f"{found[-2]:%Y-%m-%dT%H:%M:%SZ}"
        raise BadRange(
            f"to: the range has more than {MOST_BACKFILLED} times, the most of one backfill: "
            f"the last that fits is {last}"
        )
    return found


def _between(backfill: Backfill, stored: StoredSchedule) -> Iterator[datetime]:
    firings = firings_by_rules(stored)
    found = firings.next_after(backfill.first - STEP)
    while found is not None and found.at <= backfill.last:
        if found.at >= backfill.first:
            yield found.at
        found = firings.next_after(found.at)


def fates(
    stored: StoredSchedule, times: Sequence[datetime], there: Collection[str], overlap: str
) -> list[Backfilled]:
    """`there` are the ids of those of its jobs that exist, or existed."""
    made: list[Backfilled] = []
    for at in times:
        job_id = id_of_firing(stored.id, at)
        is_there = job_id in there or at in stored.held
        fate: Fate = "EXISTS" if is_there else "FIRED" if overlap == "allow" else "HELD"
        made.append(Backfilled(at, job_id, fate))
    return made
