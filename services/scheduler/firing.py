"""The jobs that the firings of a schedule make. Pure."""

from collections.abc import Sequence
from datetime import datetime

from services.scheduler.store.schedules import DueSchedule
from shared.definition import InvalidDefinition, JobDefinition, decode_job
from shared.jobspec.cron import Timetable, parse_cron
from shared.lifecycle import derived_id
from shared.planning.new_job import NewJob
from shared.planning.submission import new_job
from shared.process.sealing import Sealer, SealingError


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
