"""Every message that travels between services.

On the wire a message is a JSON object with its `kind` and its version `v`. Fields are only ever
added, with a default; a change of meaning is a new kind. Batching is part of the format: all but
`RunTask` carry lists, so a busy service sends few messages and an idle one adds no delay.

Lists default to `[]`, which pydantic copies for each message: a `default_factory` has its signature
inspected each time a message is constructed, 60 µs for each field that is left out.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # newer senders may add fields


class _Message(_Part):
    v: Literal[1] = 1


class TaskRef(_Part):
    """One dispatch of one task attempt."""

    job_id: str
    task_id: str
    dispatch: int


class RunTask(_Message):
    """To a task queue: run this.

    `definition` is the evaluated task in the JSON form of `shared.definition`, with what came from
    a secret taken out; `sealed` is the encrypted JSON object that holds those fields (see
    `shared.planning.planner`). `files_left_bytes` is how much the attempt may keep; None: as much
    as it likes. `resources` is what it holds of its worker, named as in `NodeDescription.capacity`.
    Its memory limit is multiplied by `memory_scale`, as far as `most_memory_bytes`. `origin` is
    what jobs of the same work come of, if anything: a schedule's id, or that of the job above.
    """

    kind: Literal["run_task"] = "run_task"
    job_id: str
    task_id: str
    dispatch: int
    attempt: int = 0
    queue: str
    timeout_seconds: float | None = None
    definition: dict[str, object]
    sealed: str | None = None
    files_left_bytes: int | None = None
    resources: dict[str, int] | None = None
    memory_scale: float = 1.0
    most_memory_bytes: int | None = None
    origin: str | None = None

    @property
    def ref(self) -> TaskRef:
        return TaskRef(job_id=self.job_id, task_id=self.task_id, dispatch=self.dispatch)


PARTS_PER_DISPATCH = 1_000_000

OWN_LINE = "[conveyor] "
"""What the lines begin with that a worker writes into the log of a task."""


class LogPart(_Part):
    """A piece of a task's log; `number` rises within the task and is unique there.

    The parts of dispatch n (from 1) are numbered from (n - 1) * PARTS_PER_DISPATCH + 1: a task that
    was started again on another worker goes on with its log instead of writing over it.
    `stderr` are the first and last lines, from 1, of what came from there. It `continues` the line
    that the part before has not ended.
    """

    job_id: str
    task_id: str
    number: int
    contents: str
    created_at: datetime
    stderr: list[tuple[int, int]] = []
    continues: bool = False


class Claim(TaskRef):
    """The worker holds the task and asks to start it. Its program shows a token with this digest to
    the API, if any."""

    token_digest: str | None = None


class KeptArtifact(_Part):
    """What an attempt has kept in the store as `object`; `sha256` as in
    `shared.definition.TakenArtifact`. `mode` are the permissions of a single file,
    `published` the URLs at which it is besides, `chunks` how many it has, if it is of those."""

    name: str
    object: str
    file_name: str
    size: int
    sha256: str
    files: int | None = None
    mode: int = 0o644
    published: list[str] = []
    chunks: int | None = None


class PhaseTiming(_Part):
    """A phase of an attempt. It began `started_ms` after the attempt, on the clock of its worker;
    before it, where an image was pulled while the claim was answered."""

    phase: str
    started_ms: int
    duration_ms: int


class Spawned(_Part):
    """A task that another has made. `parameters` are JSON, sealed where its job has secrets."""

    sequence: int
    parameters: str = "{}"
    name: str | None = None


class Finished(TaskRef):
    """The task ended on its worker: `error` is None when it succeeded.

    `cause` tells a retry policy what failed: a program that ended with `exit_code`, the task's own
    time-out, or something else; `is_out_of_memory`: more memory may help. `log_parts` is how many
    log parts this dispatch has; the last of them may travel here in `log`, so that a short task
    costs no message and no transaction more. `spawned` are the tasks it has made, in their order.
    `image_digest` is that of the image it ran, if it did.
    """

    result: str | None = None
    error: str | None = None
    exit_code: int | None = None
    cause: Literal["exit", "timeout", "other"] = "other"
    is_out_of_memory: bool = False
    log_parts: int = 0
    log: list[LogPart] = []
    artifacts: list[KeptArtifact] = []
    timings: list[PhaseTiming] = []
    spawned: list[Spawned] = []
    image_digest: Annotated[str | None, Field(max_length=200)] = None


class Returned(TaskRef):
    """The worker gives the task back unfinished; nothing of it runs any more.

    `error` is what its engine said, if that is why. `is_declined`: the engine is well otherwise, so
    that it may be the task. `is_lost`: the worker was killed, and its watchdog hands the task back.
    """

    error: str | None = None
    is_declined: bool = False
    is_lost: bool = False


class StillHeld(TaskRef):
    """The worker was asked about the dispatch, and runs it."""


class Adopted(TaskRef):
    """The worker has found the execution running, left by `from_node_id`, which is gone."""

    from_node_id: str


class Reports(_Message):
    """To `completions`: what the tasks of one worker have come to."""

    kind: Literal["reports"] = "reports"
    node_id: str
    lease_seconds: float
    claims: list[Claim] = []
    finished: list[Finished] = []
    returned: list[Returned] = []
    still_held: list[StillHeld] = []
    adopted: list[Adopted] = []


class SubJobEnd(_Part):
    """A sub-job is final: its parent's task `task_id` has waited for it as `dispatch`."""

    job_id: str
    task_id: str
    dispatch: int
    subjob_id: str
    state: str
    result: str | None = None
    error: str | None = None


class SubJobResume(_Part):
    """The parent goes on: the sub-job is started again where it stopped, if it has."""

    job_id: str
    dispatch: int


class SubJobAbandon(_Part):
    """The parent, that waited for the sub-job as `dispatch`, was cancelled."""

    job_id: str
    dispatch: int


class ParentRef(_Part):
    """A composite task."""

    job_id: str
    task_id: str


class SubJobSignals(_Message):
    """To `completions`, from one job to another: nothing locks two jobs in one transaction.

    `continued`, from a job to itself: tasks of whose children more may begin than one transaction
    takes. `cancelling`, as well: ids of jobs that have more tasks to be cancelled.
    """

    kind: Literal["subjob_signals"] = "subjob_signals"
    ended: list[SubJobEnd] = []
    abandoned: list[SubJobAbandon] = []
    resumed: list[SubJobResume] = []
    continued: list[ParentRef] = []
    cancelling: list[str] = []


class Refusal(TaskRef):
    reason: str


class StopOrder(TaskRef):
    """`at_once`: without a grace, since another worker may run the task."""

    reason: str
    at_once: bool = False


Availability = Literal["active", "cordoned", "draining", "rejected"]
"""Whether a worker may take tasks: `cordoned`, none that is new; `draining`, and what is placed on
it goes elsewhere; `rejected` by an administrator, or not yet approved."""


class Orders(_Message):
    """To `node.<id>`: the answers to a worker's claims, and tasks it must stop.

    `status_queries` are dispatches that run on it by the rows, though no heartbeat has named them
    for long: it reports that it still holds them, or once more what became of them.
    """

    kind: Literal["orders"] = "orders"
    granted: list[TaskRef] = []
    refused: list[Refusal] = []
    stop: list[StopOrder] = []
    status_queries: list[TaskRef] = []
    abandoned: list[str] = []  # workers that are gone: remove what is left
    availability: Availability | None = None


class ProgressReport(TaskRef):
    progress: float  # 0..100


class Telemetry(_Message):
    """To `telemetry`: logs and progress of running tasks."""

    kind: Literal["telemetry"] = "telemetry"
    node_id: str
    logs: list[LogPart] = []
    progress: list[ProgressReport] = []


class Gpu(_Part):
    """`index` is how the runtime names the device; `memory` is in bytes."""

    index: str
    name: str
    memory: int = 0


class NodeDescription(_Part):
    """What placement knows of a worker. `capacity` is the part of the machine it gives to tasks:
    `millicpus`, bytes of `memory` and `disk`, `gpus`; `max_executions` how many can be placed on
    it. Storages are the kinds of `sources` it can bring, publishers those of `publish`."""

    labels: dict[str, str] = {}
    engines: list[str] = []
    storages: list[str] = []
    publishers: list[str] = []
    capacity: dict[str, int] = {}
    max_executions: int = 0
    gpus: list[Gpu] = []


class Heartbeat(_Message):
    """To `heartbeats`: the worker lives, and these dispatches are running on it.

    `phases`, by task id, are those that the dispatches are in, named as in `PhaseTiming`; one that
    is in none, or on a worker of the version before, is left out.
    """

    kind: Literal["heartbeat"] = "heartbeat"
    node_id: str
    name: str
    hostname: str
    port: int
    version: str
    started_at: datetime
    cpu_percent: float
    queue: str  # the queues it serves, as its settings spell them
    lease_seconds: float
    leaving: bool = False
    tasks: list[TaskRef] = []
    phases: dict[str, str] = {}
    unknown_nodes: list[str] = []  # workers whose leftovers it has found
    availability: Availability = "active"  # as it was last told
    node: NodeDescription | None = None  # of a worker before: nothing can be placed on it
    held_until: datetime | None = None  # it takes nothing new: it is on hold after failures
    hold_reason: str | None = None


class Change(_Part):
    """One change of a job (`task_id` None) or of a task: a new state, or (`is_progress`) only
    progress.

    `version` orders the changes of one job; (`job_id`, `version`) is unique and the same each time
    the change is sent. A task `begins_run` of its job when nothing has run yet since the job was
    made or restarted. What comes after `is_progress` is told of tasks, to webhooks only.
    """

    job_id: str
    version: int
    state: str
    at: datetime
    position: int = 0
    progress: float = 0.0
    result: str | None = None
    error: str | None = None
    task_id: str | None = None
    task_name: str | None = None
    parent_id: str | None = None
    attempt: int = 0
    node_id: str | None = None
    size: int | None = None  # how many children the task has
    begins_run: bool = False
    is_progress: bool = False
    description: str | None = None
    tags: list[str] = []
    var: str | None = None
    created_at: datetime | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None


class PlacementDue(_Message):
    """To `placement`: an execution waits for a node, or room has come free."""

    kind: Literal["placement_due"] = "placement_due"


class WebhooksDue(_Message):
    """To the `events` exchange: jobs with webhooks have changed. The changes are in Postgres."""

    kind: Literal["webhooks_due"] = "webhooks_due"


Message = Annotated[
    RunTask | Reports | SubJobSignals | Orders | Telemetry | Heartbeat | WebhooksDue | PlacementDue,
    Field(discriminator="kind"),
]
