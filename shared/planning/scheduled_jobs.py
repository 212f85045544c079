"""The firings of a stored schedule and the jobs that they make, the same by whoever asks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from pydantic import JsonValue

from shared.definition import JobDefinition
from shared.jobspec.cron.stored import Firings, StoredTimes, firings_of
from shared.lifecycle import derived_id
from shared.planning.new_job import NewJob
from shared.planning.stored_jobs import CannotFire, definition_in
from shared.planning.submission import new_job
from shared.planning.template_jobs import StoredTemplate, renewed
from shared.process.sealing import Sealer

NO_INPUTS: Mapping[str, JsonValue] = MappingProxyType({})


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
    schedule: StoredSchedule,
    times: Sequence[datetime],
    now: datetime,
    sealer: Sealer,
    template: StoredTemplate | None = None,
    inputs: Mapping[str, JsonValue] = NO_INPUTS,
) -> list[NewJob]:
    """A job for each of `times`; `template` is what the tag of its template, if it has one, stands
    for now. `inputs` replace its own of the same name. Raises CannotFire, and InvalidJob for inputs
    that the template refuses."""
    made = renewed(definition_of(schedule, sealer), template, sealer, inputs)
    definition = made.definition
    if inputs and not definition.template:
        definition = replace(definition, inputs={**definition.inputs, **inputs})
    return [
        made.named(
            new_job(
                definition,
                id_of_firing(schedule.id, time),
                now,
                created_by=schedule.created_by,
                readers=schedule.readers,
                schedule_id=schedule.id,
                schedule_at=time,
            )
        )
        for time in times
    ]


def definition_of(schedule: StoredSchedule, sealer: Sealer) -> JobDefinition:
    """The job as it was submitted, its secrets included. Raises CannotFire."""
    return definition_in(schedule.spec, schedule.sealed, sealer)


def tag_of(schedule: StoredSchedule) -> str | None:
    """The tag of the template that its jobs are made of, if there is one."""
    use = schedule.spec.get("template")
    return str(use["tag"]) if isinstance(use, dict) else None
