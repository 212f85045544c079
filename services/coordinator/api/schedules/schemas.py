"""What requests to scheduled jobs may say, and the shapes of their answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model

from services.coordinator.api.replies import Answer, PageOf, Warning
from services.coordinator.api.requests import ListQuery, PageQuery, Query, Search
from services.coordinator.api.tork.schemas.jobs import JobStateName
from services.coordinator.api.tork.schemas.submitted import (
    AutoDeleteView,
    DefaultsView,
    PermissionView,
    UserView,
    WebhookView,
)
from services.coordinator.api.tork.schemas.tasks import Task
from shared.jobspec.limits import MOST_FIRINGS
from shared.jobspec.tork.models import ScheduledJobSpec
from shared.jobspec.tork.models.schedules import CatchUpName, OverlapName

_LONGEST_NOTE = 1000

ScheduleStateName = Literal["ACTIVE", "PAUSED", "ENDED"]


RunKind = Literal["SCHEDULED", "TRIGGERED", "BACKFILLED"]
RunState = Literal["FIRED", "SKIPPED", "HELD"]


class _Body(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )


class PauseRequest(_Body):
    note: Annotated[str | None, Field(max_length=_LONGEST_NOTE)] = None
    """Why it is paused: answers show it until it is resumed."""


_CHANGES: dict[str, Any] = {
    field.alias or name: (JsonValue, Field(None, description=field.description))
    for name, field in ScheduledJobSpec.model_fields.items()
}
ScheduledJobChanges = create_model(
    "ScheduledJobChanges",
    __base__=_Body,
    __doc__="A JSON merge patch: fields that are left out stay as they are, mappings are merged, "
    "null takes a field away. The result is checked as a submission is.",
    __cls_kwargs__={"use_attribute_docstrings": False},  # it has no source, as `PageOf[T]`
    **_CHANGES,
)


class NextQuery(Query):
    """Which times."""

    count: Annotated[
        int, Field(description=f"1 to {MOST_FIRINGS}; others are brought in range.")
    ] = 10


class RunsQuery(PageQuery):
    """Which runs."""

    state: Annotated[
        Literal["", "FIRED", "SKIPPED", "HELD"], Field(description="Only runs in this state.")
    ] = ""

    def states(self) -> list[str] | None:
        return [self.state] if self.state else None


class SchedulesQuery(ListQuery):
    """Which scheduled jobs."""

    q: Annotated[Search, Field(description="Only those with this text in their name.")] = ""
    state: Annotated[
        Literal["", "ACTIVE", "PAUSED", "ENDED"], Field(description="Only those in this state.")
    ] = ""


class Firing(Answer):
    """A time at which a schedule creates a job."""

    scheduled_at: datetime
    """The time of its rules: expressions read `schedule.scheduledAt`."""
    at: datetime | None = None
    """When the job is created, where `jitter` makes that later."""
    latest_at: datetime | None = None
    """The same of a schedule that is not stored: `at` depends on its id, but is before this."""


class Firings(Answer):
    """The next times of a schedule."""

    firings: list[Firing]
    """In order; fewer than asked for where the schedule ends."""


class ScheduleRun(Answer):
    """What became of a firing, or of a range of firings that were skipped together."""

    kind: RunKind
    """By its rules, by a trigger or for a backfill."""
    state: RunState
    """A `HELD` one waits until the job before it is final, or until its job can be made."""
    scheduled_at: datetime
    """When it was due, of a range the first: its expressions read `schedule.scheduledAt`."""
    until: datetime | None = None
    """Of a range of firings the last."""
    reason: str | None = None
    """Why it was skipped, or why its job can't be made."""
    job_id: str | None = None
    """The job that it has created."""
    job_state: JobStateName | None = None
    """The state of that job; left out when the job is deleted."""
    at: datetime
    """When that was decided."""


class ScheduleRunPage(PageOf[ScheduleRun], use_attribute_docstrings=True):
    """A page of the runs of a scheduled job."""

    next: list[Firing] | None = None
    """On the first page its next times; left out while it is paused."""


class BackfilledFiring(Answer):
    """What became of a time, or would."""

    scheduled_at: datetime
    """The time."""
    job_id: str
    """Its job."""
    state: Literal["FIRED", "HELD", "EXISTS"]
    """Created now, to be created when the one before it is final, or created before."""


class BackfillAnswer(Answer):
    """What became of the times of a range."""

    dry_run: bool | None = None
    """Whether nothing was created, but would be."""
    created: int
    """How many jobs were created."""
    held: int
    """How many times wait for their turn."""
    existing: int
    """How many had their job before, or wait already."""
    firings: list[BackfilledFiring]
    """Each time, in order."""


class ScheduledTemplateView(Answer):
    """The template that the jobs of a schedule are made of."""

    tag: str
    """As submitted; each job is made of the newest active version that it allows then."""
    version: str
    """What that was at the submission, as name@major.minor."""
    inputs: dict[str, JsonValue]
    """As submitted."""


class ScheduledJobSummary(Answer):
    """A scheduled job as lists show it."""

    id: str
    """Given when it was accepted; its jobs carry it."""
    state: ScheduleStateName
    """A `PAUSED` one makes no jobs; an `ENDED` one has made its last."""
    name: str
    """As submitted."""
    description: str | None = None
    """As submitted."""
    tags: list[str] | None = None
    """As submitted."""
    inputs: dict[str, JsonValue] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    created_by: UserView | None = None
    """Who submitted it; without authentication the guest."""
    created_at: datetime
    """When it was accepted."""
    schedule: dict[str, JsonValue]
    """As submitted."""
    cron: str | None = None
    """When it makes a job; left out where its `schedule` has no `cron`."""
    timezone: str
    """Whose clocks `cron` means."""
    overlap: OverlapName
    """What becomes of a time while a job of its own is not final."""
    catch_up: CatchUpName
    """What becomes of the times that were missed while no scheduler ran."""
    next_at: datetime | None = None
    """When it makes the next job; left out while it is paused."""
    last_at: datetime | None = None
    """The time that its last job was due."""
    last_job_id: str | None = None
    """Its last job."""
    runs: int | None = None
    """How many jobs its times have created, without triggers and backfills."""
    failures: int | None = None
    """How many of its last jobs have failed, in a row."""
    held: list[datetime] | None = None
    """Times whose jobs wait for the one before them to be final."""
    ended_at: datetime | None = None
    """When it created its last job, or its last time passed."""
    template: ScheduledTemplateView | None = None
    """Left out where the schedule has a job of its own."""
    error: str | None = None
    """Why the job that is due can't be made; it is tried again each minute."""
    note: str | None = None
    """Why it is paused."""
    warnings: list[Warning] | None = None
    """In the answer to a submission: what was hardly meant."""
    access: Literal["operate", "view"] | None = None
    """What the caller may do: with `view` only look. Left out in the answer to a submission."""
    last_run: ScheduleRun | None = None
    """What became of its last time, or of the last trigger."""


class ScheduledJob(ScheduledJobSummary):
    """The whole scheduled job, as submitted."""

    version: int
    """Grows with each edit; the answer's `ETag`."""
    next: list[Firing] | None = None
    """Its next times; left out while it is paused."""

    tasks: list[Task]
    """As submitted."""
    secrets: dict[str, str] | None = None
    """Each name with `[REDACTED]`."""
    uploads: dict[str, str] | None = None
    """The ids of the uploads that the jobs' tasks may take, by name."""
    output: str | None = None
    """The expression that gives a job's `result`."""
    defaults: DefaultsView | None = None
    """For the tasks that don't set their own."""
    webhooks: list[WebhookView] | None = None
    """Who is told about the jobs' changes."""
    auto_delete: AutoDeleteView | None = None
    """When each job is deleted by itself."""
    timeout: str | None = None
    """How long each job may take."""
    permissions: list[PermissionView] | None = None
    """Who may see it and its jobs; left out when everybody may."""


class ScheduledJobPage(PageOf[ScheduledJobSummary]):
    """A page of the list of scheduled jobs."""
