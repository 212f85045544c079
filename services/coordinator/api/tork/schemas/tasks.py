"""Tasks, and what a task is made of."""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from services.coordinator.api.replies import Answer
from services.coordinator.api.tork.schemas.placement import (
    ExecutionView,
    NetworkView,
    PlacementView,
    WasmView,
)
from services.coordinator.api.tork.schemas.reuse import TaskReuseMiss
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
from services.coordinator.api.usage import UsageView
from services.coordinator.wait_reasons import Reason

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

    reason: Reason
    """It is `held` until its release, or waits for its `start_at`; `no_worker` serves its queue; no
    node has what its `placement` asks for; it was `returned` by a worker; all slots are `busy`; it
    waits before a `retry`, in its `queue`, for `concurrency` of its siblings or its job, for the
    `start_rate` of its job, for its `turn` among its siblings, or for tasks that it `needs`."""
    message: str
    """For people; its wording may change."""
    until: datetime | None = None
    """When a retry is due, or the task or job begins."""
    task_id: str | None = None
    """Of a job: the task that waits."""


PhaseName = Literal["pull", "fetch", "pre", "run", "post", "keep"]


class PhaseTiming(Answer):
    """A phase of an attempt, on the clock of its worker."""

    phase: PhaseName
    """Of its image the `pull`; of its sources the transfer to it (`fetch`), of its artifacts that
    from it (`keep`); its `pre` and `post` tasks; and what it is to `run`."""
    started_ms: int
    """When it began, in milliseconds after `startedAt`; below 0 for an image that was pulled while
    the worker waited for the coordinator."""
    duration_ms: int
    """How long it took, or until the attempt ended."""


class Task(AuxTaskView):
    """A task as submitted, or, with `id` and `state`, one attempt at it."""

    id: str | None = None
    """Of this attempt."""
    job_id: str | None = None
    """The job it belongs to."""
    parent_id: str | None = None
    """The `parallel`, `each` or `spawn` task it is a child of."""
    child_index: int | None = None
    """Its index among its parent's children, counted from 0."""
    sequence: int | None = None
    """Of a child of a `spawn`: which sequence it is in, counted from 0."""
    position: int | None = None
    """Its place in the job's task list, counted from 1."""
    reused_from: str | None = None
    """The attempt that did its work before, whose end it has: it did not run itself."""
    reuse_miss: TaskReuseMiss | None = None
    """Why it runs although it has `reuse`."""
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
    image_digest: str | None = None
    """Of the image that it ran, once it has ended: as its registry has it, or the id of one that
    was built on the worker."""
    phase: PhaseName | None = None
    """While it runs: the phase that it was in at the last heartbeat of its worker."""
    timings: list[PhaseTiming] | None = None
    """The phases of an attempt that has ended, in order. It was in its queue from `scheduledAt` to
    `startedAt`; before that it waited for its turn, or for its retry."""
    usage: UsageView | None = None
    """What the attempt held of its worker, once it has ended."""
    retry: RetryView | None = None
    """How it is tried again after a failure."""
    limits: LimitsView | None = None
    """The most it may take."""
    timeout: str | None = None
    """How long one attempt may run, such as `1h30m`."""
    grace_period: str | None = None
    """How long it may take to end after the stop signal, before it is killed."""
    stop_signal: str | None = None
    """Which signal asks it to end."""
    queue_timeout: str | None = None
    """How long it may wait for a worker."""
    reuse: bool | None = None
    """Whether it may end as a task that has done the same work."""
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
    success_codes: list[int] | Literal["any"] | None = None
    """The exit codes it succeeds with; without them 0."""
    networks: list[str] | None = None
    """Names of the container engine's networks."""
    network: NetworkView | None = None
    """What it reaches, and where it is reached."""
    gpus: str | None = None
    """Which graphics processors."""
    privileged: bool | None = None
    """Whether it has all rights on the worker's machine."""
    wasm: WasmView | None = None
    """The WebAssembly module that is run instead of an image."""
    builtin: str | None = None
    """The program of the worker's own that is run instead of an image."""
    params: dict[str, JsonValue] | None = None
    """What that is told; where its name sounds like a secret, a value is hidden."""
    placement: PlacementView | None = None
    """On which nodes it runs, how many times."""
    execution: ExecutionView | None = None
    """Which execution of its parent it is."""
    parallel: "ParallelView | None" = None
    """The tasks it is made of."""
    each: "EachView | None" = None
    """The list and the task it makes of every item."""
    spawn: "SpawnView | None" = None
    """The task that makes further ones."""
    subjob: "SubjobView | None" = None
    """The job it stands for."""
    partition: "PartitionedView | None" = None
    """The stages of which a job is made that it stands for."""


class StageParams(Answer):
    partitioner: dict[str, JsonValue] | None = None
    """Told to what splits."""
    app: dict[str, JsonValue] | None = None
    """Told to the task for each chunk."""
    assembler: dict[str, JsonValue] | None = None
    """Told to what assembles."""


class AssembleView(Task):
    layout: Literal["byIndex", "flat"] | None = None
    """How it finds what the chunks have left."""


class PartitionedView(Answer):
    id: str | None = None
    """Of the job of its stages, once there is one."""
    split: Task | None = None
    """What makes chunks of the sources."""
    task: Task | None = None
    """Run for every chunk."""
    assemble: AssembleView | None = None
    """What makes the artifact `output` of their results."""
    params: StageParams | None = None
    """What each of them is told."""
    concurrency: int | None = None
    """How many chunks may be worked on at a time; 0 is any number."""
    min_success: int | str | None = None
    """For how many chunks the task must complete, or which share."""
    max_failed: int | str | None = None
    """For how many chunks it may fail, or which share."""
    on_failure: Literal["finish"] | None = None
    """Whether the others run to their end when too many have failed."""
    no_chunks: Literal["fail"] | None = None
    """Whether no chunk at all is an error."""


class ParallelView(Answer):
    tasks: list[Task]
    """Run at once."""
    min_success: int | str | None = None
    """How many must complete, or which share."""
    max_failed: int | str | None = None
    """How many may fail, or which share, instead."""
    on_failure: Literal["finish"] | None = None
    """All end before too many failures are its own."""
    completions: int | None = None
    """How many have ended."""
    failures: int | None = None
    """How many of those have failed."""
    running: int | None = None
    """While it runs: about how many of them do."""
    waiting: int | None = None
    """While it runs: about how many of them wait for a worker or for their turn."""


class EachView(Answer):
    list_: str | list[JsonValue] | None = None
    """The expression that gives the list, or the list."""
    chunks: str | None = None
    """The artifact whose chunks it runs for, instead of a list."""
    task: Task
    """Made for every item."""
    var: str | None = None
    """What an item is called in expressions; without it `item`."""
    concurrency: int | None = None
    """How many may run at a time; 0 is any number."""
    min_success: int | str | None = None
    """How many must complete, or which share."""
    max_failed: int | str | None = None
    """How many may fail, or which share, instead."""
    on_failure: Literal["finish"] | None = None
    """All end before too many failures are its own."""
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


class SpawnView(Answer):
    task: Task
    """What each of them runs."""
    concurrency: int | None = None
    """How many may run at a time; 0 is any number."""
    barrier: bool | None = None
    """`false`: sequences do not wait for one another."""
    max_tasks: int | None = None
    """How many there may be, if not 10000."""
    explicit_success: bool | None = None
    """Whether one that ends without a result has failed."""
    size: int | None = None
    """How many there are by now."""
    sequence: int | None = None
    """With a barrier: the sequence that is at work, or was the last."""
    completions: int | None = None
    """How many have ended."""
    failures: int | None = None
    """How many of those have failed."""
    running: int | None = None
    """While it runs: about how many of them do."""
    waiting: int | None = None
    """While it runs: about how many of them wait for a worker or for their turn."""


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
