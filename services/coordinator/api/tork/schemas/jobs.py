"""Jobs and their logs."""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from services.coordinator.api.replies import Answer, PageOf, Warning
from services.coordinator.api.tork.schemas.submitted import (
    AutoDeleteView,
    DefaultsView,
    PermissionView,
    ScheduleView,
    UserView,
    WebhookView,
)
from services.coordinator.api.tork.schemas.tasks import Task, Waiting

JobStateName = Literal["PENDING", "SCHEDULED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]


class Context(Answer):
    """What expressions can read. Secrets show their names alone."""

    job: dict[str, str] | None = None
    """`id` and `name`."""
    inputs: dict[str, JsonValue] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    secrets: dict[str, str] | None = None
    """Each name with `[REDACTED]`."""
    tasks: dict[str, str] | None = None
    """The results of tasks that have a `var`, by its name, unless they are longer than 16 kB."""


class JobFacts(Answer):
    """What lists and webhooks tell of a job."""

    id: str
    """Given when the job was accepted."""
    parent_id: str | None = None
    """The task of another job that started this one."""
    name: str
    """As submitted."""
    description: str | None = None
    """As submitted."""
    tags: list[str] | None = None
    """As submitted."""
    inputs: dict[str, JsonValue] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    state: JobStateName
    """`COMPLETED`, `FAILED` and `CANCELLED` are final; a restart leads back from the last two."""
    created_by: UserView | None = None
    """Who submitted it; without authentication the guest."""
    schedule: ScheduleView | None = None
    """The scheduled job that made it."""
    created_at: datetime
    """When it was accepted."""
    started_at: datetime | None = None
    """When its first task began to run; while it is SCHEDULED, when it was accepted."""
    completed_at: datetime | None = None
    """When it was done."""
    failed_at: datetime | None = None
    """When it failed."""
    position: int
    """The task it has come to, counted from 1; 0 before the first, `taskCount` + 1 once all are
    COMPLETED."""
    task_count: int
    """How many tasks it has."""
    progress: float | None = None
    """Percent, 0 to 100; 0 is left out."""
    result: str | None = None
    """The value of its `output`."""
    error: str | None = None
    """Why it failed."""


class JobSummary(JobFacts):
    """A job as lists show it."""

    waiting: Waiting | None = None
    """Why no worker runs any of it; in lists only with `q=waiting`."""
    run_started_at: datetime | None = None
    """When it began to run again after its last restart."""
    omitted: list[str] | None = None
    """In lists: `inputs` or `result` if it is longer than 8 kB and left out; `GET /jobs/{id}` shows
    it."""
    warnings: list[Warning] | None = None
    """In the answer to a submission: what was hardly meant."""


class Job(JobSummary):
    """The whole job: `tasks` as submitted, `execution` as they ran, all attempts."""

    tasks: list[Task]
    """As submitted."""
    execution: list[Task]
    """Every attempt at every task that was reached."""
    context: Context
    """What its expressions can read."""
    secrets: dict[str, str] | None = None
    """Each name with `[REDACTED]`."""
    uploads: dict[str, str] | None = None
    """The ids of the uploads that its tasks may take, by name."""
    output: str | None = None
    """The expression that gives `result`."""
    defaults: DefaultsView | None = None
    """For the tasks that don't set their own."""
    webhooks: list[WebhookView] | None = None
    """Who is told about changes."""
    timeout: str | None = None
    """How long it may take, from the start of its first task."""
    auto_delete: AutoDeleteView | None = None
    """When it is deleted by itself."""
    delete_at: datetime | None = None
    """The time it will be deleted; known once it is completed."""
    permissions: list[PermissionView] | None = None
    """Who may see it and act on it beside its creator; left out when everybody may."""


class JobPage(PageOf[JobSummary]):
    """A page of the list of jobs."""


class LogPart(Answer):
    """A piece of a task's log."""

    id: str
    """Of this part."""
    number: int
    """Counts from 1 within the task."""
    task_id: str
    """The attempt that wrote it."""
    contents: str
    """Text, of one line or more."""
    created_at: datetime
    """When it was written."""


class LogPage(PageOf[LogPart]):
    """A page of a log."""

    complete: bool
    """The job or the task has ended, and no part of its log is still on its way. Else read again
    later, or follow it."""
