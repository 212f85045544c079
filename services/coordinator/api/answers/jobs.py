"""Jobs, their tasks and their logs."""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from services.coordinator.api.answers.base import Answer, PageOf
from services.coordinator.api.answers.submitted import (
    AutoDeleteView,
    DefaultsView,
    LimitsView,
    RegistryView,
    RetryView,
    WebhookView,
)

JobStateName = Literal["PENDING", "SCHEDULED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
TaskStateName = Literal[
    "CREATED",
    "PENDING",
    "SCHEDULED",
    "RUNNING",
    "COMPLETED",
    "FAILED",
    "CANCELLED",
    "STOPPED",
    "SKIPPED",
]


class Task(Answer):
    """A task as submitted, or, with `id` and `state`, one attempt at it."""

    id: str | None = None
    """Of this attempt."""
    job_id: str | None = None
    """The job it belongs to."""
    position: int | None = None
    """Its place in the job's task list, counted from 1."""
    name: str | None = None
    """For people."""
    description: str | None = None
    """For people."""
    state: TaskStateName | None = None
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
    cmd: list[str] | None = None
    """The command's arguments."""
    entrypoint: list[str] | None = None
    """The program and its first arguments."""
    run: str | None = None
    """The shell script."""
    image: str | None = None
    """The container image."""
    registry: RegistryView | None = None
    """The login for the image."""
    env: dict[str, str] | None = None
    """The environment; values under secret-sounding names show as `[REDACTED]`."""
    files: dict[str, str] | None = None
    """Texts by path, below the working directory."""
    workdir: str | None = None
    """The directory it starts in."""
    queue: str | None = None
    """Which workers get it."""
    error: str | None = None
    """Why it failed."""
    node_id: str | None = None
    """The worker that has or had it."""
    retry: RetryView | None = None
    """How it is tried again after a failure."""
    limits: LimitsView | None = None
    """The most it may take."""
    timeout: str | None = None
    """How long one attempt may run, such as `1h30m`."""
    result: str | None = None
    """What it wrote to the file `$TORK_OUTPUT`."""
    var: str | None = None
    """Later expressions read its result as `tasks.` and this name."""
    if_: str | None = None
    """The condition for running it."""
    priority: int | None = None
    """0 to 9, higher first; 0 is left out."""
    progress: float | None = None
    """Percent, 0 to 100, as it wrote to the file `$TORK_PROGRESS`; 0 is left out."""
    tags: list[str] | None = None
    """For people."""


class Context(Answer):
    """What expressions can read. Secrets show their names alone."""

    job: dict[str, str] | None = None
    """`id` and `name`."""
    inputs: dict[str, JsonValue] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    secrets: dict[str, str] | None = None
    """Each name with `[REDACTED]`."""
    tasks: dict[str, str] | None = None
    """The results of tasks that have a `var`, by its name."""


class JobSummary(Answer):
    """A job as lists show it."""

    id: str
    """Given when the job was accepted."""
    parent_id: str | None = None
    """The job that started this one."""
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
    created_at: datetime
    """When it was accepted."""
    started_at: datetime | None = None
    """When its first task began to run."""
    completed_at: datetime | None = None
    """When it was done."""
    failed_at: datetime | None = None
    """When it failed."""
    position: int
    """The task it has come to, counted from 1; 0 before the first."""
    task_count: int
    """How many tasks it has."""
    progress: float | None = None
    """Percent, 0 to 100; 0 is left out."""
    result: str | None = None
    """The value of its `output`."""
    error: str | None = None
    """Why it failed."""


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
    output: str | None = None
    """The expression that gives `result`."""
    defaults: DefaultsView | None = None
    """For the tasks that don't set their own."""
    webhooks: list[WebhookView] | None = None
    """Who is told about changes."""
    auto_delete: AutoDeleteView | None = None
    """When it is deleted by itself."""
    delete_at: datetime | None = None
    """The time it will be deleted; known once it is completed."""


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
