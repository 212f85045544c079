"""Tasks, and what a task is made of."""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from services.coordinator.api.replies import Answer
from services.coordinator.api.tork.schemas.submitted import (
    ArtifactView,
    AutoDeleteView,
    AuxTaskView,
    DefaultsView,
    LimitsView,
    MountView,
    PublicationView,
    RetryView,
    SidecarView,
    SourceView,
    WebhookView,
)

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


class Waiting(Answer):
    """Why a task, or a job of which no worker runs anything, goes no further at the moment."""

    reason: Literal[
        "no_worker", "returned", "busy", "retry", "queue", "concurrency", "turn", "needs"
    ]
    """`no_worker` serves its queue; it was `returned` by one; all slots are `busy`; it waits before
    a `retry`, in its `queue`, for `concurrency` of its siblings, for its `turn` among them, or for
    tasks that it `needs`."""
    message: str
    """For people; its wording may change."""
    until: datetime | None = None
    """When a retry is due."""
    task_id: str | None = None
    """Of a job: the task that waits."""


class Task(AuxTaskView):
    """A task as submitted, or, with `id` and `state`, one attempt at it."""

    id: str | None = None
    """Of this attempt."""
    job_id: str | None = None
    """The job it belongs to."""
    parent_id: str | None = None
    """The `parallel` or `each` task it is a child of."""
    child_index: int | None = None
    """Its index among its parent's children, counted from 0."""
    position: int | None = None
    """Its place in the job's task list, counted from 1."""
    state: TaskStateName | None = None
    """`SKIPPED` means that its `if` gave false."""
    waiting: Waiting | None = None
    """Why it does not run yet."""
    omitted: list[str] | None = None
    """In the answer with its job: its `result`, its `sources`, or all it was submitted with
    (`definition`), if it is longer than 16 kB and left out; `GET /tasks/{id}` shows it."""
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
    workdir: str | None = None
    """The directory it starts in."""
    queue: str | None = None
    """Which workers get it."""
    error: str | None = None
    """Why it failed."""
    last_return_reason: str | None = None
    """Why a worker had to hand it back: the last that a container engine said of it."""
    engine_rejections: int | None = None
    """How often it was handed back by a worker whose engine is well otherwise; 10 times fail it."""
    exit_code: int | None = None
    """What its program returned, once it has ended by itself."""
    failure_cause: str | None = None
    """Why it failed: `exit` (its program), `timeout`, `lost` (its workers vanished), `queue` (no
    worker took it in time) or `other`."""
    node_id: str | None = None
    """The worker that has or had it."""
    retry: RetryView | None = None
    """How it is tried again after a failure."""
    limits: LimitsView | None = None
    """The most it may take."""
    timeout: str | None = None
    """How long one attempt may run, such as `1h30m`."""
    grace_period: str | None = None
    """How long it may take to end after the stop signal, before it is killed."""
    queue_timeout: str | None = None
    """How long it may wait for a worker."""
    allow_failure: bool | None = None
    """Whether what follows goes on when it fails."""
    needs: list[str] | None = None
    """The names of the tasks that must be done before."""
    result: str | None = None
    """What it wrote to the file `$TORK_OUTPUT`; of a sub-job, the value of its `output`; of an
    `each` or a `parallel` with `var`, the results of its children as a JSON list."""
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
    pre: list[AuxTaskView] | None = None
    """Run before it."""
    post: list[AuxTaskView] | None = None
    """Run after it."""
    sidecars: list[SidecarView] | None = None
    """Run beside it."""
    mounts: list[MountView] | None = None
    """Storage in its container."""
    sources: list[SourceView] | None = None
    """Files that are brought to it."""
    artifacts: list[ArtifactView] | None = None
    """Files that are kept of it."""
    publish: list[PublicationView] | None = None
    """Where its artifacts go besides."""
    large_result: str | None = None
    """The artifact that a large result is kept as."""
    networks: list[str] | None = None
    """Names of the container engine's networks."""
    gpus: str | None = None
    """Which graphics processors."""
    privileged: bool | None = None
    """Whether it has all rights on the worker's machine."""
    parallel: "ParallelView | None" = None
    """The tasks it is made of."""
    each: "EachView | None" = None
    """The list and the task it makes of every item."""
    subjob: "SubjobView | None" = None
    """The job it stands for."""


class ParallelView(Answer):
    tasks: list[Task]
    """Run at once."""
    min_success: int | str | None = None
    """How many must complete, or which share."""
    completions: int | None = None
    """How many have ended."""
    failures: int | None = None
    """How many of those have failed."""
    running: int | None = None
    """While it runs: about how many of them do."""
    waiting: int | None = None
    """While it runs: about how many of them wait for a worker or for their turn."""


class EachView(Answer):
    list_: str | list[JsonValue]
    """The expression that gives the list, or the list."""
    task: Task
    """Made for every item."""
    var: str | None = None
    """What an item is called in expressions; without it `item`."""
    concurrency: int | None = None
    """How many may run at a time; 0 is any number."""
    min_success: int | str | None = None
    """How many must complete, or which share."""
    size: int | None = None
    """How many items the list has."""
    completions: int | None = None
    """How many have ended."""
    failures: int | None = None
    """How many of those have failed."""
    running: int | None = None
    """While it runs: about how many of them do."""
    waiting: int | None = None
    """While it runs: about how many of them wait for a worker or for their turn."""
    index: int | None = None
    """How many have begun."""


class SubjobView(Answer):
    id: str | None = None
    """Of the job that was made, once there is one."""
    name: str
    """As submitted."""
    description: str | None = None
    """As submitted."""
    tags: list[str] | None = None
    """As submitted."""
    tasks: list[Task] | None = None
    """As submitted."""
    inputs: dict[str, JsonValue] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    secrets: dict[str, str] | None = None
    """Each name with `[REDACTED]`."""
    output: str | None = None
    """The expression that gives its result."""
    defaults: DefaultsView | None = None
    """For its tasks that don't set their own."""
    detached: bool | None = None
    """Whether the task is done as soon as the job is made."""
    webhooks: list[WebhookView] | None = None
    """Who is told about its changes."""
    auto_delete: AutoDeleteView | None = None
    """When it is deleted by itself."""
    timeout: str | None = None
    """How long it may take."""


Task.model_rebuild()  # now that what it refers to is known
