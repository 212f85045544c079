"""The firings of a stored schedule and the jobs that they make, the same by whoever asks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue

from shared.definition import InvalidDefinition, JobDefinition, decode_job
from shared.jobspec.cron.stored import Firings, StoredTimes, firings_of
from shared.lifecycle import derived_id
from shared.planning.new_job import NewJob
from shared.planning.submission import new_job
from shared.process.sealing import Sealer, SealingError


class CannotFire(Exception):
    """No job can be made of the schedule as it stands; the text says why."""


class StoredSchedule(Protocol):
    """`spec` is as submitted, but for what is secret; if anything is, all of it is in `sealed`."""

    @property
    def id(self) -> str: ...
    @property
    def spec(self) -> dict[str, JsonValue]: ...
    @property
    def sealed(self) -> str | None: ...
    @property
    def created_by(self) -> str | None: ...
    @property
    def readers(self) -> Sequence[str]: ...


def firings_by_rules(schedule: StoredTimes) -> Firings:
    """Raises CannotFire."""
    try:
        return firings_of(schedule)
    except ValueError as error:  # its time zone is unknown here, or the rules have changed
        raise CannotFire(f"schedule: {error}") from None


def id_of_firing(schedule_id: str, at: datetime) -> str:
    """Of the job that the firing at `at` makes, however often it is made."""
    return derived_id(schedule_id, at.isoformat())


def jobs_of(
    schedule: StoredSchedule, times: Sequence[datetime], now: datetime, sealer: Sealer
) -> list[NewJob]:
    """A job for each of `times`. Raises CannotFire."""
    definition = definition_of(schedule, sealer)
    return [
        new_job(
            definition,
            id_of_firing(schedule.id, time),
            now,
            created_by=schedule.created_by,
            readers=schedule.readers,
            schedule_id=schedule.id,
            schedule_at=time,
        )
        for time in times
    ]


def definition_of(schedule: StoredSchedule, sealer: Sealer) -> JobDefinition:
    """The job as it was submitted, its secrets included. Raises CannotFire."""
    try:
        spec = sealer.unseal(schedule.sealed)["spec"] if schedule.sealed else schedule.spec
        return decode_job(spec)
    except SealingError as error:  # the operator's to put right
        raise CannotFire(f"secrets: {error}") from None
    except InvalidDefinition as error:  # it was accepted by a version with other rules
        raise CannotFire(f"the job breaks the rules of this version: {error}") from None
