"""What receivers of webhooks are sent: a model for each event in each format, full and thin."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field, create_model

from services.coordinator.api.replies import Answer
from services.coordinator.api.route import SentEvent
from services.coordinator.api.tork.schemas.jobs import JobFacts, JobStateName
from services.coordinator.api.tork.schemas.tasks import TaskStateName
from shared.jobspec.tork.models.endpoints import EndpointEvent

_SEQUENCE = "Grows with each change of the job: a smaller number is an older change."


class JobEventData(JobFacts):
    """A job as it was at the change. Secrets are redacted."""

    sequence: int = Field(description=_SEQUENCE)


class TaskEventData(Answer):
    """A task as it was at the change. Secrets are redacted."""

    id: str
    """Of this attempt."""
    job_id: str
    """The job it belongs to."""
    parent_id: str | None = None
    """The `parallel` or `each` task it is a child of."""
    name: str | None = None
    """For people."""
    description: str | None = None
    """For people."""
    tags: list[str] | None = None
    """For people."""
    var: str | None = None
    """Later expressions read its result as `tasks.` and this name."""
    position: int | None = None
    """Its place in the job's task list, counted from 1."""
    state: TaskStateName
    """`SKIPPED` means that its `if` gave false."""
    created_at: datetime | None = None
    """When this attempt was made."""
    scheduled_at: datetime | None = None
    """When it was put on its queue."""
    started_at: datetime | None = None
    """When a worker began to run it."""
    completed_at: datetime | None = None
    """When it was done or skipped."""
    failed_at: datetime | None = None
    """When it failed."""
    attempt: int | None = None
    """Counts the attempts from 1."""
    node_id: str | None = None
    """The worker that has or had it."""
    progress: float | None = None
    """Percent, 0 to 100."""
    result: str | None = None
    """What it wrote to the file `$TORK_OUTPUT`."""
    error: str | None = None
    """Why it failed."""
    at: datetime
    """The time of the change."""
    sequence: int = Field(description=_SEQUENCE)


class ScheduleEventData(Answer):
    """A firing of a scheduled job, or a range of firings that was skipped."""

    id: str
    """Of the scheduled job."""
    name: str | None = None
    """As submitted."""
    tags: list[str] | None = None
    """As submitted."""
    scheduled_at: datetime
    """When it was due; of a range the first time."""
    until: datetime | None = None
    """Of a range the last time."""
    reason: str | None = None
    """Why it was skipped."""
    job_id: str | None = None
    """The job that was created."""


class EndpointEventData(Answer):
    """A webhook endpoint and its state."""

    id: str
    """Of the endpoint."""
    description: str | None = None
    """What it is for."""
    receiver: str | None = None
    """Scheme, host and port of its URL."""
    failing_since: datetime | None = None
    """The first failed request that no successful one followed."""
    error: str | None = None
    """How the last request failed."""
    disabled_at: datetime | None = None
    """When it was disabled."""
    disabled_reason: str | None = None
    """Why it was disabled."""


class JobIds(Answer):
    """Which job changed."""

    id: str
    """Of the job."""
    parent_id: str | None = None
    """The task of another job that started this one."""
    state: JobStateName
    """The new state."""
    sequence: int = Field(description=_SEQUENCE)


class TaskIds(Answer):
    """Which task changed."""

    id: str
    """Of this attempt."""
    job_id: str
    """The job it belongs to."""
    parent_id: str | None = None
    """The `parallel` or `each` task it is a child of."""
    state: TaskStateName
    """The new state."""
    sequence: int = Field(description=_SEQUENCE)


class ScheduleIds(Answer):
    """Which schedule fired or was skipped."""

    id: str
    """Of the scheduled job."""
    job_id: str | None = None
    """The job that was created."""


class EndpointIds(Answer):
    """Which endpoint it is about."""

    id: str
    """Of the endpoint."""


_DATA: Mapping[str, tuple[type[Answer], type[Answer]]] = {
    "job": (JobEventData, JobIds),
    "task": (TaskEventData, TaskIds),
    "schedule": (ScheduleEventData, ScheduleIds),
    "endpoint": (EndpointEventData, EndpointIds),
}
"""Full and thin, by what the event is about."""
_MEANINGS: Mapping[EndpointEvent | str, str] = {
    "job.StateChange": "A job has a new state",
    "job.Progress": "A job has progressed",
    "job.PhaseChange": "A job of ByteNite has entered a phase",
    "task.StateChange": "A task has a new state",
    "task.Progress": "A task has progressed",
    "schedule.Fired": "A schedule created a job",
    "schedule.Skipped": "A schedule was due and created no job",
    "endpoint.Failing": "A webhook endpoint fails repeatedly",
    "endpoint.Disabled": "A webhook endpoint was disabled because it failed",
    "endpoint.Test": "A test of a webhook endpoint was asked for",
}


def _sent(name: str, meaning: str) -> SentEvent:
    full, thin = _DATA[name.partition(".")[0]]
    title = name[0].upper() + name[1:].replace(".", "")
    return SentEvent(
        name=name,
        meaning=meaning,
        bodies=(
            _tork(title, name, full),
            _tork(f"{title}Thin", name, thin),
            _standard(f"{title}Standard", name, full),
            _standard(f"{title}StandardThin", name, thin),
        ),
    )


_DESCRIBED = {"use_attribute_docstrings": False}
"""They have no source in which pydantic could find docstrings; to look for it takes seconds."""


def _tork(title: str, event: str, data: type[Answer]) -> type[Answer]:
    return create_model(title, __base__=data, __cls_kwargs__=_DESCRIBED, event=(str, _named(event)))


def _standard(title: str, event: str, data: type[Answer]) -> type[Answer]:
    return create_model(
        title,
        __base__=Answer,
        __cls_kwargs__=_DESCRIBED,
        __doc__="As Standard Webhooks has it.",
        type=(str, _named(event)),
        timestamp=(datetime, Field(description="The time of the event.")),
        data=(data, Field(description="What is told of it.")),
    )


def _named(event: str) -> Any:  # noqa: ANN401 - what pydantic says a field is
    return Field(description="The event.", json_schema_extra={"const": event})


SENT_EVENTS = tuple(_sent(name, meaning) for name, meaning in _MEANINGS.items())
