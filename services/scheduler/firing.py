"""Which firings of a schedule are made when some are due, and the job that each makes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.scheduler.store.schedules import DueSchedule
from shared.definition import InvalidDefinition, JobDefinition, decode_job
from shared.jobspec.cron import Timetable, last_until, parse_cron
from shared.lifecycle import derived_id
from shared.planning.new_job import NewJob
from shared.planning.submission import new_job
from shared.process.sealing import Sealer, SealingError

CATCH_UP_LIMIT = 100
"""The most firings of one schedule that are made up for; the latest are."""

LATE_AFTER = timedelta(seconds=60)
"""A firing this much late was missed: a scheduler that runs is never so late."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Due:
    """What is due of one schedule: it should have fired at `next_at`, which is not after `now`."""

    table: Timetable
    catch_up: str
    next_at: datetime
    now: datetime


def firings(due: Due) -> Sequence[datetime]:
    """The times to fire for, in order.

    `one` fires once, however much was missed; `all` fires for each; `none` fires only when it is
    not late.
    """
    last = last_until(due.table, due.next_at, due.now)
    if due.catch_up == "all":
        return _up_to(due, last)
    if due.catch_up == "none" and due.now - last > LATE_AFTER:
        return []
    return [last]


def _up_to(due: Due, last: datetime) -> Sequence[datetime]:
    found = [last]
    while found[-1] > due.next_at and len(found) < CATCH_UP_LIMIT:
        found.append(last_until(due.table, due.next_at, found[-1] - _SECOND))
    return found[::-1]


class CannotFire(Exception):
    """No job can be made of the schedule as it stands; the text says why."""


def timetable_of(due: DueSchedule) -> Timetable:
    """Raises CannotFire."""
    try:
        return parse_cron(due.cron, due.timezone, due.created_at)
    except ValueError as error:  # its time zone is unknown here, or the rules have changed
        raise CannotFire(f"schedule: {error}") from None


def jobs_for(due: DueSchedule, times: Sequence[datetime], sealer: Sealer) -> list[NewJob]:
    """A job for each of `times`, whose id is the same however often it is made.

    Raises CannotFire.
    """
    definition = _definition(due, sealer)
    return [
        new_job(
            definition,
            derived_id(due.id, time.isoformat()),
            due.now,
            created_by=due.created_by,
            readers=due.readers,
            schedule_id=due.id,
        )
        for time in times
    ]


def _definition(due: DueSchedule, sealer: Sealer) -> JobDefinition:
    try:
        spec = sealer.unseal(due.sealed)["spec"] if due.sealed else due.spec
        return decode_job(spec)
    except SealingError as error:  # the operator's to put right
        raise CannotFire(f"secrets: {error}") from None
    except InvalidDefinition as error:  # it was accepted by a version with other rules
        raise CannotFire(f"the job breaks the rules of this version: {error}") from None
