"""Jobs and their logs."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from services.coordinator.api.replies import Answer, PageOf, Warning
from services.coordinator.api.tork.schemas.submitted import (
    AutoDeleteView,
    DefaultsView,
    PermissionView,
    ReuseView,
    ScheduleView,
    TemplateView,
    UserView,
    WebhookView,
)
from services.coordinator.api.tork.schemas.tasks import Task, Waiting
from services.coordinator.api.usage import UsageView
from shared.jobspec.bytenite.phases import Phase
from shared.jobspec.limits import MAX_NAME

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
    phase: Phase | None = None
    """Of a job of ByteNite, and of the job of a task with a `partition`: the state that ByteNite's
    API tells."""
    created_by: UserView | None = None
    """Who submitted it; without authentication the guest."""
    schedule: ScheduleView | None = None
    """The scheduled job that made it."""
    template: TemplateView | None = None
    """The template that it was made of."""
    created_at: datetime
    """When it was accepted."""
    started_at: datetime | None = None
    """When its first task began to run; while it is SCHEDULED, when it was accepted."""
    completed_at: datetime | None = None
    """When it was done."""
    failed_at: datetime | None = None
    """When it failed."""
    cancelled_at: datetime | None = None
    """When it was cancelled."""
    cancelled_by: UserView | None = None
    """Who cancelled it; left out where it was no user: a schedule, the end of what waited for it,
    or whoever asks where authentication is off."""
    cancelled_by_client: str | None = None
    """The program it was cancelled with, as that calls itself."""
    cancel_reason: str | None = None
    """Why it was cancelled, in the words of who did."""
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


class TasksSummary(Answer):
    """The tasks of a job that workers run, those inside `parallel`, `each` and `spawn` included. A
    task of its list that has not begun counts as one, whatever it is made of; cancelled ones do not
    count. Exact up to 10,000."""

    todo: int
    """How many have not begun, or wait for a worker."""
    running: int
    """How many run."""
    done: int
    """How many are COMPLETED or SKIPPED."""
    failed: int
    """How many attempts have failed."""


class JobSummary(JobFacts):
    """A job as lists show it."""

    running: bool | None = None
    """Whether it is RUNNING; left out if not."""
    success: bool | None = None
    """Whether it is COMPLETED; left out until it has ended."""
    ended_at: datetime | None = None
    """When it was done, failed or was cancelled."""
    waiting: Waiting | None = None
    """Why no worker runs any of it; in lists only with `q=waiting`."""
    access: Literal["view", "operate"] | None = None
    """Whether who asks may act on it, too."""
    run_started_at: datetime | None = None
    """When it began to run again after its last restart."""
    usage: UsageView | None = None
    """What its attempts that have ended have held of workers."""
    sub_jobs_usage: UsageView | None = None
    """The same of its sub-jobs and theirs, each of which is charged by itself. `GET /jobs/{id}` has
    it, and the details of a summary once the job has ended."""
    locked_by: UserView | None = None
    """Who has locked it: nobody else can change what it does."""
    locked_at: datetime | None = None
    """When it was locked."""
    lock_expires_at: datetime | None = None
    """When the lock expires unless it is renewed."""
    tasks_summary: TasksSummary | None = None
    """What has become of its tasks. `GET /jobs/{id}` has it, and the details of a summary."""
    priority: int | None = None
    """The priority of all its tasks, if it was changed after the job, or the one that waits for it,
    was submitted."""
    omitted: list[str] | None = None
    """In lists: `inputs` or `result` if it is longer than 8 kB and left out; `GET /jobs/{id}` shows
    it."""
    warnings: list[Warning] | None = None
    """In the answer to a submission: what was hardly meant."""
    reused: bool | None = None
    """In the answer to a submission: the job was there before, and does the same work."""
    submission_id: str | None = None
    """In the answer to a submission with `reuse`: its `submitId`, or else a new id. `PUT
    /jobs/{id}/cancel` takes it."""


class ParentJob(Answer):
    """A job that a job is part of."""

    id: str
    """Its id."""
    name: str
    """As submitted."""
    task_id: str
    """Its task that stands for the job, or for the next of its parents."""


class JobFailure(Answer):
    """The first task of a job that failed for good."""

    task_id: str
    """The attempt that failed."""
    name: str | None = None
    """The name of the task."""
    parent_id: str | None = None
    """The task it is a child of."""
    parent_name: str | None = None
    """The name of that task."""
    child_index: int | None = None
    """Its index among its parent's children, counted from 0."""
    error: str | None = None
    """Why it failed."""
    exit_code: int | None = None
    """What its program returned, if it ended by itself."""
    failure_cause: str | None = None
    """Why it failed: `exit`, `timeout`, `lost`, `queue` or `other`."""
    node_id: str | None = None
    """The worker that had it."""
    subjob_id: str | None = None
    """The job it stands for."""


class JobHeader(JobSummary):
    """A job with where it belongs and where it failed."""

    parents: list[ParentJob] | None = None
    """The jobs it is part of, the outermost first."""
    failure: JobFailure | None = None
    """Of a job that has FAILED: where."""
    has_branches: bool | None = None
    """Whether a task has `needs` or `placement`, or consists of others."""
    has_versions: bool | None = None
    """Whether `GET /jobs/{id}/versions` lists any."""
    has_services: bool | None = None
    """Whether services or daemons of it have run: then it can't run again from one of its tasks."""
    has_reuse: bool | None = None
    """Whether it was submitted with `reuse`: `GET /jobs/{id}/reuse` has the reasons."""
    concurrency: int | None = None
    """How many of its tasks may be active at a time."""
    start_rate: str | None = None
    """How many of its tasks may start in any second, minute or hour."""


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
    hold: bool | None = None
    """It waits for its release."""
    start_at: datetime | None = None
    """Nothing of it begins before."""
    deadline: datetime | None = None
    """When it fails, if it has not ended."""
    budget: str | None = None
    """It fails once its tasks have cost so much."""
    concurrency: int | None = None
    """How many of its tasks may be active at a time."""
    start_rate: str | None = None
    """How many of its tasks may start in any second, minute or hour."""
    reuse: ReuseView | bool | None = None
    """Which jobs may answer its submission; `true`: by the defaults."""
    auto_delete: AutoDeleteView | None = None
    """When it is deleted by itself."""
    delete_at: datetime | None = None
    """The time it will be deleted; known once it is completed."""
    permissions: list[PermissionView] | None = None
    """Who may see it and act on it beside its creator; left out when everybody may."""


class JobPage(PageOf[JobSummary], use_attribute_docstrings=True):
    """A page of the list of jobs."""

    next: str | None = None
    """What `after` takes for the jobs that follow; left out at the end of the list."""


class JobCounts(Answer):
    """How many jobs a search finds, by state."""

    states: dict[JobStateName, int]
    """Each state with its count."""
    most: int
    """Counts end here: one that is as high stands for so many jobs or more."""


class QueueSize(Answer):
    """How many jobs wait to be started."""

    size: int
    """Of all jobs, also those that you may not see."""
    most: int
    """The count ends here: one that is as high stands for so many jobs or more."""


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
    stderr: list[tuple[int, int]] | None = None
    """The lines that came from stderr, as ranges: the first and the last of each, from 1."""
    continues: bool | None = None
    """Set if it begins within a line: with what the part before it has not ended."""


class LogPage(PageOf[LogPart], use_attribute_docstrings=True):
    """A page of a log."""

    complete: bool
    """The job or the task has ended, and no part of its log is still on its way. Else read again
    later, or follow it."""


class Cancel(BaseModel):
    """Why a job is cancelled."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    reason: Annotated[str, Field(max_length=1000)] = ""
    """For people: shown with the job."""
    cascade: Literal[True] = True
    """Jobs that its tasks have started and wait for are always cancelled with it."""
    submission_id: Annotated[
        str | None, Field(alias="submissionId", min_length=1, max_length=255)
    ] = None
    """Takes back this submission of a job with `reuse`: the job is cancelled if no other one is
    left. Default: the job is cancelled for all of them."""


class Restart(BaseModel):
    """Where an ended job goes on."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    from_: Annotated[int, Field(ge=1)] | Annotated[str, Field(max_length=MAX_NAME)] | None = Field(
        None, alias="from"
    )
    """The name or position of the task that runs again, with all that follow it. Default: where the
    job stopped."""
