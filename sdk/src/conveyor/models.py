"""What the API takes (`…Spec`, `…Request`) and answers. Drawn by `make sdk`: edit nothing here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from conveyor.model import Answer, Body


class Artifact(Body):
    """A file or a directory that is kept when the task has ended, for later tasks and to be
    downloaded."""

    name: str
    """How `sources` of later tasks, the API and `conveyor download` call it: a letter, then
    letters, digits, `_` and `-`. May hold expressions."""
    path: str
    """Where the task leaves it: absolute in a container, or below the working directory. May
    hold expressions. What is not there fails the task."""
    when: Literal["success", "always"] | None = None
    """`always`: also when the task fails, as far as it is there. Default: `success`."""


class ArtifactPage(Answer):
    """A page of what a job has kept."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    total_pages: int
    """How many pages there are."""
    items: list[KeptArtifact]
    """In the order of the tasks."""
    total_items: int
    """How many items there are on all pages."""


class ArtifactView(Answer):
    name: str | None = None
    """How others call it."""
    path: str | None = None
    """Where the task leaves it."""
    when: str | None = None
    """`always`: also when the task fails."""
    chunks: bool | None = None
    """Whether it is a directory of chunks."""


class AssembleTask(Body):
    """It reads what the tasks have left in `$TASK_RESULTS_DIR`, a directory for each chunk by
    its index, beside `manifest.json`, which says how each has ended, and writes files into
    the directory `$OUTPUT_DIR`. Built-in are `passthrough`, `zip`, `concat` and `jsonMerge`."""

    description: str | None = None
    """For people."""
    tags: list[str] | None = None
    """For people."""
    image: str | None = None
    """The container image, with its tag; may hold expressions. Without it the task runs only on
    workers with the shell runtime."""
    registry: Registry | None = None
    """The login for the image, if it is private."""
    cmd: list[str] | None = None
    """The command's arguments; they may hold expressions. Default: the image's."""
    entrypoint: list[str] | None = None
    """The program and its first arguments. Default: the image's, or `sh -c` with `run`."""
    run: str | None = None
    """A shell script. Not evaluated: pass values in by `env`."""
    env: dict[str, str | None] | None = None
    """Environment variables by name; values may hold expressions."""
    files: dict[str, str | None] | None = None
    """Texts by path, written below the working directory before the task starts."""
    workdir: str | None = None
    """The directory the task starts in: an absolute path in a container."""
    queue: str | None = None
    """Which workers get the task; may hold expressions. Default: the job's, then `default`."""
    var: str | None = None
    """Later expressions read the result as `tasks.` and this name; of an `each` or a `parallel`
    the list of its children's results. May hold expressions."""
    if_: str | None = None
    """The task is skipped when this gives false. Default: it runs."""
    retry: Retry | None = None
    """Default: the job's `defaults`; without one, no second try. A `service` and a `daemon` are
    by default restarted for ever, after 1s at first and at most 5m."""
    limits: Limits | None = None
    """Default: the job's `defaults`, then the worker's settings."""
    timeout: str | None = None
    """How long one attempt may run. Default: the job's, then the worker's setting; of a
    `service` and a `daemon` any time."""
    grace_period: str | None = None
    """How long it may take to end, after the stop signal, when it is cancelled or timed out,
    before it is killed. At most 1h; `0s` kills at once. Default: 10s."""
    stop_signal: str | None = None
    """What asks it to end, such as SIGINT. Default: the image's STOPSIGNAL, else SIGTERM."""
    queue_timeout: str | None = None
    """How long it, or an execution of it, may wait for a worker before it fails. Default: as
    long as it takes."""
    success_codes: Literal["any"] | list[int] | None = None
    """The exit codes it succeeds with, or `any`. Default: 0."""
    priority: int | None = None
    """Higher goes first within a queue. 0, the default, takes the job's default."""
    allow_failure: bool | None = None
    """When it fails, what follows goes on as if it had completed. Default: false."""
    reuse: bool | None = None
    """It does not run where a task of yours has done the same work: it completes at once, with
    the result and the artifacts of that one. Default: `reuse.tasks` of the job, else false."""
    pre: list[AuxTask] | None = None
    """Run one after the other before the task; the failure of one fails the task."""
    post: list[AuxTask] | None = None
    """Run one after the other after the task; the failure of one fails the task."""
    sidecars: list[Sidecar] | None = None
    """Run beside the task."""
    mounts: list[Mount] | None = None
    """Storage in the task's container."""
    sources: list[Source] | None = None
    """Files that are brought to the task before it starts."""
    artifacts: list[Artifact] | None = None
    """Files that are kept when it has ended, for later tasks and to be downloaded."""
    publish: list[Publication] | None = None
    """Where its artifacts go besides."""
    large_result: str | None = None
    """A result of more than 1 MiB is kept as the artifact of this name, and the result tells so
    in JSON. Default: it fails the task. May hold expressions."""
    networks: list[str] | None = None
    """Names of the container engine's networks."""
    network: Network | None = None
    """What it reaches, and where it is reached. Default: as the worker is set."""
    gpus: str | None = None
    """Which graphics processors, as in `docker run --gpus`: `all`, `2`, `device=0`."""
    privileged: bool | None = None
    """With all rights on the worker's machine; a worker whose operator doesn't allow it refuses.
    Default: false."""
    wasm: Wasm | None = None
    """A WebAssembly module that is run instead of an image."""
    placement: Placement | None = None
    """On which nodes it runs, how many times. Default: once, on a worker that serves its queue."""
    parallel: Parallel | None = None
    """These tasks at once, done when all are. A submission may be nested 200 mappings and lists
    deep, so tasks may stand in one another some 65 deep."""
    each: Each | None = None
    """A task for every item of a list."""
    spawn: Spawn | None = None
    """A task that makes further ones of its kind while it runs."""
    subjob: Subjob | None = None
    """A job of its own; its result becomes the task's."""
    partition: Partitioned | None = None
    """What splits its sources into chunks, a task for every chunk, and what assembles the
    results. What this leaves is the artifact `output` of the task."""
    builtin: str | None = None
    """A program that comes with the worker and needs no image."""
    params: dict[str, Any] | None = None
    """Of the built-in. Texts may hold expressions."""
    layout: Literal["byIndex", "flat"] | None = None
    """`flat`: all results are in one directory; of files with the same name, all but the first
    get the index of their chunk before it. Default: `byIndex`."""


class AssembleView(Answer):
    name: str | None = None
    """For people."""
    description: str | None = None
    """For people."""
    image: str | None = None
    """The container image."""
    registry: RegistryView | None = None
    """The login for the image."""
    cmd: list[str] | None = None
    """The command's arguments."""
    entrypoint: list[str] | None = None
    """The program and its first arguments."""
    run: str | None = None
    """The shell script."""
    env: dict[str, str] | None = None
    """The environment; values under secret-sounding names show as `[REDACTED]`."""
    files: dict[str, str] | None = None
    """Texts by path, below the working directory."""
    timeout: str | None = None
    """How long one attempt may run, such as `1h30m`."""
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
    state: (
        Literal[
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
        | str
        | None
    ) = None
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
    phase: Literal["pull", "fetch", "pre", "run", "post", "keep"] | str | None = None
    """While it runs: the phase that it was in at the last heartbeat of its worker."""
    timings: list[PhaseTiming] | None = None
    """The phases of an attempt that has ended, in order. It was in its queue from `scheduledAt`
    to `startedAt`; before that it waited for its turn, or for its retry."""
    usage: UsageView | None = None
    """What the attempt held of its worker, once it has ended."""
    retry: RetryView | None = None
    """How it is tried again after a failure."""
    limits: LimitsView | None = None
    """The most it may take."""
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
    params: dict[str, Any] | None = None
    """What that is told; where its name sounds like a secret, a value is hidden."""
    placement: PlacementView | None = None
    """On which nodes it runs, how many times."""
    execution: ExecutionView | None = None
    """Which execution of its parent it is."""
    parallel: ParallelView | None = None
    """The tasks it is made of."""
    each: EachView | None = None
    """The list and the task it makes of every item."""
    spawn: SpawnView | None = None
    """The task that makes further ones."""
    subjob: SubjobView | None = None
    """The job it stands for."""
    partition: PartitionedView | None = None
    """The stages of which a job is made that it stands for."""
    layout: Literal["byIndex", "flat"] | str | None = None
    """How it finds what the chunks have left."""


class AutoDelete(Body):
    """The job is deleted that long after it completed."""

    after: str
    """Counts from completion; failed and cancelled jobs stay."""


class AutoDeleteView(Answer):
    after: str
    """How long after completion, such as `24h`."""


class AuxTask(Body):
    """A task that belongs to another and shares its worker, mounts, networks and limits."""

    name: str | None = None
    """For people; may hold expressions."""
    description: str | None = None
    """For people."""
    image: str | None = None
    """The container image, with its tag; may hold expressions. Default: that of the task."""
    registry: Registry | None = None
    """The login for the image, if it is private. Default: that of the task, with its image."""
    cmd: list[str] | None = None
    """The command's arguments; they may hold expressions. Default: the image's."""
    entrypoint: list[str] | None = None
    """The program and its first arguments. Default: the image's, or `sh -c` with `run`."""
    run: str | None = None
    """A shell script. Not evaluated: pass values in by `env`."""
    env: dict[str, str | None] | None = None
    """Environment variables by name; values may hold expressions."""
    files: dict[str, str | None] | None = None
    """Texts by path, written below the working directory before it starts."""
    timeout: str | None = None
    """How long it may run. Default: as long as the task."""


class AuxTaskView(Answer):
    name: str | None = None
    """For people."""
    description: str | None = None
    """For people."""
    image: str | None = None
    """The container image."""
    registry: RegistryView | None = None
    """The login for the image."""
    cmd: list[str] | None = None
    """The command's arguments."""
    entrypoint: list[str] | None = None
    """The program and its first arguments."""
    run: str | None = None
    """The shell script."""
    env: dict[str, str] | None = None
    """The environment; values under secret-sounding names show as `[REDACTED]`."""
    files: dict[str, str] | None = None
    """Texts by path, below the working directory."""
    timeout: str | None = None
    """How long it may run."""


class BackfillAnswer(Answer):
    """What became of the times of a range."""

    created: int
    """How many jobs were created."""
    held: int
    """How many times wait for their turn."""
    existing: int
    """How many had their job before, or wait already."""
    firings: list[BackfilledFiring]
    """Each time, in order."""
    dry_run: bool | None = None
    """Whether nothing was created, but would be."""


class BackfillRange(Body):
    """Which times of a scheduled job are made up for."""

    from_: str
    """The first moment: a time at it counts."""
    to: str | None = None
    """The last moment, not in the future: a time at it counts. Default: now."""
    overlap: Literal["allow", "bufferAll"] | None = None
    """Whether all jobs are created at once, or each when the one before it is final. Default:
    `allow` where that is the `overlap` of the schedule, else `bufferAll`."""
    dry_run: bool | None = None
    """Only show what would be created. Default: false."""


class BackfilledFiring(Answer):
    """What became of a time, or would."""

    scheduled_at: datetime
    """The time."""
    job_id: str
    """Its job."""
    state: Literal["FIRED", "HELD", "EXISTS"] | str
    """Created now, to be created when the one before it is final, or created before."""


class BrokenRule(Answer):
    """One thing that is wrong with a submission."""

    field: str
    """Which field, such as `tasks[0].retry.limit`; empty: the body as a whole."""
    rule: str
    """The rule that it breaks."""
    value: str | None = None
    """What stands there, shortened; left out where it may be secret."""
    line: int | None = None
    """Where it stands in the body, counted from 1."""
    column: int | None = None
    """The same within the line, in characters."""


class Cancel(Body):
    """Why a job is cancelled."""

    reason: str | None = None
    """For people: shown with the job."""
    cascade: Literal[True] | None = None
    """Jobs that its tasks have started and wait for are always cancelled with it."""
    submission_id: str | None = None
    """Takes back this submission of a job with `reuse`: the job is cancelled if no other one is
    left. Default: the job is cancelled for all of them."""


class CatchUp(Body):
    """What is made up for of the times missed while no scheduler ran."""

    policy: Literal["none", "one", "all"]
    """Nothing, the latest, or each."""
    window: str | None = None
    """What was missed longer ago is not made up for. Default: any time ago."""
    limit: int | None = None
    """With `all`, the most of them: the latest. Default: 100."""


class ChildCounts(Answer):
    """How far the children of a task are."""

    size: int
    """How many there are."""
    completions: int
    """How many have ended."""
    failures: int | None = None
    """How many of those have failed."""
    running: int | None = None
    """While it runs: about how many of them do."""
    waiting: int | None = None
    """While it runs: about how many of them wait for a worker or for their turn."""


class ChunkTask(Body):
    """It reads the chunk in `$TASK_DIR/data.bin`, and `$TASK_DIR/chunk.json` where chunks are
    described, and leaves files in the directory `$TASK_RESULTS_DIR`. `$CHUNK_INDEX` counts
    from 0 to below `$CHUNK_COUNT`; expressions read `item.index` and `item.count`."""

    description: str | None = None
    """For people."""
    tags: list[str] | None = None
    """For people."""
    image: str | None = None
    """The container image, with its tag; may hold expressions. Without it the task runs only on
    workers with the shell runtime."""
    registry: Registry | None = None
    """The login for the image, if it is private."""
    cmd: list[str] | None = None
    """The command's arguments; they may hold expressions. Default: the image's."""
    entrypoint: list[str] | None = None
    """The program and its first arguments. Default: the image's, or `sh -c` with `run`."""
    run: str | None = None
    """A shell script. Not evaluated: pass values in by `env`."""
    env: dict[str, str | None] | None = None
    """Environment variables by name; values may hold expressions."""
    files: dict[str, str | None] | None = None
    """Texts by path, written below the working directory before the task starts."""
    workdir: str | None = None
    """The directory the task starts in: an absolute path in a container."""
    queue: str | None = None
    """Which workers get the task; may hold expressions. Default: the job's, then `default`."""
    var: str | None = None
    """Later expressions read the result as `tasks.` and this name; of an `each` or a `parallel`
    the list of its children's results. May hold expressions."""
    if_: str | None = None
    """The task is skipped when this gives false. Default: it runs."""
    retry: Retry | None = None
    """Default: the job's `defaults`; without one, no second try. A `service` and a `daemon` are
    by default restarted for ever, after 1s at first and at most 5m."""
    limits: Limits | None = None
    """Default: the job's `defaults`, then the worker's settings."""
    timeout: str | None = None
    """How long one attempt may run. Default: the job's, then the worker's setting; of a
    `service` and a `daemon` any time."""
    grace_period: str | None = None
    """How long it may take to end, after the stop signal, when it is cancelled or timed out,
    before it is killed. At most 1h; `0s` kills at once. Default: 10s."""
    stop_signal: str | None = None
    """What asks it to end, such as SIGINT. Default: the image's STOPSIGNAL, else SIGTERM."""
    queue_timeout: str | None = None
    """How long it, or an execution of it, may wait for a worker before it fails. Default: as
    long as it takes."""
    success_codes: Literal["any"] | list[int] | None = None
    """The exit codes it succeeds with, or `any`. Default: 0."""
    priority: int | None = None
    """Higher goes first within a queue. 0, the default, takes the job's default."""
    allow_failure: bool | None = None
    """When it fails, what follows goes on as if it had completed. Default: false."""
    reuse: bool | None = None
    """It does not run where a task of yours has done the same work: it completes at once, with
    the result and the artifacts of that one. Default: `reuse.tasks` of the job, else false."""
    pre: list[AuxTask] | None = None
    """Run one after the other before the task; the failure of one fails the task."""
    post: list[AuxTask] | None = None
    """Run one after the other after the task; the failure of one fails the task."""
    sidecars: list[Sidecar] | None = None
    """Run beside the task."""
    mounts: list[Mount] | None = None
    """Storage in the task's container."""
    sources: list[Source] | None = None
    """Files that are brought to the task before it starts."""
    artifacts: list[Artifact] | None = None
    """Files that are kept when it has ended, for later tasks and to be downloaded."""
    publish: list[Publication] | None = None
    """Where its artifacts go besides."""
    large_result: str | None = None
    """A result of more than 1 MiB is kept as the artifact of this name, and the result tells so
    in JSON. Default: it fails the task. May hold expressions."""
    networks: list[str] | None = None
    """Names of the container engine's networks."""
    network: Network | None = None
    """What it reaches, and where it is reached. Default: as the worker is set."""
    gpus: str | None = None
    """Which graphics processors, as in `docker run --gpus`: `all`, `2`, `device=0`."""
    privileged: bool | None = None
    """With all rights on the worker's machine; a worker whose operator doesn't allow it refuses.
    Default: false."""
    wasm: Wasm | None = None
    """A WebAssembly module that is run instead of an image."""
    placement: Placement | None = None
    """On which nodes it runs, how many times. Default: once, on a worker that serves its queue."""
    parallel: Parallel | None = None
    """These tasks at once, done when all are. A submission may be nested 200 mappings and lists
    deep, so tasks may stand in one another some 65 deep."""
    each: Each | None = None
    """A task for every item of a list."""
    spawn: Spawn | None = None
    """A task that makes further ones of its kind while it runs."""
    subjob: Subjob | None = None
    """A job of its own; its result becomes the task's."""
    partition: Partitioned | None = None
    """What splits its sources into chunks, a task for every chunk, and what assembles the
    results. What this leaves is the artifact `output` of the task."""
    name: str | None = None
    """For people; may hold expressions."""


class Constraint(Body):
    """What a label of the node must be. A text stands for one, too: `region = eu`, `region !=
    eu`, `zone in (a, b)`, `zone notin (a, b)`, `cores > 4`, `cores < 4`, `gpu exists`,
    `!gpu`."""

    key: str
    """The name of the label."""
    operator: Literal["=", "==", "!=", "in", "notin", "exists", "!", "gt", "lt"]
    """`=` or `==` and `!=` compare with one value, `in` and `notin` with any of `values`;
    `exists` and `!` (it does not) have no values; `gt` and `lt` compare whole numbers. `!=`
    and `notin` also match where there is no such label."""
    values: list[str | int | float] | None = None
    """What it is compared with; may hold expressions."""


class ConstraintView(Answer):
    key: str | None = None
    """The name of a label of nodes."""
    operator: str | None = None
    """`=`, `==`, `!=`, `in`, `notin`, `exists`, `!`, `gt` or `lt`."""
    values: list[str] | None = None
    """What it is compared with."""


class Context(Answer):
    """What expressions can read. Secrets show their names alone."""

    job: dict[str, str] | None = None
    """`id` and `name`."""
    inputs: dict[str, Any] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    secrets: dict[str, str] | None = None
    """Each name with `[REDACTED]`."""
    tasks: dict[str, str] | None = None
    """The results of tasks that have a `var`, by its name, unless they are longer than 16 kB."""


class DeadLetter(Answer):
    """A message that could not be processed."""

    id: str
    """The same as long as it lies there."""
    size: int
    """Of its body, in bytes."""
    queue: str | None = None
    """The queue it came from; left out when it did not come from Conveyor."""
    reason: str | None = None
    """Why it could not be processed."""
    kind: str | None = None
    """The kind it names; left out when it can't be read at all."""
    job_id: str | None = None
    """The job that it speaks of, the first of several; it may be gone."""
    task_id: str | None = None
    """The task that it speaks of, the first of several."""
    message_id: str | None = None
    """The id it was sent with, which log lines name."""
    at: datetime | None = None
    """When it became a dead letter."""


class DeadLetterPage(Answer):
    """Of more than 500 only the oldest 500 are shown."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    total_pages: int
    """How many pages there are."""
    items: list[DeadLetter]
    """Newest first."""
    total_items: int
    """How many items there are on all pages."""


class Defaults(Body):
    """For every task that doesn't set its own."""

    retry: Retry | None = None
    """Taken as a whole by a task without `retry`."""
    limits: Limits | None = None
    """Taken as a whole by a task without `limits`."""
    timeout: str | None = None
    """How long one attempt may run. Default: the worker's setting."""
    queue: str | None = None
    """Which workers get the tasks; may hold expressions. Default: `default`."""
    priority: int | None = None
    """Higher goes first within a queue. Default: 0."""


class DefaultsView(Answer):
    retry: RetryView | None = None
    """For tasks without `retry`."""
    limits: LimitsView | None = None
    """For tasks without `limits`."""
    timeout: str | None = None
    """How long one attempt may run, such as `1h30m`."""
    queue: str | None = None
    """Which workers get the tasks."""
    priority: int | None = None
    """0 to 9, higher first."""


class Deletion(Answer):
    """What a search has deleted."""

    deleted: int
    """How many jobs are deleted, at most 1,000; their sub-jobs are not counted."""
    remaining: int
    """How many more can be deleted: repeat the request. Exact up to 10,000."""


class Delivery(Answer):
    """One event for one webhook: it is sent until the receiver accepts it."""

    id: str
    """The `webhook-id` of each request."""
    url: str
    """Where it is posted: path and query show as `[REDACTED]`. Empty where an expression gives
    no URL that can be called: see `lastError`."""
    sequence: int
    """Grows with each change of the job."""
    state: Literal["PENDING", "DELIVERED", "FAILED"] | str
    """`FAILED` when it was given up."""
    attempt_count: int
    """How many requests were made, or begun."""
    created_at: datetime
    """When it was found to be owed."""
    job_id: str | None = None
    """The job that changed; left out for other events."""
    webhook: int | None = None
    """Which of the job's `webhooks`, counted from 0."""
    endpoint_id: str | None = None
    """The webhook endpoint, if it isn't a webhook of the job."""
    event: str | None = None
    """What happened."""
    last_attempt_at: datetime | None = None
    """When the last request began."""
    last_status: int | None = None
    """The status of the last response; left out when there was none."""
    last_error: str | None = None
    """Why the last request failed."""
    next_attempt_at: datetime | None = None
    """When it is sent again; while a request is under way, when its result would be overdue."""
    ended_at: datetime | None = None
    """When it was delivered or given up."""


class DeliveryAttempt(Answer):
    """One request and what came of it."""

    number: int
    """Counted from 1; it goes on when the delivery is resent."""
    at: datetime
    """When it began."""
    duration_ms: float
    """How long it took."""
    status: int | None = None
    """The status of the response; left out when there was none."""
    error: str | None = None
    """Why it failed; left out for a success."""
    answer: str | None = None
    """The first 16 KB of the response's body, without the secrets that the request contained."""
    request_headers: dict[str, str] | None = None
    """The headers of the request. Values that were asked for and the signature show as
    `[REDACTED]`."""
    answer_headers: dict[str, str] | None = None
    """The first 50 headers of the response, up to 8 KB, without the secrets that the request
    contained; cookies and credentials show as `[REDACTED]`."""


class DeliveryDetails(Answer):
    """A delivery with its body and its attempts."""

    id: str
    """The `webhook-id` of each request."""
    url: str
    """Where it is posted: path and query show as `[REDACTED]`. Empty where an expression gives
    no URL that can be called: see `lastError`."""
    sequence: int
    """Grows with each change of the job."""
    state: Literal["PENDING", "DELIVERED", "FAILED"] | str
    """`FAILED` when it was given up."""
    attempt_count: int
    """How many requests were made, or begun."""
    created_at: datetime
    """When it was found to be owed."""
    attempts: list[DeliveryAttempt]
    """Newest first, 1,000 at most."""
    job_id: str | None = None
    """The job that changed; left out for other events."""
    webhook: int | None = None
    """Which of the job's `webhooks`, counted from 0."""
    endpoint_id: str | None = None
    """The webhook endpoint, if it isn't a webhook of the job."""
    event: str | None = None
    """What happened."""
    last_attempt_at: datetime | None = None
    """When the last request began."""
    last_status: int | None = None
    """The status of the last response; left out when there was none."""
    last_error: str | None = None
    """Why the last request failed."""
    next_attempt_at: datetime | None = None
    """When it is sent again; while a request is under way, when its result would be overdue."""
    ended_at: datetime | None = None
    """When it was delivered or given up."""
    request_body: str | None = None
    """What is posted; left out when it is longer than 256 KB."""


class DeliveryPage(Answer):
    """A page of deliveries. The list ends after 10,000."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    total_pages: int
    """How many pages there are."""
    items: list[Delivery]
    """Newest first."""
    total_items: int
    """How many items there are on all pages."""


class DryRun(Answer):
    """What a submission would create. Nothing is stored."""

    dry_run: Literal[True] | str
    """The submission was only checked."""
    name: str
    """Of the job."""
    task_count: int
    """How many tasks it has."""
    description: str | None = None
    """As submitted."""
    tags: list[str] | None = None
    """As submitted."""
    inputs: dict[str, Any] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    next_at: datetime | None = None
    """When a scheduled job would create its first job."""
    warnings: list[JobWarning] | None = None
    """What of it works, but was hardly meant."""


class Each(Body):
    """One task for every item of a list."""

    list_: str | list[Any]
    """An expression that gives a list, or a list of any JSON values, which are not evaluated."""
    task: TaskEntry
    """Its expressions read `item.index`, a text from "0", and `item.value`."""
    min_success: int | str | None = None
    """How many must complete, or which share: `80%`. Default: all."""
    max_failed: int | str | None = None
    """How many may fail, or which share: `5%`, instead of `minSuccess`. Default: none."""
    on_failure: Literal["stop", "finish"] | None = None
    """When too many have failed, the others are cancelled (`stop`), or run to their end before
    the task fails (`finish`). Default: `stop`."""
    var: str | None = None
    """What `item` is called instead."""
    concurrency: int | None = None
    """How many may run at a time. Default: 0, any number."""


class EachView(Answer):
    task: Task
    """Made for every item."""
    list_: str | list[Any] | None = None
    """The expression that gives the list, or the list."""
    chunks: str | None = None
    """The artifact whose chunks it runs for, instead of a list."""
    var: str | None = None
    """What an item is called in expressions; without it `item`."""
    concurrency: int | None = None
    """How many may run at a time; 0 is any number."""
    min_success: int | str | None = None
    """How many must complete, or which share."""
    max_failed: int | str | None = None
    """How many may fail, or which share, instead."""
    on_failure: Literal["finish"] | str | None = None
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


class EndedSessions(Answer):
    """How many sessions were ended."""

    ended: int
    """Their number."""


class Endpoint(Answer):
    """A URL that is told of all jobs that its creator can read."""

    id: str
    """Given when it was created."""
    url: str
    """Where events are posted: path and query show as `[REDACTED]`."""
    events: list[
        Literal[
            "job.StateChange",
            "job.Progress",
            "job.PhaseChange",
            "task.StateChange",
            "task.Progress",
            "schedule.Fired",
            "schedule.Skipped",
            "endpoint.Failing",
            "endpoint.Disabled",
        ]
    ]
    """Which events."""
    format: Literal["tork", "standard"] | str
    """The body: as that of a job's webhook, or `{type, timestamp, data}`."""
    payload: Literal["full", "thin"] | str
    """`thin`: ids and states only."""
    ordered: bool
    """Whether there is one request at a time for each job."""
    disabled: bool
    """Whether nothing is sent."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it was last changed."""
    description: str | None = None
    """What it is for."""
    filter: str | None = None
    """An event is sent only when this expression gives true."""
    tags: list[str] | None = None
    """Events of jobs and schedules are sent only if they have one of these tags."""
    headers: dict[str, str] | None = None
    """Sent with each request; all values show as `[REDACTED]`."""
    rate_per_second: float | None = None
    """Maximum average number of requests per second."""
    retry_on: list[int] | None = None
    """Statuses that are repeated, beside those that always are."""
    disabled_at: datetime | None = None
    """Since when it is disabled."""
    disabled_reason: str | None = None
    """Why it is disabled."""
    failing_since: datetime | None = None
    """The first failed request that no successful one followed."""
    last_delivery: LastDelivery | None = None
    """The newest; left out while there is none."""
    previous_secret_ends_at: datetime | None = None
    """Until when requests are signed with the secret before the present one, too."""
    created_by: UserView | None = None
    """Who created it, and whose jobs it is told of; without authentication the guest."""


class EndpointChanges(Body):
    """A JSON merge patch: fields that are left out stay as they are, null resets a field."""

    description: str | None = None
    """What it is for."""
    filter: str | None = None
    """An event is sent only when this gives true. It can use `event` (the name), and `job`,
    `task`, `schedule` and `endpoint` as far as `events` are about them; what one event does
    not have reads as empty. Secrets are redacted before. Default: always."""
    tags: list[str] | None = None
    """Events of jobs and schedules are sent only if they have one of these tags. Default: all."""
    headers: dict[str, str | None] | None = None
    """Sent with each request as they are. They are stored encrypted and never shown."""
    format: Literal["tork", "standard"] | None = None
    """The body: as that of a job's webhook, or `{type, timestamp, data}`. Default: `standard`."""
    payload: Literal["full", "thin"] | None = None
    """`thin`: ids and states only. Default: `full`."""
    rate_per_second: float | None = None
    """Maximum average number of requests per second. Default: unlimited."""
    retry_on: list[int] | None = None
    """Statuses that are repeated, beside those that always are."""
    ordered: bool | None = None
    """One request at a time for each job, in the order of its changes. Default: false."""
    disabled: bool | None = None
    """Whether nothing is sent. Default: false."""
    url: str | None = None
    """As at creation. Requests that are repeated go to the new URL."""
    events: (
        list[
            Literal[
                "job.StateChange",
                "job.Progress",
                "job.PhaseChange",
                "task.StateChange",
                "task.Progress",
                "schedule.Fired",
                "schedule.Skipped",
                "endpoint.Failing",
                "endpoint.Disabled",
            ]
        ]
        | None
    ) = None
    """As at creation."""


class EndpointPage(Answer):
    """A page of the list of webhook endpoints."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    total_pages: int
    """How many pages there are."""
    items: list[Endpoint]
    """Newest first."""
    total_items: int
    """How many items there are on all pages."""


class EndpointSpec(Body):
    """A URL that is told of the changes of all jobs that its creator can read."""

    url: str
    """Where each event is posted, as JSON. It is stored encrypted; answers show scheme and host."""
    events: list[
        Literal[
            "job.StateChange",
            "job.Progress",
            "job.PhaseChange",
            "task.StateChange",
            "task.Progress",
            "schedule.Fired",
            "schedule.Skipped",
            "endpoint.Failing",
            "endpoint.Disabled",
        ]
    ]
    """Which events."""
    description: str | None = None
    """What it is for."""
    filter: str | None = None
    """An event is sent only when this gives true. It can use `event` (the name), and `job`,
    `task`, `schedule` and `endpoint` as far as `events` are about them; what one event does
    not have reads as empty. Secrets are redacted before. Default: always."""
    tags: list[str] | None = None
    """Events of jobs and schedules are sent only if they have one of these tags. Default: all."""
    headers: dict[str, str | None] | None = None
    """Sent with each request as they are. They are stored encrypted and never shown."""
    format: Literal["tork", "standard"] | None = None
    """The body: as that of a job's webhook, or `{type, timestamp, data}`. Default: `standard`."""
    payload: Literal["full", "thin"] | None = None
    """`thin`: ids and states only. Default: `full`."""
    rate_per_second: float | None = None
    """Maximum average number of requests per second. Default: unlimited."""
    retry_on: list[int] | None = None
    """Statuses that are repeated, beside those that always are."""
    ordered: bool | None = None
    """One request at a time for each job, in the order of its changes. Default: false."""
    disabled: bool | None = None
    """Whether nothing is sent. Default: false."""
    secret: str | None = None
    """Signs the requests: `whsec_` and the base64 of 24 to 64 random bytes. Default: a new one."""


class EndpointWithSecret(Answer):
    """An endpoint with its new secret. It is shown here and never again."""

    id: str
    """Given when it was created."""
    url: str
    """Where events are posted: path and query show as `[REDACTED]`."""
    events: list[
        Literal[
            "job.StateChange",
            "job.Progress",
            "job.PhaseChange",
            "task.StateChange",
            "task.Progress",
            "schedule.Fired",
            "schedule.Skipped",
            "endpoint.Failing",
            "endpoint.Disabled",
        ]
    ]
    """Which events."""
    format: Literal["tork", "standard"] | str
    """The body: as that of a job's webhook, or `{type, timestamp, data}`."""
    payload: Literal["full", "thin"] | str
    """`thin`: ids and states only."""
    ordered: bool
    """Whether there is one request at a time for each job."""
    disabled: bool
    """Whether nothing is sent."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it was last changed."""
    description: str | None = None
    """What it is for."""
    filter: str | None = None
    """An event is sent only when this expression gives true."""
    tags: list[str] | None = None
    """Events of jobs and schedules are sent only if they have one of these tags."""
    headers: dict[str, str] | None = None
    """Sent with each request; all values show as `[REDACTED]`."""
    rate_per_second: float | None = None
    """Maximum average number of requests per second."""
    retry_on: list[int] | None = None
    """Statuses that are repeated, beside those that always are."""
    disabled_at: datetime | None = None
    """Since when it is disabled."""
    disabled_reason: str | None = None
    """Why it is disabled."""
    failing_since: datetime | None = None
    """The first failed request that no successful one followed."""
    last_delivery: LastDelivery | None = None
    """The newest; left out while there is none."""
    previous_secret_ends_at: datetime | None = None
    """Until when requests are signed with the secret before the present one, too."""
    created_by: UserView | None = None
    """Who created it, and whose jobs it is told of; without authentication the guest."""
    secret: str | None = None
    """Signs the requests. It is left out when a creation is repeated with its `Idempotency-Key`."""


class Entry(Answer):
    """What is in a directory."""

    name: str
    """The last part of its path."""
    path: str
    """Below `/jobs/{id}/files/`."""
    kind: Literal["file", "directory", "symlink"] | str
    """`symlink` leads to `target`."""
    size: int | None = None
    """In bytes; of a directory, of all files in it."""
    sha256: str | None = None
    """Of a file, in hexadecimal."""
    files: int | None = None
    """How many are in a directory."""
    target: str | None = None
    """What a symbolic link leads to."""


class EntryPage(Answer):
    """A page of what is in a directory."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    total_pages: int
    """How many pages there are."""
    items: list[Entry]
    """In the order of the archive."""
    total_items: int
    """How many items there are on all pages."""


class Error(Answer):
    """What went wrong, in a sentence."""

    message: str
    """For people; its wording may change."""
    errors: list[BrokenRule] | None = None
    """The first hundred rules that a submission breaks, one by one."""


class Example(Answer):
    """A job file that can be submitted."""

    name: str
    """As in its address."""
    description: str
    """What it shows."""
    scheduled: bool | None = None
    """It has a `schedule`, and is submitted to `POST /scheduled-jobs`."""


class ExecutionView(Answer):
    type: Literal["batch", "ops", "daemon", "service"] | str | None = None
    """The type of its placement."""
    index: int | None = None
    """Which of the executions it is, from 0."""
    count: int | None = None
    """How many there are."""


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


class Health(Answer):
    """Whether what the service stands on is there."""

    status: Literal["UP", "DOWN"] | str
    """`DOWN` when something is missing."""
    version: str
    """Of Conveyor."""
    missing: list[str] | None = None
    """What is not there, each in words."""


class Job(Answer):
    """The whole job: `tasks` as submitted, `execution` as they ran, all attempts."""

    id: str
    """Given when the job was accepted."""
    name: str
    """As submitted."""
    state: Literal["PENDING", "SCHEDULED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"] | str
    """`COMPLETED`, `FAILED` and `CANCELLED` are final; a restart leads back from the last two."""
    created_at: datetime
    """When it was accepted."""
    position: int
    """The task it has come to, counted from 1; 0 before the first, `taskCount` + 1 once all are
    COMPLETED."""
    task_count: int
    """How many tasks it has."""
    tasks: list[Task]
    """As submitted."""
    execution: list[Task]
    """Every attempt at every task that was reached."""
    context: Context
    """What its expressions can read."""
    parent_id: str | None = None
    """The task of another job that started this one."""
    description: str | None = None
    """As submitted."""
    tags: list[str] | None = None
    """As submitted."""
    inputs: dict[str, Any] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    phase: Phase | None = None
    """Of a job of ByteNite, and of the job of a task with a `partition`: the state that
    ByteNite's API tells."""
    created_by: UserView | None = None
    """Who submitted it; without authentication the guest."""
    schedule: ScheduleView | None = None
    """The scheduled job that made it."""
    template: TemplateView | None = None
    """The template that it was made of."""
    started_at: datetime | None = None
    """When its first task began to run; while it is SCHEDULED, when it was accepted."""
    completed_at: datetime | None = None
    """When it was done."""
    failed_at: datetime | None = None
    """When it failed."""
    cancelled_at: datetime | None = None
    """When it was cancelled."""
    cancelled_by: UserView | None = None
    """Who cancelled it; left out where it was no user: a schedule, the end of what waited for
    it, or whoever asks where authentication is off."""
    cancelled_by_client: str | None = None
    """The program it was cancelled with, as that calls itself."""
    cancel_reason: str | None = None
    """Why it was cancelled, in the words of who did."""
    progress: float | None = None
    """Percent, 0 to 100; 0 is left out."""
    result: str | None = None
    """The value of its `output`."""
    error: str | None = None
    """Why it failed."""
    running: bool | None = None
    """Whether it is RUNNING; left out if not."""
    success: bool | None = None
    """Whether it is COMPLETED; left out until it has ended."""
    ended_at: datetime | None = None
    """When it was done, failed or was cancelled."""
    waiting: Waiting | None = None
    """Why no worker runs any of it; in lists only with `q=waiting`."""
    access: Literal["view", "operate"] | str | None = None
    """Whether who asks may act on it, too."""
    run_started_at: datetime | None = None
    """When it began to run again after its last restart."""
    usage: UsageView | None = None
    """What its attempts that have ended have held of workers."""
    sub_jobs_usage: UsageView | None = None
    """The same of its sub-jobs and theirs, each of which is charged by itself. `GET /jobs/{id}`
    has it, and the details of a summary once the job has ended."""
    locked_by: UserView | None = None
    """Who has locked it: nobody else can change what it does."""
    locked_at: datetime | None = None
    """When it was locked."""
    lock_expires_at: datetime | None = None
    """When the lock expires unless it is renewed."""
    tasks_summary: TasksSummary | None = None
    """What has become of its tasks. `GET /jobs/{id}` has it, and the details of a summary."""
    priority: int | None = None
    """The priority of all its tasks, if it was changed after the job, or the one that waits for
    it, was submitted."""
    omitted: list[str] | None = None
    """In lists: `inputs` or `result` if it is longer than 8 kB and left out; `GET /jobs/{id}`
    shows it."""
    warnings: list[JobWarning] | None = None
    """In the answer to a submission: what was hardly meant."""
    reused: bool | None = None
    """In the answer to a submission: the job was there before, and does the same work."""
    submission_id: str | None = None
    """In the answer to a submission with `reuse`: its `submitId`, or else a new id. `PUT
    /jobs/{id}/cancel` takes it."""
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


class JobChanges(Body):
    """What is other when a job is run again; the rest is as it was submitted."""

    inputs: dict[str, Any] | None = None
    """Values by name; they replace inputs of the same name."""
    secrets: dict[str, str | None] | None = None
    """Texts by name; they replace secrets of the same name."""
    uploads: dict[str, str] | None = None
    """Ids of uploads by name; they replace uploads of the same name."""


class JobCounts(Answer):
    """How many jobs a search finds, by state."""

    states: dict[str, int]
    """Each state with its count."""
    most: int
    """Counts end here: one that is as high stands for so many jobs or more."""


class JobDifference(Answer):
    diff: str
    """In the unified form, of YAML; empty where nothing differs."""


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


class JobHeader(Answer):
    """A job with where it belongs and where it failed."""

    id: str
    """Given when the job was accepted."""
    name: str
    """As submitted."""
    state: Literal["PENDING", "SCHEDULED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"] | str
    """`COMPLETED`, `FAILED` and `CANCELLED` are final; a restart leads back from the last two."""
    created_at: datetime
    """When it was accepted."""
    position: int
    """The task it has come to, counted from 1; 0 before the first, `taskCount` + 1 once all are
    COMPLETED."""
    task_count: int
    """How many tasks it has."""
    parent_id: str | None = None
    """The task of another job that started this one."""
    description: str | None = None
    """As submitted."""
    tags: list[str] | None = None
    """As submitted."""
    inputs: dict[str, Any] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    phase: Phase | None = None
    """Of a job of ByteNite, and of the job of a task with a `partition`: the state that
    ByteNite's API tells."""
    created_by: UserView | None = None
    """Who submitted it; without authentication the guest."""
    schedule: ScheduleView | None = None
    """The scheduled job that made it."""
    template: TemplateView | None = None
    """The template that it was made of."""
    started_at: datetime | None = None
    """When its first task began to run; while it is SCHEDULED, when it was accepted."""
    completed_at: datetime | None = None
    """When it was done."""
    failed_at: datetime | None = None
    """When it failed."""
    cancelled_at: datetime | None = None
    """When it was cancelled."""
    cancelled_by: UserView | None = None
    """Who cancelled it; left out where it was no user: a schedule, the end of what waited for
    it, or whoever asks where authentication is off."""
    cancelled_by_client: str | None = None
    """The program it was cancelled with, as that calls itself."""
    cancel_reason: str | None = None
    """Why it was cancelled, in the words of who did."""
    progress: float | None = None
    """Percent, 0 to 100; 0 is left out."""
    result: str | None = None
    """The value of its `output`."""
    error: str | None = None
    """Why it failed."""
    running: bool | None = None
    """Whether it is RUNNING; left out if not."""
    success: bool | None = None
    """Whether it is COMPLETED; left out until it has ended."""
    ended_at: datetime | None = None
    """When it was done, failed or was cancelled."""
    waiting: Waiting | None = None
    """Why no worker runs any of it; in lists only with `q=waiting`."""
    access: Literal["view", "operate"] | str | None = None
    """Whether who asks may act on it, too."""
    run_started_at: datetime | None = None
    """When it began to run again after its last restart."""
    usage: UsageView | None = None
    """What its attempts that have ended have held of workers."""
    sub_jobs_usage: UsageView | None = None
    """The same of its sub-jobs and theirs, each of which is charged by itself. `GET /jobs/{id}`
    has it, and the details of a summary once the job has ended."""
    locked_by: UserView | None = None
    """Who has locked it: nobody else can change what it does."""
    locked_at: datetime | None = None
    """When it was locked."""
    lock_expires_at: datetime | None = None
    """When the lock expires unless it is renewed."""
    tasks_summary: TasksSummary | None = None
    """What has become of its tasks. `GET /jobs/{id}` has it, and the details of a summary."""
    priority: int | None = None
    """The priority of all its tasks, if it was changed after the job, or the one that waits for
    it, was submitted."""
    omitted: list[str] | None = None
    """In lists: `inputs` or `result` if it is longer than 8 kB and left out; `GET /jobs/{id}`
    shows it."""
    warnings: list[JobWarning] | None = None
    """In the answer to a submission: what was hardly meant."""
    reused: bool | None = None
    """In the answer to a submission: the job was there before, and does the same work."""
    submission_id: str | None = None
    """In the answer to a submission with `reuse`: its `submitId`, or else a new id. `PUT
    /jobs/{id}/cancel` takes it."""
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


class JobMetrics(Answer):
    running: int
    """How many jobs are running."""


class JobPage(Answer):
    """A page of the list of jobs."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    total_pages: int
    """How many pages there are."""
    items: list[JobSummary]
    """Newest first."""
    total_items: int
    """How many items there are on all pages."""
    next: str | None = None
    """What `after` takes for the jobs that follow; left out at the end of the list."""


class JobPlacement(Answer):
    """What of a job waits for a node, and why no node is taken for it."""

    waiting: list[WaitingExecutions]
    """Empty while nothing waits for a node."""


class JobReuse(Answer):
    """Whether submissions may be answered with the job, and those that were."""

    submissions: list[ReuseSubmission]
    """The last 20, newest first."""
    fingerprint: str | None = None
    """What jobs that do the same work have in common; left out of one submitted without `reuse`."""
    nondeterministic: list[str] | None = None
    """Why no submission is answered with it: `declared`, or functions that its expressions call."""
    banned_at: datetime | None = None
    """Since when no submission is answered with it."""
    banned_by: UserView | None = None
    """Who said so."""


class JobSpec(Body):
    """A job as a client submits it."""

    name: str
    """For people and for the search; expressions read it as `job.name`."""
    tasks: list[TaskEntry]
    """Run one after the other, unless they say what they need."""
    description: str | None = None
    """For people and for the search."""
    tags: list[str] | None = None
    """For the search: `tag:nightly`."""
    output: str | None = None
    """Evaluated when the last task is done; its value is the job's `result`."""
    defaults: Defaults | None = None
    """For the tasks that don't set their own."""
    auto_delete: AutoDelete | None = None
    """Default: the job stays as long as the server keeps jobs."""
    timeout: str | None = None
    """How long the job may take, from the start of its first task. Default: any time."""
    inputs: dict[str, Any] | None = None
    """Values for expressions, as `inputs.` and the name. A single value is a text, as it is
    spelled (`1.10` stays `1.10`); lists and mappings keep their JSON types."""
    secrets: dict[str, str | None] | None = None
    """Texts for expressions, as `secrets.` and the name; answers and logs never show them. No
    name may start with `conveyor.`."""
    stored_secrets: dict[str, str] | None = None
    """Ids of stored secrets, by the names that `secrets` has for them: a secret of the same name
    is replaced. An access key has its name with `_ACCESS_KEY`. Values are those at the
    submission."""
    uploads: dict[str, str] | None = None
    """Ids of files that were sent before, by the names that `sources` have for them."""
    budget: str | None = None
    """It fails once its tasks have cost so much, by the server's prices. Sub-jobs count for
    themselves. Default: no limit."""
    concurrency: int | None = None
    """How many of its tasks may be active at a time: in a queue, waiting for a node, or running.
    Those inside `each`, `parallel`, `spawn` and a placement count, those of sub-jobs do not.
    Default: 0, any number."""
    start_rate: str | None = None
    """How many of its tasks may start in any second (`10/s`), minute (`100/m`) or hour (`5/h`).
    Default: any number."""
    webhooks: list[Webhook] | None = None
    """Who is told about changes. Default: nobody."""
    permissions: list[Permission] | None = None
    """Who may see the job, or act on it too, beside its creator. Default: everybody, unless the
    server is set otherwise (`CONVEYOR_AUTH_DEFAULT_ACCESS`)."""
    wait: Wait | None = None
    """Default: the submission is answered at once, with the summary."""
    hold: bool | None = None
    """A draft: nothing of it begins before it is released. Default: it begins at once."""
    start_at: str | None = None
    """Nothing of it begins before this time, with its offset. Default: it begins at once."""
    deadline: str | None = None
    """It fails if it has not ended by this time, whatever it does. Default: never."""
    reuse: bool | Reuse | None = None
    """Whether a job that does the same work answers the submission instead of a new one: `true`,
    or which jobs will do. Default: every submission is a new job."""
    submit_id: str | None = None
    """The same as the header `Idempotency-Key`: submitted again with it, the job is not made
    again."""


class JobSummary(Answer):
    """A job as lists show it."""

    id: str
    """Given when the job was accepted."""
    name: str
    """As submitted."""
    state: Literal["PENDING", "SCHEDULED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"] | str
    """`COMPLETED`, `FAILED` and `CANCELLED` are final; a restart leads back from the last two."""
    created_at: datetime
    """When it was accepted."""
    position: int
    """The task it has come to, counted from 1; 0 before the first, `taskCount` + 1 once all are
    COMPLETED."""
    task_count: int
    """How many tasks it has."""
    parent_id: str | None = None
    """The task of another job that started this one."""
    description: str | None = None
    """As submitted."""
    tags: list[str] | None = None
    """As submitted."""
    inputs: dict[str, Any] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    phase: Phase | None = None
    """Of a job of ByteNite, and of the job of a task with a `partition`: the state that
    ByteNite's API tells."""
    created_by: UserView | None = None
    """Who submitted it; without authentication the guest."""
    schedule: ScheduleView | None = None
    """The scheduled job that made it."""
    template: TemplateView | None = None
    """The template that it was made of."""
    started_at: datetime | None = None
    """When its first task began to run; while it is SCHEDULED, when it was accepted."""
    completed_at: datetime | None = None
    """When it was done."""
    failed_at: datetime | None = None
    """When it failed."""
    cancelled_at: datetime | None = None
    """When it was cancelled."""
    cancelled_by: UserView | None = None
    """Who cancelled it; left out where it was no user: a schedule, the end of what waited for
    it, or whoever asks where authentication is off."""
    cancelled_by_client: str | None = None
    """The program it was cancelled with, as that calls itself."""
    cancel_reason: str | None = None
    """Why it was cancelled, in the words of who did."""
    progress: float | None = None
    """Percent, 0 to 100; 0 is left out."""
    result: str | None = None
    """The value of its `output`."""
    error: str | None = None
    """Why it failed."""
    running: bool | None = None
    """Whether it is RUNNING; left out if not."""
    success: bool | None = None
    """Whether it is COMPLETED; left out until it has ended."""
    ended_at: datetime | None = None
    """When it was done, failed or was cancelled."""
    waiting: Waiting | None = None
    """Why no worker runs any of it; in lists only with `q=waiting`."""
    access: Literal["view", "operate"] | str | None = None
    """Whether who asks may act on it, too."""
    run_started_at: datetime | None = None
    """When it began to run again after its last restart."""
    usage: UsageView | None = None
    """What its attempts that have ended have held of workers."""
    sub_jobs_usage: UsageView | None = None
    """The same of its sub-jobs and theirs, each of which is charged by itself. `GET /jobs/{id}`
    has it, and the details of a summary once the job has ended."""
    locked_by: UserView | None = None
    """Who has locked it: nobody else can change what it does."""
    locked_at: datetime | None = None
    """When it was locked."""
    lock_expires_at: datetime | None = None
    """When the lock expires unless it is renewed."""
    tasks_summary: TasksSummary | None = None
    """What has become of its tasks. `GET /jobs/{id}` has it, and the details of a summary."""
    priority: int | None = None
    """The priority of all its tasks, if it was changed after the job, or the one that waits for
    it, was submitted."""
    omitted: list[str] | None = None
    """In lists: `inputs` or `result` if it is longer than 8 kB and left out; `GET /jobs/{id}`
    shows it."""
    warnings: list[JobWarning] | None = None
    """In the answer to a submission: what was hardly meant."""
    reused: bool | None = None
    """In the answer to a submission: the job was there before, and does the same work."""
    submission_id: str | None = None
    """In the answer to a submission with `reuse`: its `submitId`, or else a new id. `PUT
    /jobs/{id}/cancel` takes it."""


class JobVersion(Answer):
    """What was submitted as a job at a time."""

    version: int
    """Counted from 1."""
    reason: str
    """Why there is this version."""
    created_at: datetime
    """When it was accepted."""
    is_current: bool
    """Whether it is the one that the job runs."""
    created_by: UserView | None = None
    """Who submitted it; without authentication the guest."""


class KeptArtifact(Answer):
    """A file or a directory that an attempt at a task has kept."""

    name: str
    """As the task calls it."""
    path: str
    """Below `/jobs/{id}/files/`: of the newest attempt that has kept it."""
    url: str
    """Where this one is, of whatever attempt."""
    job_id: str
    """The job that the task is of: this one, or a sub-job of it."""
    task_id: str
    """The attempt at the task."""
    attempt: int
    """Counted from 0."""
    file_name: str
    """Of the file or directory, where it was taken from."""
    size: int
    """In bytes; of a directory, of the tar that it is kept as."""
    sha256: str
    """Of the file, or of the index of the directory, in hexadecimal."""
    created_at: datetime
    """When it was kept."""
    task: str | None = None
    """The name of the task."""
    var: str | None = None
    """The task's `var`."""
    parent_id: str | None = None
    """The `each` or `parallel` whose child the task is."""
    index: int | None = None
    """Which child the task is, from 0."""
    files: int | None = None
    """How many are in the directory; left out of a file."""
    published: list[str] | None = None
    """Where else it is."""


class Key(Answer):
    """An API key, without the key itself."""

    id: str
    """Also part of the key."""
    name: str
    """What it is for."""
    scopes: list[Literal["read", "submit", "operate", "admin"]]
    """What it may do; `admin` includes all."""
    created_at: datetime
    """When it was made."""
    user: str | None = None
    """Whose it is: it may do no more than they may."""
    expires_at: datetime | None = None
    """When it ends; left out when it doesn't by itself."""
    last_used_at: datetime | None = None
    """When it was last used, to the minute."""


class LastDelivery(Answer):
    """The newest delivery of an endpoint."""

    id: str
    """See `GET /webhooks/deliveries/{id}`."""
    state: Literal["PENDING", "DELIVERED", "FAILED"] | str
    """`FAILED` when it was given up."""
    created_at: datetime
    """When it was found to be owed."""


class Limits(Body):
    """The most a task may take."""

    cpus: str | None = None
    """How many processors. Default: the worker's setting."""
    memory: str | None = None
    """Bytes, or with a unit, in powers of 1024: `k`, `m`, `g`. Default: the worker's setting."""


class LimitsView(Answer):
    cpus: str | None = None
    """How many processors, such as `0.5`."""
    memory: str | None = None
    """Such as `500m`; units are powers of 1024."""


class Lock(Answer):
    """A new lock. Its token is shown here and never again."""

    locked_at: datetime
    """When it was taken."""
    expires_at: datetime
    """When it ends unless it is renewed."""
    token: str
    """What its holder shows as `Lock-Token`."""


class LockRenewal(Body):
    token: str | None = None
    """That of the lock; or it is sent as `Lock-Token`."""
    ttl: str | None = None
    """For how long from now on, up to `24h`."""


class LockRequest(Body):
    ttl: str | None = None
    """For how long, up to `24h`."""


class LockToken(Body):
    token: str | None = None
    """That of the lock; or it is sent as `Lock-Token`."""


class LogLine(Answer):
    """A line of a log."""

    number: int
    """Its place in the log that was asked for, from 1."""
    task_id: str
    """The attempt that wrote it."""
    task_line: int
    """Its place in the log of its task, from 1."""
    text: str
    """Without its line break."""
    created_at: datetime
    """When its beginning was written."""
    stderr: bool | None = None
    """Set if it came from stderr."""
    truncated: bool | None = None
    """Set if it is longer than what is shown of it."""


class LogLines(Answer):
    """Lines of a log, in the order in which they were written."""

    first: int
    """The place of the first of them, also where there is none."""
    items: list[LogLine]
    """Fewer than were asked for where they are long."""
    total_lines: int
    """Of the log so far."""
    total_bytes: int
    """Of the log so far."""
    total_parts: int
    """Of the log so far."""
    cursor: str
    """Of the job's events: what is before it is counted above. Follow them `after` it."""
    complete: bool
    """The job or the task has ended, and no part of its log is still on its way."""
    trimmed: bool
    """Whether its beginning was deleted for its age."""


class LogMatches(Answer):
    """Lines that hold a text."""

    numbers: list[int]
    """The places of the first of them, as many as were asked for."""
    more: bool
    """Whether there are others."""


class LogPage(Answer):
    """A page of a log."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    total_pages: int
    """How many pages there are."""
    items: list[LogPart]
    """Newest first."""
    total_items: int
    """How many items there are on all pages."""
    complete: bool
    """The job or the task has ended, and no part of its log is still on its way. Else read again
    later, or follow it."""


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
    stderr: list[list[Any]] | None = None
    """The lines that came from stderr, as ranges: the first and the last of each, from 1."""
    continues: bool | None = None
    """Set if it begins within a line: with what the part before it has not ended."""


class MadeTasks(Answer):
    """What a task has made."""

    count: int
    """How many it has made by requests so far."""


class MetricsHistory(Answer):
    since: datetime
    """From here on."""
    before: datetime
    """Until here."""
    step_seconds: float
    """The length of a step."""
    whole: MetricsPoint
    """All steps together."""
    points: list[MetricsPoint]
    """One for each step, in order."""


class MetricsPoint(Answer):
    """The cluster in one step. Only `at` is there in a gap, when no scheduler ran. A job that
    was deleted within seconds of its end may not be counted."""

    at: datetime
    """The begin of the step."""
    seconds: float | None = None
    """How much of the step was counted; 0 right after a gap."""
    jobs_submitted: int | None = None
    """How many jobs were submitted."""
    jobs_completed: int | None = None
    """How many completed."""
    jobs_failed: int | None = None
    """How many failed."""
    jobs_cancelled: int | None = None
    """How many were cancelled."""
    tasks_completed: int | None = None
    """How many attempts at tasks completed."""
    tasks_failed: int | None = None
    """How many attempts at tasks failed."""
    tasks_running: float | None = None
    """How many tasks ran, on average."""
    workers: float | None = None
    """How many workers were up, on average."""
    cpu_percent: float | None = None
    """Their mean processor use, 0 to 100."""
    job_latency: Quantiles | None = None
    """From submission or restart to the end, of jobs that completed or failed."""
    queue_time: Quantiles | None = None
    """From when a task was sent to its queue until a worker began it."""


class MetricsView(Answer):
    jobs: JobMetrics
    """Of all jobs."""
    tasks: TaskMetrics
    """Of all tasks."""
    nodes: NodeMetrics
    """Of all workers."""


class Mount(Body):
    """Storage in the task's container. `pre`, `post` and sidecars see it too."""

    type: str
    """`volume`: empty, removed after the task. `bind`: a directory of the worker's machine, if
    its operator allows it. `tmpfs`: in memory. Workers may know further types."""
    source: str | None = None
    """Of a bind: the directory. A volume and a tmpfs have none."""
    target: str | None = None
    """Where the task finds it: an absolute path, not `/tork` or below."""
    opts: dict[str, str | None] | None = None
    """Settings that the type of mount knows."""


class MountView(Answer):
    type: str | None = None
    """`volume`, `bind`, `tmpfs`, or what a worker knows beside them."""
    source: str | None = None
    """What is mounted."""
    target: str | None = None
    """Where the task finds it."""
    opts: dict[str, str] | None = None
    """Settings that the type of mount knows."""


class NearestMiss(Answer):
    """The job of yours that does the most alike work."""

    job_id: str
    """Its id."""
    differences: list[str]
    """Where the two differ, such as `tasks[0].env.SIZE`; the first 20."""
    count: int
    """In how many places they differ."""


class Network(Body):
    """What the task reaches, and where it is reached."""

    type: Literal["none", "host", "bridge", "full", "http"] | None = None
    """`none`: nothing. `bridge`: a network of its own, from which it reaches all. `host` or
    `full`: the network of the node. `http`: only `domains`, by a proxy. Default: as the
    worker is set."""
    domains: list[str] | None = None
    """Of `http`: what it may reach. `.example.com` is example.com and all below it."""
    ports: list[Port] | None = None
    """Where it is reached, of a `bridge` or a `host`."""


class NetworkView(Answer):
    type: str | None = None
    """`none`, `host`, `bridge`, `full` or `http`."""
    domains: list[str] | None = None
    """What is reached, by `http`."""
    ports: list[PortView] | None = None
    """Where the task is reached."""


class NewKeyRequest(Body):
    name: str
    """What the key is for."""
    scopes: list[Scope]
    """What the key may do: `read`, `submit`, `operate`, or `admin`, which includes all."""
    user: str | None = None
    """Whose key it is; by default that of the user who makes it. An admin may name another."""
    expires_in: str | None = None
    """How long it is valid, such as `720h`; without it, until it is deleted."""


class NewKeyShown(Answer):
    """A new key. It is shown here and never again."""

    id: str
    """Also part of the key."""
    name: str
    """What it is for."""
    scopes: list[Literal["read", "submit", "operate", "admin"]]
    """What it may do; `admin` includes all."""
    created_at: datetime
    """When it was made."""
    key: str
    """Sent as `X-API-Key` or as `Authorization: Bearer`."""
    user: str | None = None
    """Whose it is: it may do no more than they may."""
    expires_at: datetime | None = None
    """When it ends; left out when it doesn't by itself."""
    last_used_at: datetime | None = None
    """When it was last used, to the minute."""


class NewPassword(Body):
    password: str
    """The new one: CONVEYOR_AUTH_PASSWORD_MIN_LENGTH (8) to 1024 characters."""
    old_password: str | None = None
    """The present one; only admins need not give it."""


class NewPriority(Body):
    priority: int
    """Higher goes first within a queue."""


class NewRole(Body):
    slug: str
    """Letters, digits and `._-`, up to 64; what permissions name."""
    name: str
    """For people."""


class NewStoredSecret(Body):
    """A stored secret as it shall be."""

    secret: str
    """The secret itself. No answer shows it."""
    kind: Literal["other", "aws", "gcp", "storj", "docker"] | None = None
    """What it opens: `aws`, `gcp`, `storj`, `docker` (a registry), or `other`, a single text."""
    name: str | None = None
    """For people."""
    access_key: str | None = None
    """What goes with the secret: an access key, or a user name. Only `other` has none."""
    expires_at: str | None = None
    """From then on nothing can use it. Default: never."""
    permissions: list[Permission] | None = None
    """Who may use it (`view`), or replace and delete it, too (`operate`), beside its creator.
    Default: administrators alone."""


class NewTasks(Body):
    tasks: list[dict[str, Any]]
    """Each with `parameters`, `sequence` and `name`, as a line of `$TORK_SPAWN`."""


class NewUser(Answer):
    username: str
    """Letters, digits and `._@-`, up to 64; what the user logs in with."""
    password: str
    """CONVEYOR_AUTH_PASSWORD_MIN_LENGTH (8) to 1024 characters."""
    name: str | None = None
    """For people. Default: the user name."""
    disabled: bool | None = None
    """Whether the user may not log in."""


class Node(Answer):
    """A worker."""

    id: str
    """New with each start of the worker."""
    name: str
    """From the worker's settings; by default its host name."""
    started_at: datetime
    """When the worker started."""
    cpu_percent: float
    """Use of its machine's processors, 0 to 100."""
    last_heartbeat_at: datetime
    """Its last sign of life."""
    queue: str
    """The queues it serves, each with how many tasks at once: `default:4,highcpu:2`."""
    status: Literal["UP", "DOWN", "OFFLINE"] | str
    """`OFFLINE`: it has left or fallen silent."""
    hostname: str
    """Its machine."""
    port: int
    """Where it serves `/health` and `/metrics`."""
    task_count: int
    """How many tasks it is running."""
    version: str
    """Of Conveyor."""
    membership: Literal["PENDING", "APPROVED", "REJECTED"] | str
    """Only an approved worker gets tasks. `PENDING`: it waits for approval."""
    availability: Literal["active", "cordoned", "draining"] | str
    """`cordoned`: it gets no new tasks; `draining`: and what is placed on it moves elsewhere."""
    labels: dict[str, str]
    """What the constraints of placed tasks ask for."""
    engines: list[str]
    """What it can run tasks on now: `docker`, `podman`, `shell`, `builtin`, `wasm`."""
    storages: list[str]
    """Which kinds of `sources` it can bring."""
    publishers: list[str]
    """Which kinds of `publish` it can do."""
    gpus: list[NodeGpu]
    """Of its machine."""
    capacity: NodeResources
    """What it gives to tasks."""
    free: NodeResources
    """What of that nothing holds."""
    executions: int
    """How many executions are placed on it."""
    max_executions: int
    """How many may be."""
    message: str | None = None
    """Why, by who changed it last."""
    changed_by: str | None = None
    """Who changed membership or availability last; empty where nobody is asked who they are."""
    changed_at: datetime | None = None
    """When that was."""
    held_until: datetime | None = None
    """It is on hold after failures, and gets no new tasks until then."""
    hold_reason: str | None = None
    """What failed there, and how often."""


class NodeEvent(Answer):
    """Something that has become of a worker, or was said of it."""

    at: datetime
    """When."""
    event: (
        Literal[
            "joined", "left", "lost", "approved", "rejected", "cordoned", "uncordoned", "draining"
        ]
        | str
    )
    """`left`: it said so; `lost`: it fell silent. `approved` and those after it were said by an
    administrator."""
    node_id: str | None = None
    """Which start of the worker; left out for what holds for the name."""
    by: str | None = None
    """Which administrator; empty where nobody is asked who they are."""
    message: str | None = None
    """Why, by the administrator."""


class NodeGpu(Answer):
    """A GPU of the machine."""

    index: str
    """How its vendor's tools number it."""
    name: str
    """Its model."""
    memory: int
    """In bytes; 0 where it has none of its own."""


class NodeMetrics(Answer):
    online: int
    """How many workers are up."""
    cpu_percent: float
    """Their mean processor use, 0 to 100."""


class NodeNote(Body):
    message: str | None = None
    """Why: answers show it until the next change."""


class NodePassedOver(Answer):
    """A worker, and what of it an execution cannot have."""

    id: str
    """Of the worker."""
    name: str
    """As its settings call it."""
    reasons: list[str]
    """All that is in the way; empty where it fits, and is taken by the next round of placement."""


class NodeResources(Answer):
    """An amount of each resource."""

    cpus: float
    """In processors: 0.5 is half of one."""
    memory: int
    """In bytes."""
    disk: int
    """In bytes."""
    gpus: int
    """How many."""


class NodeTask(Answer):
    """A task that holds a worker."""

    id: str
    """Of this attempt."""
    job_id: str
    """Whose it is."""
    name: str
    """From the job."""
    state: Literal["SCHEDULED", "RUNNING"] | str
    """`SCHEDULED`: placed there, and not yet claimed."""
    is_execution: bool
    """Whether it is one of a placed task, rather than one from a queue."""
    held: NodeResources
    """What it holds."""
    recall: str | None = None
    """Why the worker was asked to let go of it: `drain`, `update`, `scale`."""
    started_at: datetime | None = None
    """When it began to run."""


class NodeWithTasks(Answer):
    """A worker with what holds it."""

    id: str
    """New with each start of the worker."""
    name: str
    """From the worker's settings; by default its host name."""
    started_at: datetime
    """When the worker started."""
    cpu_percent: float
    """Use of its machine's processors, 0 to 100."""
    last_heartbeat_at: datetime
    """Its last sign of life."""
    queue: str
    """The queues it serves, each with how many tasks at once: `default:4,highcpu:2`."""
    status: Literal["UP", "DOWN", "OFFLINE"] | str
    """`OFFLINE`: it has left or fallen silent."""
    hostname: str
    """Its machine."""
    port: int
    """Where it serves `/health` and `/metrics`."""
    task_count: int
    """How many tasks it is running."""
    version: str
    """Of Conveyor."""
    membership: Literal["PENDING", "APPROVED", "REJECTED"] | str
    """Only an approved worker gets tasks. `PENDING`: it waits for approval."""
    availability: Literal["active", "cordoned", "draining"] | str
    """`cordoned`: it gets no new tasks; `draining`: and what is placed on it moves elsewhere."""
    labels: dict[str, str]
    """What the constraints of placed tasks ask for."""
    engines: list[str]
    """What it can run tasks on now: `docker`, `podman`, `shell`, `builtin`, `wasm`."""
    storages: list[str]
    """Which kinds of `sources` it can bring."""
    publishers: list[str]
    """Which kinds of `publish` it can do."""
    gpus: list[NodeGpu]
    """Of its machine."""
    capacity: NodeResources
    """What it gives to tasks."""
    free: NodeResources
    """What of that nothing holds."""
    executions: int
    """How many executions are placed on it."""
    max_executions: int
    """How many may be."""
    tasks: list[NodeTask]
    """What runs there, and what is placed there and will: of jobs that you may see, the first
    1,000."""
    message: str | None = None
    """Why, by who changed it last."""
    changed_by: str | None = None
    """Who changed membership or availability last; empty where nobody is asked who they are."""
    changed_at: datetime | None = None
    """When that was."""
    held_until: datetime | None = None
    """It is on hold after failures, and gets no new tasks until then."""
    hold_reason: str | None = None
    """What failed there, and how often."""


class OpenSession(Answer):
    """A sign-in that has not ended, without its token."""

    id: str
    """Also part of the token."""
    kind: Literal["page", "token"] | str
    """`page` for a cookie, `token` for an access token."""
    created_at: datetime
    """When it was opened."""
    ends_at: datetime
    """When it ends if it is not used."""
    is_current: bool
    """Whether this request is part of it."""
    user: str | None = None
    """Whose it is; left out for the operator's and for that of a key that is nobody's."""
    key: str | None = None
    """The id of the API key that opened it; left out when it was a password."""
    client: str | None = None
    """The `User-Agent` of the sign-in."""
    used_at: datetime | None = None
    """When it was last used, to the minute; left out if not since the first minute."""


class Parallel(Body):
    """Tasks that run at once."""

    tasks: list[TaskEntry]
    """All of them start together."""
    min_success: int | str | None = None
    """How many must complete, or which share: `80%`. Default: all."""
    max_failed: int | str | None = None
    """How many may fail, or which share: `5%`, instead of `minSuccess`. Default: none."""
    on_failure: Literal["stop", "finish"] | None = None
    """When too many have failed, the others are cancelled (`stop`), or run to their end before
    the task fails (`finish`). Default: `stop`."""


class ParallelView(Answer):
    tasks: list[Task]
    """Run at once."""
    min_success: int | str | None = None
    """How many must complete, or which share."""
    max_failed: int | str | None = None
    """How many may fail, or which share, instead."""
    on_failure: Literal["finish"] | str | None = None
    """All end before too many failures are its own."""
    completions: int | None = None
    """How many have ended."""
    failures: int | None = None
    """How many of those have failed."""
    running: int | None = None
    """While it runs: about how many of them do."""
    waiting: int | None = None
    """While it runs: about how many of them wait for a worker or for their turn."""


class Params(Body):
    """What each stage is told as JSON in a variable. Texts may hold expressions."""

    partitioner: dict[str, Any] | None = None
    """`$PARTITIONER_PARAMS` of `split`; if that is built-in, its params as well."""
    app: dict[str, Any] | None = None
    """`$APP_PARAMS` of `task`."""
    assembler: dict[str, Any] | None = None
    """`$ASSEMBLER_PARAMS` of `assemble`; if that is built-in, its params as well."""


class ParentJob(Answer):
    """A job that a job is part of."""

    id: str
    """Its id."""
    name: str
    """As submitted."""
    task_id: str
    """Its task that stands for the job, or for the next of its parents."""


class Partition(Body):
    """By what of their keys objects are dealt out to executions: each goes to exactly one. What
    has nothing of it goes to the first."""

    type: Literal["none", "object", "regex", "substring", "date"]
    """`object`: by the whole key. The others look at what follows the `key` of the source:
    `regex` at what `pattern` matches, `substring` at characters, `date` at a date at its
    beginning. `none`: every execution gets all."""
    pattern: str | None = None
    """A regular expression; of one with groups, these count alone."""
    start_index: int | None = None
    """The first character, from 0. Default: 0."""
    end_index: int | None = None
    """The character after the last."""
    date_format: str | None = None
    """How a date is written, by the example of 2 January 2006: `2006-01-02`."""


class PartitionView(Answer):
    type: str | None = None
    """`object`, `regex`, `substring` or `date`."""
    pattern: str | None = None
    """The regular expression."""
    start_index: int | None = None
    """The first character; without it 0."""
    end_index: int | None = None
    """The character after the last."""
    date_format: str | None = None
    """How a date is written."""


class Partitioned(Body):
    """Work on data in parts: `split` makes chunks of the task's sources, `task` runs for each of
    them, `assemble` makes one result of theirs. They read the inputs and secrets of the job,
    and results of its tasks through `params`."""

    split: SplitTask
    """What makes the chunks."""
    task: ChunkTask
    """Run for every chunk."""
    assemble: AssembleTask
    """What makes the artifact `output`."""
    min_success: int | str | None = None
    """How many must complete, or which share: `80%`. Default: all."""
    max_failed: int | str | None = None
    """How many may fail, or which share: `5%`, instead of `minSuccess`. Default: none."""
    on_failure: Literal["stop", "finish"] | None = None
    """When too many have failed, the others are cancelled (`stop`), or run to their end before
    the task fails (`finish`). Default: `stop`."""
    params: Params | None = None
    """Parameters of the stages."""
    concurrency: int | None = None
    """How many chunks may be worked on at a time. Default: 0, any number."""
    no_chunks: Literal["complete", "fail"] | None = None
    """`fail`: no chunk at all is an error. Default: `complete`."""


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
    on_failure: Literal["finish"] | str | None = None
    """Whether the others run to their end when too many have failed."""
    no_chunks: Literal["fail"] | str | None = None
    """Whether no chunk at all is an error."""


class PauseRequest(Body):
    note: str | None = None
    """Why it is paused: answers show it until it is resumed."""


class Permission(Body):
    """A user or a role that may see the job or act on it: one of the two."""

    role: str | None = None
    """The role's short name; it must exist. Or the role as answers show it."""
    user: str | None = None
    """The user's name; it must exist. Or the user as answers show them."""
    access: Literal["view", "operate"] | None = None
    """`view`: may see the job, its tasks and logs. `operate`: may also cancel, restart, delete
    and run it again, and pause, resume and delete a scheduled job. Default: `operate`."""


class PermissionView(Answer):
    """One of the two."""

    role: RoleView | None = None
    """All who have this role."""
    user: UserView | None = None
    """This user."""
    access: Literal["view"] | str | None = None
    """`view`: they may see the job, not act on it."""


Phase = Literal[
    "JOB_STATE_NEW",
    "JOB_STATE_STARTED",
    "JOB_STATE_UPLOADING",
    "JOB_STATE_PARTITIONING",
    "JOB_STATE_PARTITIONED",
    "JOB_STATE_TASKS_COMPLETED",
    "JOB_STATE_MERGING",
    "JOB_STATE_MERGED",
    "JOB_STATE_DOWNLOADING",
    "JOB_STATE_COMPLETE",
    "JOB_STATE_FAILED",
]


class PhaseTiming(Answer):
    """A phase of an attempt, on the clock of its worker."""

    phase: Literal["pull", "fetch", "pre", "run", "post", "keep"] | str
    """Of its image the `pull`; of its sources the transfer to it (`fetch`), of its artifacts
    that from it (`keep`); its `pre` and `post` tasks; and what it is to `run`."""
    started_ms: int
    """When it began, in milliseconds after `startedAt`; below 0 for an image that was pulled
    while the worker waited for the coordinator."""
    duration_ms: int
    """How long it took, or until the attempt ended."""


class Placement(Body):
    """The task is made of executions on chosen nodes."""

    type: Literal["batch", "ops", "daemon", "service"] | None = None
    """`batch`: `count` executions that end. `service`: `count` that are kept running. `ops`: one
    on every node that matches, which ends. `daemon`: one that is kept running on every node
    that matches, also on one that comes later. Default: `batch`."""
    count: int | str | None = None
    """How many executions of a `batch` or a `service`: 0 to 10,000; may be an expression.
    Default: 1."""
    constraints: list[str | Constraint] | None = None
    """Nodes must meet all of them. Default: any node that can run the task."""
    prefer: list[Preference] | None = None
    """Nodes that are chosen before others, if they have room."""
    resources: Resources | None = None
    """What each execution is given room for, and its `limits` if the task has none."""
    one_per_node: bool | None = None
    """Whether no node may have two of them at once. Default: false."""
    max_per_node: int | None = None
    """How many of them a node may have at once. Default: any number."""
    max_nodes: int | None = None
    """On how many nodes they may be at once. Default: any number."""
    min_nodes: int | None = None
    """None begins before so many nodes have room for one each at once. Default: 1."""
    node: Resources | None = None
    """What a node must have in all, whatever is in use of it. Default: any node."""
    priority: int | None = None
    """Higher gets a node first. Default: the `priority` of the task."""
    update: UpdatePolicy | None = None
    """How a new version replaces the old one."""


class PlacementView(Answer):
    type: Literal["batch", "ops", "daemon", "service"] | str | None = None
    """Without it `batch`."""
    count: int | str | None = None
    """How many executions; without it 1."""
    constraints: list[ConstraintView] | None = None
    """Nodes must meet all of them."""
    prefer: list[PreferenceView] | None = None
    """Nodes that are chosen before others."""
    resources: ResourcesView | None = None
    """What each execution is given room for."""
    one_per_node: bool | None = None
    """Whether no node may have two executions at once."""
    max_per_node: int | None = None
    """How many executions a node may have at once."""
    max_nodes: int | None = None
    """On how many nodes they may be at once."""
    min_nodes: int | None = None
    """None begins before so many nodes have room at once."""
    node: ResourcesView | None = None
    """What a node must have in all."""
    priority: int | None = None
    """Higher gets a node first."""
    update: UpdatePolicyView | None = None
    """How a new version replaces the old one."""
    size: int | None = None
    """How many executions there are."""
    completions: int | None = None
    """How many have ended."""
    failures: int | None = None
    """How many of those have failed."""
    running: int | None = None
    """Of a service or daemon: how many of them run."""
    waiting: int | None = None
    """Of a service or daemon: how many of them don't run yet, or not just now."""


class Port(Body):
    """A port that others reach the task at."""

    name: str
    """The end of its variables: `CONVEYOR_PORT_` and this name has the port in the task,
    `CONVEYOR_HOST_PORT_` and this name that of the node."""
    static: int | None = None
    """The port of the node: 1024 to 65535. Default: any that is free."""
    target: int | None = None
    """The port in the container, of a `bridge`. Default: the same as that of the node."""
    address: str | None = None
    """The address of the node that takes connections. Default: all of them."""


class PortView(Answer):
    name: str | None = None
    """The end of its variables."""
    static: int | None = None
    """The port of the node; without it any that is free."""
    target: int | None = None
    """The port in the container; without it the same."""
    address: str | None = None
    """The address of the node that takes connections."""


class Preference(Body):
    """Nodes that are chosen before others."""

    constraints: list[str | Constraint]
    """They meet all of these."""
    weight: int | None = None
    """1 to 100: of several preferences, how much each counts. Default: 1."""


class PreferenceView(Answer):
    constraints: list[ConstraintView] | None = None
    """Nodes that meet all of them are chosen before others."""
    weight: int | None = None
    """How much it counts; without it 1."""


class Probe(Body):
    """How a sidecar shows that it is ready: by HTTP (`port` and `path`), TCP (`port`), or a
    `command`."""

    path: str | None = None
    """What is asked for by HTTP, such as `/health`: ready is what answers 200. Default: it is
    ready when the port takes a connection."""
    port: int | None = None
    """Where the sidecar listens."""
    command: list[str] | None = None
    """What is run in the sidecar, again and again until its exit code is 0: `[pg_isready]`."""
    timeout: str | None = None
    """A sidecar that is not ready after this long fails the task. Default: 1m."""


class ProbeView(Answer):
    path: str | None = None
    """What is asked for by HTTP."""
    port: int | None = None
    """Where the sidecar listens."""
    command: list[str] | None = None
    """What is run in the sidecar instead."""
    timeout: str | None = None
    """How long it may take until it answers."""


class Provenance(Answer):
    """A document in PROV-JSON: what there is by kind, then relations by kind."""

    prefix: dict[str, str]
    """What the beginnings of identifiers stand for."""
    entity: dict[str, dict[str, Any]] | None = None
    """Files, uploads, images, texts and places outside; definitions of jobs as plans."""
    activity: dict[str, dict[str, Any]] | None = None
    """The job, its sub-jobs, their attempts at tasks, and those of other jobs whose files were
    used."""
    agent: dict[str, dict[str, Any]] | None = None
    """Users and workers."""
    was_generated_by: dict[str, dict[str, Any]] | None = None
    """Which attempt has made a file."""
    used: dict[str, dict[str, Any]] | None = None
    """What an attempt was given, and where it found it."""
    was_associated_with: dict[str, dict[str, Any]] | None = None
    """Whose job it was, and on which worker an attempt ran."""
    was_informed_by: dict[str, dict[str, Any]] | None = None
    """Which job an attempt is of, and which attempt a sub-job stands for."""
    was_attributed_to: dict[str, dict[str, Any]] | None = None
    """Who has uploaded a file."""
    alternate_of: dict[str, dict[str, Any]] | None = None
    """Which published copy is of which file."""


class Publication(Body):
    """Where an artifact goes besides: exactly one of `s3`, `ipfs` and `local`."""

    artifact: str | None = None
    """Which of the task's artifacts. Default: all of them."""
    s3: S3Target | None = None
    """To S3, and to all that speaks it."""
    ipfs: bool | None = None
    """To IPFS, as the worker is set."""
    local: str | None = None
    """Into a directory of the worker's machine, if its operator allows it. Holds what `key` may."""


class PublicationView(Answer):
    artifact: str | None = None
    """Which artifact; without it all of them."""
    s3: S3View | None = None
    """To S3."""
    ipfs: bool | None = None
    """To IPFS."""
    local: str | None = None
    """Into a directory of the worker."""


class Purged(Answer):
    deleted: int
    """How many messages there were."""


class Quantiles(Answer):
    """Of times in seconds, from buckets of which ten make a decade: off by up to a quarter, and
    as a rule by far less."""

    p50: float
    """Half took no longer."""
    p95: float
    """95 % took no longer."""
    p99: float
    """99 % took no longer."""
    count: int
    """Of how many times."""


class Queue(Answer):
    """What waits in the broker."""

    name: str
    """A task queue's, or one of Conveyor's own."""
    size: int
    """How many messages wait."""
    subscribers: int
    """How many consumers it has."""
    unacked: int
    """How many tasks of a task queue are running; 0 for other queues."""
    slots: int | None = None
    """How many tasks of a task queue the workers that are up run at once; 0: none serves it."""
    oldest_at: datetime | None = None
    """Since when the oldest of its tasks waits."""
    scheduled_per_minute: float | None = None
    """How many tasks are sent to it, of late; left out where no scheduler has sampled it."""
    started_per_minute: float | None = None
    """How many of its tasks workers begin, of late."""


class QueueHistory(Answer):
    since: datetime
    """From here on."""
    before: datetime
    """Until here."""
    step_seconds: float
    """The length of a step."""
    points: list[QueuePoint]
    """One for each step, in order."""


class QueuePoint(Answer):
    """A queue in one step. Only `at` is there in a gap: no scheduler, or no broker."""

    at: datetime
    """The begin of the step."""
    seconds: float | None = None
    """How much of the step was counted; 0 right after a gap."""
    size: float | None = None
    """How many messages waited, on average."""
    max_size: int | None = None
    """The most in a sample."""
    oldest_seconds: float | None = None
    """The longest that a task had waited; left out when none waited."""
    subscribers: float | None = None
    """How many consumers it had, on average."""
    running: float | None = None
    """How many of its tasks ran, on average."""
    scheduled: int | None = None
    """How many tasks were sent to it."""
    started: int | None = None
    """How many of its tasks a worker began."""


class QueueSize(Answer):
    """How many jobs wait to be started."""

    size: int
    """Of all jobs, also those that you may not see."""
    most: int
    """The count ends here: one that is as high stands for so many jobs or more."""


class Registry(Body):
    """The login for a private image registry."""

    username: str | None = None
    """May hold expressions."""
    password: str | None = None
    """May hold expressions, best `{{ secrets.name }}`; answers never show it."""


class RegistryView(Answer):
    username: str | None = None
    """The account."""
    password: str | None = None
    """Shown as `[REDACTED]`."""


class RemovedLeftovers(Answer):
    removed: int
    """How many files."""


class RenewedLock(Answer):
    """The lock of a job."""

    locked_at: datetime
    """When it was taken."""
    expires_at: datetime
    """When it ends unless it is renewed."""


class Requeued(Answer):
    requeued: int
    """How many are in their queues again."""
    kept: int
    """How many have no queue to return to; they may be deleted."""


class ResendRequest(Body):
    since: str
    """Deliveries that failed since: a time, or a span such as `90m` or `7d`."""


class Resent(Answer):
    """How many deliveries are sent again."""

    resent: int
    """At most 10,000."""
    remaining: int
    """How many more have failed since: repeat the request. Exact up to 10,000."""


class Resources(Body):
    """What each execution is given room for on its node."""

    cpus: str | int | float | None = None
    """How many processors; may hold expressions. Default: none are set apart."""
    cpu: str | int | float | None = None
    """The same as `cpus`."""
    memory: str | int | float | None = None
    """Bytes, or with a unit, in powers of 1024: `k`, `m`, `g`; may hold expressions."""
    disk: str | int | float | None = None
    """As `memory`: the room for its files."""
    gpus: int | str | None = None
    """How many graphics processors, each its own; may be an expression."""
    gpu: int | str | None = None
    """The same as `gpus`."""


class ResourcesView(Answer):
    cpus: str | None = None
    """How many processors."""
    memory: str | None = None
    """Such as `500m`; units are powers of 1024."""
    disk: str | None = None
    """As `memory`."""
    gpus: int | str | None = None
    """How many graphics processors."""


class Restart(Body):
    """Where an ended job goes on."""

    from_: int | str | None = None
    """The name or position of the task that runs again, with all that follow it. Default: where
    the job stopped."""


class Retry(Body):
    """How often a failed task is tried again, and the wait before: initialDelay *
    scalingFactor^n, at most maxDelay, up to `jitter` of it taken off by chance."""

    limit: int
    """How many times a failed task is tried again."""
    initial_delay: str | None = None
    """The wait before the first retry; `0s` is none. Default: 1s."""
    scaling_factor: float | None = None
    """What each further wait is multiplied by. Default: 2."""
    max_delay: str | None = None
    """No wait is longer, nor may it be shorter than `initialDelay`. Default: 1h."""
    jitter: float | None = None
    """The largest share of a wait that chance may take off. Default: 0."""
    on: list[int | Literal["timeout", "memory", "lost"]] | None = None
    """Only these failures are tried again: exit codes, `timeout` (it ran too long), `memory` (it
    exceeded its memory limit) and `lost` (its workers vanished). Default: every failure."""
    reset_after: str | None = None
    """An attempt that ran so long was healthy: after it, retries and waits are counted anew.
    Default: never; of a `service` and a `daemon` without `retry` 10m."""
    memory_factor: float | None = None
    """After an attempt that exceeded its memory limit, the limit is multiplied by this. Default:
    1. Not for placed tasks."""
    max_memory: str | None = None
    """The limit grows no further. Default: what the worker allows."""


class RetryView(Answer):
    limit: int | None = None
    """How many retries there may be."""
    attempts: int | None = None
    """How many retries came before this attempt; left out for the first."""
    initial_delay: str | None = None
    """The wait before the first retry."""
    scaling_factor: float | None = None
    """What each further wait is multiplied by."""
    max_delay: str | None = None
    """No wait is longer."""
    jitter: float | None = None
    """The largest share of a wait, 0 to 1, that chance may take off."""
    on: list[int | str] | None = None
    """Which failures are tried again: exit codes, `timeout`, `memory`, `lost`."""
    reset_after: str | None = None
    """An attempt that ran so long was healthy: after it, retries are counted anew."""
    memory_factor: float | None = None
    """What the memory limit is multiplied by after an attempt that exceeded it."""
    max_memory: str | None = None
    """The limit grows no further."""


class Reuse(Body):
    """The submission is answered with a job that does the same work, if there is one: the same
    programs on the same data. See docs/reuse.md."""

    scope: Literal["own", "readable"] | None = None
    """Whose jobs: `own`, or all that you may see, which must have completed. Default: `own`."""
    include_unfinished: bool | None = None
    """Whether a job of yours that has not ended will do. Default: true."""
    max_age: str | None = None
    """How long ago it may have completed. Default: any time."""
    on_output_conflict: Literal["new", "oldest"] | None = None
    """Which job it is when several have completed and left different results: a new one, or the
    oldest. Default: `new`."""
    tasks: bool | None = None
    """Whether its tasks have `reuse` as well, unless they say otherwise. Default: false."""
    nondeterministic: bool | None = None
    """No later submission is answered with this job, since it would leave something else each
    time. Default: whether its expressions call `now()` or `randomInt()`."""


class ReuseCheck(Answer):
    """What a submission would be answered with."""

    fingerprint: str
    """What jobs that do the same work have in common."""
    steps: list[ReuseStep]
    """How the candidates became fewer."""
    job_id: str | None = None
    """A job that does the same work; left out where a new one would be created."""
    nondeterministic: list[str] | None = None
    """Why later submissions would not be answered with the new job."""
    nearest_miss: NearestMiss | None = None
    """Where no job does the same work: the one that differs least."""


class ReuseOfTasks(Body):
    """What has not changed since an earlier run does not run again. See docs/reuse.md."""

    tasks: bool
    """Whether its tasks have `reuse`, unless they say otherwise."""


class ReuseStep(Answer):
    """A rule that candidates must meet."""

    name: str
    """Which rule."""
    rule: str
    """The same in words."""
    left: int
    """How many candidates meet it, of those that the rules before have left."""


class ReuseSubmission(Answer):
    """A submission that the job was the answer to."""

    created_at: datetime
    """When it was decided."""
    reused: bool
    """The job was there before; otherwise the submission created it."""
    steps: list[ReuseStep]
    """How the candidates became fewer."""
    created_by: UserView | None = None
    """Who submitted it."""
    submission_id: str | None = None
    """Its `submitId`, or the id that its answer had."""
    detached_at: datetime | None = None
    """When it was taken back, and the job continued for others."""
    nearest_miss: NearestMiss | None = None
    """Where no job does the same work: the one that differs least."""


class ReuseView(Answer):
    scope: Literal["own", "readable"] | str | None = None
    """Whose jobs will do; without it `own`."""
    include_unfinished: bool | None = None
    """Whether a job that has not ended will do; without it true."""
    max_age: str | None = None
    """How long ago it may have completed."""
    on_output_conflict: Literal["new", "oldest"] | str | None = None
    """Which job it is when several left different results; without it `new`."""
    tasks: bool | None = None
    """Whether its tasks may end as tasks of other jobs have."""
    nondeterministic: bool | None = None
    """Whether it must not be reused itself."""


class Role(Answer):
    """What users share and permissions name."""

    slug: str
    """What permissions name."""
    name: str
    """For people."""
    created_at: datetime | None = None
    """When the role was made."""


RoleSlugs = list[str]


class RoleView(Answer):
    """A role that may see a job."""

    id: str
    """The same for the same slug."""
    slug: str
    """What permissions name."""
    name: str
    """For people."""
    created_at: datetime | None = None
    """When the role was made."""


class S3Source(Body):
    """One object of a bucket, or many."""

    bucket: str
    """The name of the bucket; may hold expressions."""
    key: str
    """An object; all below `directory/`; or all that begin as `prefix*`. May hold expressions."""
    region: str | None = None
    """Default: as the worker is set."""
    endpoint: str | None = None
    """The URL of what speaks S3, if it is not AWS. Default: as the worker is set."""
    style: Literal["path", "virtual"] | None = None
    """Where the bucket stands in URLs. Default: as the worker is set."""
    credentials: str | None = None
    """The name that the worker has for a login. Default: its default login."""
    access_key: str | None = None
    """A login of its own, with `secretKey`: an expression of a secret, `{{ secrets.name }}`."""
    secret_key: str | None = None
    """An expression of a secret, too."""
    session_token: str | None = None
    """An expression of a secret, too; only for a login that ends."""
    filter: str | None = None
    """A regular expression that the keys of many must match. Default: all of them."""
    version_id: str | None = None
    """Which version of an object. Default: the newest."""
    partition: Partition | None = None
    """An execution of a placed task gets only its own part of many objects. Default: all."""


class S3Target(Body):
    """A place in a bucket."""

    bucket: str
    """The name of the bucket; may hold expressions."""
    key: str
    """The object, or a `directory/`. `{jobID}`, `{taskID}`, `{executionID}`, `{nodeID}`,
    `{attempt}`, `{date}` and `{time}` stand for their values. May hold expressions."""
    region: str | None = None
    """Default: as the worker is set."""
    endpoint: str | None = None
    """The URL of what speaks S3, if it is not AWS. Default: as the worker is set."""
    style: Literal["path", "virtual"] | None = None
    """Where the bucket stands in URLs. Default: as the worker is set."""
    credentials: str | None = None
    """The name that the worker has for a login. Default: its default login."""
    access_key: str | None = None
    """A login of its own, with `secretKey`: an expression of a secret, `{{ secrets.name }}`."""
    secret_key: str | None = None
    """An expression of a secret, too."""
    session_token: str | None = None
    """An expression of a secret, too; only for a login that ends."""
    encoding: Literal["plain", "gzip"] | None = None
    """`gzip`: the artifact is one object, a `.tar.gz`. Default: `plain`, each file by itself."""


class S3View(Answer):
    bucket: str | None = None
    """The bucket."""
    key: str | None = None
    """An object, a `directory/` or a `prefix*`."""
    filter: str | None = None
    """What the keys of many must match."""
    version_id: str | None = None
    """The version of an object."""
    partition: PartitionView | None = None
    """How many objects are dealt out to executions."""
    region: str | None = None
    """Where the bucket is."""
    encoding: str | None = None
    """`gzip`: the artifact goes there as one object, a `.tar.gz`."""
    endpoint: str | None = None
    """The URL of what speaks S3."""
    style: str | None = None
    """`path` or `virtual`: where the bucket stands in URLs."""
    credentials: str | None = None
    """The name that the worker has for a login."""
    access_key: str | None = None
    """The expression that reads it, else `[REDACTED]`."""
    secret_key: str | None = None
    """The expression that reads it, else `[REDACTED]`."""
    session_token: str | None = None
    """The expression that reads it, else `[REDACTED]`."""


class Schedule(Body):
    """When a scheduled job is started: one of `cron`, `crons`, `interval` and `at`."""

    cron: str | None = None
    """Five fields: `0/5 * * * *` is every five minutes, `0 0 L * *` the last day of each month,
    `0 0 * * fri#2` and `friL` its second and last Friday. Or `@daily` and the like, `@every
    1h30m`; `CRON_TZ=Europe/Berlin` may precede it."""
    crons: list[str] | None = None
    """Several expressions: at each time that one of them names, once."""
    interval: str | None = None
    """Again and again after so long, at least 1s. The first time is `startAt`, or an interval
    after the schedule was created."""
    at: str | None = None
    """Once, at this time."""
    timezone: str | None = None
    """Whose clock `cron` and `crons` follow, such as `Europe/Berlin`. Default: UTC."""
    start_at: str | None = None
    """Not before this time."""
    end_at: str | None = None
    """Not after this time: then the schedule has ended."""
    max_runs: int | None = None
    """After so many jobs the schedule has ended. Those that were triggered or backfilled do not
    count."""
    jitter: str | None = None
    """Each job is created up to so much later, but before the next one is due: the same for a
    schedule and a time, and spread over schedules."""
    overlap: Literal["allow", "skip", "bufferOne", "bufferAll", "cancelOther"] | None = None
    """What becomes of a time while the last job is not final: its job is created all the same
    (`allow`), not at all (`skip`), when the last one is final (`bufferOne` time or
    `bufferAll`, up to 100), or the last one is cancelled (`cancelOther`). Default: `allow`."""
    catch_up: Literal["none", "one", "all"] | CatchUp | None = None
    """What is made up for of the times missed while no scheduler ran: nothing, one job, or a job
    for each, up to 100. Default: `one`. Or an object with `policy`, `window` and `limit`."""
    pause_on_failure: int | None = None
    """After so many jobs that failed in a row, the schedule is paused. Default: never."""


class SchedulePreview(Body):
    """Which times of a schedule that is not stored."""

    schedule: Schedule
    """As that of a scheduled job."""
    from_: str | None = None
    """The times after this one. Default: now."""
    count: int | None = None
    """How many times, at most. Default: 10."""


class ScheduleRun(Answer):
    """What became of a firing, or of a range of firings that were skipped together."""

    kind: Literal["SCHEDULED", "TRIGGERED", "BACKFILLED"] | str
    """By its rules, by a trigger or for a backfill."""
    state: Literal["FIRED", "SKIPPED", "HELD"] | str
    """A `HELD` one waits until the job before it is final, or until its job can be made."""
    scheduled_at: datetime
    """When it was due, of a range the first: its expressions read `schedule.scheduledAt`."""
    at: datetime
    """When that was decided."""
    until: datetime | None = None
    """Of a range of firings the last."""
    reason: str | None = None
    """Why it was skipped, or why its job can't be made."""
    job_id: str | None = None
    """The job that it has created."""
    job_state: (
        Literal["PENDING", "SCHEDULED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"] | str | None
    ) = None
    """The state of that job; left out when the job is deleted."""


class ScheduleRunPage(Answer):
    """A page of the runs of a scheduled job."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    total_pages: int
    """How many pages there are."""
    items: list[ScheduleRun]
    """Newest first."""
    total_items: int
    """How many items there are on all pages."""
    next: list[Firing] | None = None
    """On the first page its next times; left out while it is paused."""


class ScheduleView(Answer):
    """The scheduled job that a job comes from."""

    id: str
    """The scheduled job's id."""
    cron: str | None = None
    """When it makes jobs; left out when it is deleted."""
    scheduled_at: datetime | None = None
    """The time that the job was due."""


class ScheduledJob(Answer):
    """The whole scheduled job, as submitted."""

    id: str
    """Given when it was accepted; its jobs carry it."""
    state: Literal["ACTIVE", "PAUSED", "ENDED"] | str
    """A `PAUSED` one makes no jobs; an `ENDED` one has made its last."""
    name: str
    """As submitted."""
    created_at: datetime
    """When it was accepted."""
    schedule: dict[str, Any]
    """As submitted."""
    timezone: str
    """Whose clocks `cron` means."""
    overlap: Literal["allow", "skip", "bufferOne", "bufferAll", "cancelOther"] | str
    """What becomes of a time while a job of its own is not final."""
    catch_up: Literal["none", "one", "all"] | str
    """What becomes of the times that were missed while no scheduler ran."""
    version: int
    """Grows with each edit; the answer's `ETag`."""
    tasks: list[Task]
    """As submitted."""
    description: str | None = None
    """As submitted."""
    tags: list[str] | None = None
    """As submitted."""
    inputs: dict[str, Any] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    created_by: UserView | None = None
    """Who submitted it; without authentication the guest."""
    cron: str | None = None
    """When it makes a job; left out where its `schedule` has no `cron`."""
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
    warnings: list[JobWarning] | None = None
    """In the answer to a submission: what was hardly meant."""
    access: Literal["view", "operate"] | str | None = None
    """What the caller may do: with `view` only look. Left out in the answer to a submission."""
    last_run: ScheduleRun | None = None
    """What became of its last time, or of the last trigger."""
    next: list[Firing] | None = None
    """Its next times; left out while it is paused."""
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


class ScheduledJobChanges(Body):
    """A JSON merge patch: fields that are left out stay as they are, mappings are merged, null
    takes a field away. The result is checked as a submission is."""

    description: Any | None = None
    """For people and for the search."""
    tags: Any | None = None
    """For the search: `tag:nightly`."""
    output: Any | None = None
    """Evaluated when the last task is done; its value is the job's `result`."""
    defaults: Any | None = None
    """For the tasks that don't set their own."""
    auto_delete: Any | None = None
    """Default: the job stays as long as the server keeps jobs."""
    timeout: Any | None = None
    """How long the job may take, from the start of its first task. Default: any time."""
    name: Any | None = None
    """For people and for the search; expressions read it as `job.name`."""
    tasks: Any | None = None
    """Run one after the other, unless they say what they need."""
    inputs: Any | None = None
    """Values for expressions, as `inputs.` and the name. A single value is a text, as it is
    spelled (`1.10` stays `1.10`); lists and mappings keep their JSON types."""
    secrets: Any | None = None
    """Texts for expressions, as `secrets.` and the name; answers and logs never show them. No
    name may start with `conveyor.`."""
    stored_secrets: Any | None = None
    """Ids of stored secrets, by the names that `secrets` has for them: a secret of the same name
    is replaced. An access key has its name with `_ACCESS_KEY`. Values are those at the
    submission."""
    uploads: Any | None = None
    """Ids of files that were sent before, by the names that `sources` have for them."""
    budget: Any | None = None
    """It fails once its tasks have cost so much, by the server's prices. Sub-jobs count for
    themselves. Default: no limit."""
    concurrency: Any | None = None
    """How many of its tasks may be active at a time: in a queue, waiting for a node, or running.
    Those inside `each`, `parallel`, `spawn` and a placement count, those of sub-jobs do not.
    Default: 0, any number."""
    start_rate: Any | None = None
    """How many of its tasks may start in any second (`10/s`), minute (`100/m`) or hour (`5/h`).
    Default: any number."""
    webhooks: Any | None = None
    """Who is told about changes. Default: nobody."""
    permissions: Any | None = None
    """Who may see the job, or act on it too, beside its creator. Default: everybody, unless the
    server is set otherwise (`CONVEYOR_AUTH_DEFAULT_ACCESS`)."""
    schedule: Any | None = None
    """When it is started."""
    reuse: Any | None = None
    """Whether its tasks end as others that have done the same work, such as those of an earlier
    run. Each run is a job of its own all the same. Default: each task says so itself."""


class ScheduledJobPage(Answer):
    """A page of the list of scheduled jobs."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    total_pages: int
    """How many pages there are."""
    items: list[ScheduledJobSummary]
    """Newest first."""
    total_items: int
    """How many items there are on all pages."""


class ScheduledJobSpec(Body):
    """A job that is started by a schedule."""

    name: str
    """For people and for the search; expressions read it as `job.name`."""
    tasks: list[TaskEntry]
    """Run one after the other, unless they say what they need."""
    schedule: Schedule
    """When it is started."""
    description: str | None = None
    """For people and for the search."""
    tags: list[str] | None = None
    """For the search: `tag:nightly`."""
    output: str | None = None
    """Evaluated when the last task is done; its value is the job's `result`."""
    defaults: Defaults | None = None
    """For the tasks that don't set their own."""
    auto_delete: AutoDelete | None = None
    """Default: the job stays as long as the server keeps jobs."""
    timeout: str | None = None
    """How long the job may take, from the start of its first task. Default: any time."""
    inputs: dict[str, Any] | None = None
    """Values for expressions, as `inputs.` and the name. A single value is a text, as it is
    spelled (`1.10` stays `1.10`); lists and mappings keep their JSON types."""
    secrets: dict[str, str | None] | None = None
    """Texts for expressions, as `secrets.` and the name; answers and logs never show them. No
    name may start with `conveyor.`."""
    stored_secrets: dict[str, str] | None = None
    """Ids of stored secrets, by the names that `secrets` has for them: a secret of the same name
    is replaced. An access key has its name with `_ACCESS_KEY`. Values are those at the
    submission."""
    uploads: dict[str, str] | None = None
    """Ids of files that were sent before, by the names that `sources` have for them."""
    budget: str | None = None
    """It fails once its tasks have cost so much, by the server's prices. Sub-jobs count for
    themselves. Default: no limit."""
    concurrency: int | None = None
    """How many of its tasks may be active at a time: in a queue, waiting for a node, or running.
    Those inside `each`, `parallel`, `spawn` and a placement count, those of sub-jobs do not.
    Default: 0, any number."""
    start_rate: str | None = None
    """How many of its tasks may start in any second (`10/s`), minute (`100/m`) or hour (`5/h`).
    Default: any number."""
    webhooks: list[Webhook] | None = None
    """Who is told about changes. Default: nobody."""
    permissions: list[Permission] | None = None
    """Who may see the job, or act on it too, beside its creator. Default: everybody, unless the
    server is set otherwise (`CONVEYOR_AUTH_DEFAULT_ACCESS`)."""
    reuse: ReuseOfTasks | None = None
    """Whether its tasks end as others that have done the same work, such as those of an earlier
    run. Each run is a job of its own all the same. Default: each task says so itself."""


class ScheduledJobSummary(Answer):
    """A scheduled job as lists show it."""

    id: str
    """Given when it was accepted; its jobs carry it."""
    state: Literal["ACTIVE", "PAUSED", "ENDED"] | str
    """A `PAUSED` one makes no jobs; an `ENDED` one has made its last."""
    name: str
    """As submitted."""
    created_at: datetime
    """When it was accepted."""
    schedule: dict[str, Any]
    """As submitted."""
    timezone: str
    """Whose clocks `cron` means."""
    overlap: Literal["allow", "skip", "bufferOne", "bufferAll", "cancelOther"] | str
    """What becomes of a time while a job of its own is not final."""
    catch_up: Literal["none", "one", "all"] | str
    """What becomes of the times that were missed while no scheduler ran."""
    description: str | None = None
    """As submitted."""
    tags: list[str] | None = None
    """As submitted."""
    inputs: dict[str, Any] | None = None
    """As submitted; values under secret-sounding names show as `[REDACTED]`."""
    created_by: UserView | None = None
    """Who submitted it; without authentication the guest."""
    cron: str | None = None
    """When it makes a job; left out where its `schedule` has no `cron`."""
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
    warnings: list[JobWarning] | None = None
    """In the answer to a submission: what was hardly meant."""
    access: Literal["view", "operate"] | str | None = None
    """What the caller may do: with `view` only look. Left out in the answer to a submission."""
    last_run: ScheduleRun | None = None
    """What became of its last time, or of the last trigger."""


class ScheduledTemplate(Body):
    """A template whose jobs are started by a schedule."""

    template: str
    """Its tag. Each job is made of the newest active version that the tag allows then."""
    schedule: Schedule
    """When jobs are started."""
    inputs: dict[str, Any] | None = None
    """Values by name."""
    secrets: dict[str, str | None] | None = None
    """Texts by name."""
    uploads: dict[str, str] | None = None
    """Ids of uploads by name."""
    name: str | None = None
    """Of the jobs. Default: the `name` in the template."""


class ScheduledTemplateView(Answer):
    """The template that the jobs of a schedule are made of."""

    tag: str
    """As submitted; each job is made of the newest active version that it allows then."""
    version: str
    """What that was at the submission, as name@major.minor."""
    inputs: dict[str, Any]
    """As submitted."""


Scope = Literal["read", "submit", "operate", "admin"]


class Secret(Answer):
    """A stored secret, without the secret itself."""

    id: str
    """What jobs name it by."""
    kind: Literal["other", "aws", "gcp", "storj", "docker"] | str
    """What it opens."""
    is_expired: bool
    """Whether nothing can use it any more."""
    created_by: UserView
    """Who created it; without authentication the guest."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it was last replaced."""
    access: Literal["operate", "view"] | str
    """What the caller may do: with `view` only use it."""
    name: str | None = None
    """For people."""
    access_key: str | None = None
    """What goes with the secret."""
    expires_at: datetime | None = None
    """When it expires; left out when it does not."""
    permissions: list[PermissionView] | None = None
    """Who may use it beside its creator and administrators."""


class SecretRotation(Body):
    """How a secret is replaced."""

    keep_for: str | None = None
    """How long requests are signed with the old secret as well, at most `720h`. Default: `24h`."""
    secret: str | None = None
    """The new secret. Default: a generated one."""


class Session(Answer):
    """Who asks, and what they may do."""

    roles: list[str]
    """The slugs of the user's roles."""
    scopes: list[Literal["read", "submit", "operate", "admin"]]
    """What they may do; empty when they are not signed in."""
    is_authentication_on: bool
    """Whether a sign-in is required. Without it everyone may do everything."""
    takes_passwords: bool
    """Whether users sign in with their password."""
    takes_keys: bool
    """Whether API keys are taken."""
    version: str
    """Of Conveyor."""
    user: str | None = None
    """What they signed in with; left out for the operator, for a key that is nobody's, and for
    everyone where authentication is off."""
    key: str | None = None
    """The id of the API key that they showed."""
    csrf_token: str | None = None
    """What requests of a page that change something send as `X-CSRF-Token`."""


class Sidecar(Body):
    """Runs beside the task, on a network of their own where its name is its host name, and is
    stopped with it."""

    name: str | None = None
    """For people; may hold expressions."""
    description: str | None = None
    """For people."""
    image: str | None = None
    """The container image, with its tag; may hold expressions. Default: that of the task."""
    registry: Registry | None = None
    """The login for the image, if it is private. Default: that of the task, with its image."""
    cmd: list[str] | None = None
    """The command's arguments; they may hold expressions. Default: the image's."""
    entrypoint: list[str] | None = None
    """The program and its first arguments. Default: the image's, or `sh -c` with `run`."""
    run: str | None = None
    """A shell script. Not evaluated: pass values in by `env`."""
    env: dict[str, str | None] | None = None
    """Environment variables by name; values may hold expressions."""
    files: dict[str, str | None] | None = None
    """Texts by path, written below the working directory before it starts."""
    timeout: str | None = None
    """How long it may run. Default: as long as the task."""
    probe: Probe | None = None
    """The task starts when this succeeds. Default: at once."""


class SidecarView(Answer):
    name: str | None = None
    """For people."""
    description: str | None = None
    """For people."""
    image: str | None = None
    """The container image."""
    registry: RegistryView | None = None
    """The login for the image."""
    cmd: list[str] | None = None
    """The command's arguments."""
    entrypoint: list[str] | None = None
    """The program and its first arguments."""
    run: str | None = None
    """The shell script."""
    env: dict[str, str] | None = None
    """The environment; values under secret-sounding names show as `[REDACTED]`."""
    files: dict[str, str] | None = None
    """Texts by path, below the working directory."""
    timeout: str | None = None
    """How long it may run."""
    probe: ProbeView | None = None
    """How it shows that it is ready."""


class SignIn(Body):
    username: str | None = None
    """Who signs in, with `password`."""
    password: str | None = None
    """The user's password."""
    key: str | None = None
    """Instead of both: an API key."""


class Source(Body):
    """A file or directory that is brought to the task before it starts: exactly one of
    `artifact`, `upload`, `url`, `s3`, `ipfs`, `inline` and `local`."""

    target: str
    """Where the task finds it: absolute in a container, or below the working directory. With a
    `/` at its end, one file gets its own name there. May hold expressions."""
    artifact: str | None = None
    """What an earlier task has kept: `task.name`, the task by its `var` or name. A path in it
    may follow, and the id of another job precede. Of an `each` or a `parallel`: a directory
    with what all its children have kept. May hold expressions."""
    upload: str | None = None
    """The name of one of the `uploads` of the job, or of the job around a sub-job. May hold
    expressions."""
    url: str | None = None
    """An http or https URL. May hold expressions."""
    s3: S3Source | None = None
    """Objects of S3, and of all that speaks it."""
    ipfs: str | None = None
    """A CID, and perhaps a path in it. May hold expressions."""
    inline: str | None = None
    """The text of the file, or a `data:` URL. May hold expressions."""
    local: str | None = None
    """A file or directory of the worker's machine, if its operator allows it: an absolute path.
    May hold expressions."""
    read_only: bool | None = None
    """Whether the task can't change it. Default: false."""
    extract: bool | None = None
    """Whether the archive (tar, tar.gz, zip) is unpacked into the directory `target`. Default:
    false."""
    sha256: str | None = None
    """What the content must have, of a `url`, `s3` or `ipfs`; else the task fails."""
    headers: dict[str, str | None] | None = None
    """Sent to the `url`; may hold expressions. What logs in must be one of a secret:
    `Authorization: "Bearer {{ secrets.token }}"`."""


class SourceView(Answer):
    artifact: str | None = None
    """What an earlier task has kept."""
    upload: str | None = None
    """The name of an upload of the job."""
    url: str | None = None
    """The http or https URL."""
    s3: S3View | None = None
    """Objects of S3."""
    ipfs: str | None = None
    """A CID, and perhaps a path in it."""
    inline: str | None = None
    """The text itself, or a `data:` URL."""
    local: str | None = None
    """A path on the worker."""
    target: str | None = None
    """Where the task finds it."""
    read_only: bool | None = None
    """Whether the task can't change it."""
    extract: bool | None = None
    """Whether the archive is unpacked into `target`."""
    sha256: str | None = None
    """What the content must have."""
    headers: dict[str, str] | None = None
    """Sent to the URL; values under secret-sounding names show as `[REDACTED]`."""


class Spawn(Body):
    """A task that runs once, with empty parameters, and then for each of the tasks that are made
    while it runs. The results are those that they have left, by sequence."""

    task: SpawnTask
    """What each of them runs. Default of its `retry`: 2 more tries after the exit code 111 and
    when its workers vanished, none after another failure."""
    concurrency: int | None = None
    """How many may run at a time. Default: 0, any number."""
    barrier: bool | None = None
    """Whether all of a sequence must end before one of the next begins. Default: true."""
    max_tasks: int | None = None
    """How many there may be; an attempt that makes more fails. Default: 10000."""
    explicit_success: bool | None = None
    """Whether one that ends without a result has failed, whatever its exit code. Default: false."""


class SpawnTask(Body):
    """It finds its parameters as JSON in the file `$TORK_PARAMETERS`, and writes a line of JSON
    for each task it makes into the file `$TORK_SPAWN`: `parameters`, and perhaps `sequence`
    (its own or a later one, by default the next) and `name`. They begin once it has
    succeeded. `$TORK_SEQUENCE` and `$TORK_QSEQUENCE` count from 0; expressions read
    `item.index`, `item.sequence` and `item.value`. With a `placement` each of them is an
    execution, and what that says of nodes holds for all of them together."""

    description: str | None = None
    """For people."""
    tags: list[str] | None = None
    """For people."""
    image: str | None = None
    """The container image, with its tag; may hold expressions. Without it the task runs only on
    workers with the shell runtime."""
    registry: Registry | None = None
    """The login for the image, if it is private."""
    cmd: list[str] | None = None
    """The command's arguments; they may hold expressions. Default: the image's."""
    entrypoint: list[str] | None = None
    """The program and its first arguments. Default: the image's, or `sh -c` with `run`."""
    run: str | None = None
    """A shell script. Not evaluated: pass values in by `env`."""
    env: dict[str, str | None] | None = None
    """Environment variables by name; values may hold expressions."""
    files: dict[str, str | None] | None = None
    """Texts by path, written below the working directory before the task starts."""
    workdir: str | None = None
    """The directory the task starts in: an absolute path in a container."""
    queue: str | None = None
    """Which workers get the task; may hold expressions. Default: the job's, then `default`."""
    var: str | None = None
    """Later expressions read the result as `tasks.` and this name; of an `each` or a `parallel`
    the list of its children's results. May hold expressions."""
    if_: str | None = None
    """The task is skipped when this gives false. Default: it runs."""
    retry: Retry | None = None
    """Default: the job's `defaults`; without one, no second try. A `service` and a `daemon` are
    by default restarted for ever, after 1s at first and at most 5m."""
    limits: Limits | None = None
    """Default: the job's `defaults`, then the worker's settings."""
    timeout: str | None = None
    """How long one attempt may run. Default: the job's, then the worker's setting; of a
    `service` and a `daemon` any time."""
    grace_period: str | None = None
    """How long it may take to end, after the stop signal, when it is cancelled or timed out,
    before it is killed. At most 1h; `0s` kills at once. Default: 10s."""
    stop_signal: str | None = None
    """What asks it to end, such as SIGINT. Default: the image's STOPSIGNAL, else SIGTERM."""
    queue_timeout: str | None = None
    """How long it, or an execution of it, may wait for a worker before it fails. Default: as
    long as it takes."""
    success_codes: Literal["any"] | list[int] | None = None
    """The exit codes it succeeds with, or `any`. Default: 0."""
    priority: int | None = None
    """Higher goes first within a queue. 0, the default, takes the job's default."""
    allow_failure: bool | None = None
    """When it fails, what follows goes on as if it had completed. Default: false."""
    reuse: bool | None = None
    """It does not run where a task of yours has done the same work: it completes at once, with
    the result and the artifacts of that one. Default: `reuse.tasks` of the job, else false."""
    pre: list[AuxTask] | None = None
    """Run one after the other before the task; the failure of one fails the task."""
    post: list[AuxTask] | None = None
    """Run one after the other after the task; the failure of one fails the task."""
    sidecars: list[Sidecar] | None = None
    """Run beside the task."""
    mounts: list[Mount] | None = None
    """Storage in the task's container."""
    sources: list[Source] | None = None
    """Files that are brought to the task before it starts."""
    artifacts: list[Artifact] | None = None
    """Files that are kept when it has ended, for later tasks and to be downloaded."""
    publish: list[Publication] | None = None
    """Where its artifacts go besides."""
    large_result: str | None = None
    """A result of more than 1 MiB is kept as the artifact of this name, and the result tells so
    in JSON. Default: it fails the task. May hold expressions."""
    networks: list[str] | None = None
    """Names of the container engine's networks."""
    network: Network | None = None
    """What it reaches, and where it is reached. Default: as the worker is set."""
    gpus: str | None = None
    """Which graphics processors, as in `docker run --gpus`: `all`, `2`, `device=0`."""
    privileged: bool | None = None
    """With all rights on the worker's machine; a worker whose operator doesn't allow it refuses.
    Default: false."""
    wasm: Wasm | None = None
    """A WebAssembly module that is run instead of an image."""
    placement: Placement | None = None
    """On which nodes it runs, how many times. Default: once, on a worker that serves its queue."""
    parallel: Parallel | None = None
    """These tasks at once, done when all are. A submission may be nested 200 mappings and lists
    deep, so tasks may stand in one another some 65 deep."""
    each: Each | None = None
    """A task for every item of a list."""
    spawn: Spawn | None = None
    """A task that makes further ones of its kind while it runs."""
    subjob: Subjob | None = None
    """A job of its own; its result becomes the task's."""
    partition: Partitioned | None = None
    """What splits its sources into chunks, a task for every chunk, and what assembles the
    results. What this leaves is the artifact `output` of the task."""
    name: str | None = None
    """For people; may hold expressions."""


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


class SplitTask(Body):
    """It reads the sources in the directory `$SOURCE_DIR` and writes `data_0.bin`, `data_1.bin`,
    … into `$CHUNKS_DIR`; or files of any name there, with a line of JSON for each in
    `chunks.jsonl`: `path`, `params`, `weight`, `label`. Built-in are `passthrough`,
    `replicate`, `lines`, `bytes`, `files`, `jsonArray` and `csvRows`."""

    description: str | None = None
    """For people."""
    tags: list[str] | None = None
    """For people."""
    image: str | None = None
    """The container image, with its tag; may hold expressions. Without it the task runs only on
    workers with the shell runtime."""
    registry: Registry | None = None
    """The login for the image, if it is private."""
    cmd: list[str] | None = None
    """The command's arguments; they may hold expressions. Default: the image's."""
    entrypoint: list[str] | None = None
    """The program and its first arguments. Default: the image's, or `sh -c` with `run`."""
    run: str | None = None
    """A shell script. Not evaluated: pass values in by `env`."""
    env: dict[str, str | None] | None = None
    """Environment variables by name; values may hold expressions."""
    files: dict[str, str | None] | None = None
    """Texts by path, written below the working directory before the task starts."""
    workdir: str | None = None
    """The directory the task starts in: an absolute path in a container."""
    queue: str | None = None
    """Which workers get the task; may hold expressions. Default: the job's, then `default`."""
    var: str | None = None
    """Later expressions read the result as `tasks.` and this name; of an `each` or a `parallel`
    the list of its children's results. May hold expressions."""
    if_: str | None = None
    """The task is skipped when this gives false. Default: it runs."""
    retry: Retry | None = None
    """Default: the job's `defaults`; without one, no second try. A `service` and a `daemon` are
    by default restarted for ever, after 1s at first and at most 5m."""
    limits: Limits | None = None
    """Default: the job's `defaults`, then the worker's settings."""
    timeout: str | None = None
    """How long one attempt may run. Default: the job's, then the worker's setting; of a
    `service` and a `daemon` any time."""
    grace_period: str | None = None
    """How long it may take to end, after the stop signal, when it is cancelled or timed out,
    before it is killed. At most 1h; `0s` kills at once. Default: 10s."""
    stop_signal: str | None = None
    """What asks it to end, such as SIGINT. Default: the image's STOPSIGNAL, else SIGTERM."""
    queue_timeout: str | None = None
    """How long it, or an execution of it, may wait for a worker before it fails. Default: as
    long as it takes."""
    success_codes: Literal["any"] | list[int] | None = None
    """The exit codes it succeeds with, or `any`. Default: 0."""
    priority: int | None = None
    """Higher goes first within a queue. 0, the default, takes the job's default."""
    allow_failure: bool | None = None
    """When it fails, what follows goes on as if it had completed. Default: false."""
    reuse: bool | None = None
    """It does not run where a task of yours has done the same work: it completes at once, with
    the result and the artifacts of that one. Default: `reuse.tasks` of the job, else false."""
    pre: list[AuxTask] | None = None
    """Run one after the other before the task; the failure of one fails the task."""
    post: list[AuxTask] | None = None
    """Run one after the other after the task; the failure of one fails the task."""
    sidecars: list[Sidecar] | None = None
    """Run beside the task."""
    mounts: list[Mount] | None = None
    """Storage in the task's container."""
    sources: list[Source] | None = None
    """Files that are brought to the task before it starts."""
    artifacts: list[Artifact] | None = None
    """Files that are kept when it has ended, for later tasks and to be downloaded."""
    publish: list[Publication] | None = None
    """Where its artifacts go besides."""
    large_result: str | None = None
    """A result of more than 1 MiB is kept as the artifact of this name, and the result tells so
    in JSON. Default: it fails the task. May hold expressions."""
    networks: list[str] | None = None
    """Names of the container engine's networks."""
    network: Network | None = None
    """What it reaches, and where it is reached. Default: as the worker is set."""
    gpus: str | None = None
    """Which graphics processors, as in `docker run --gpus`: `all`, `2`, `device=0`."""
    privileged: bool | None = None
    """With all rights on the worker's machine; a worker whose operator doesn't allow it refuses.
    Default: false."""
    wasm: Wasm | None = None
    """A WebAssembly module that is run instead of an image."""
    placement: Placement | None = None
    """On which nodes it runs, how many times. Default: once, on a worker that serves its queue."""
    parallel: Parallel | None = None
    """These tasks at once, done when all are. A submission may be nested 200 mappings and lists
    deep, so tasks may stand in one another some 65 deep."""
    each: Each | None = None
    """A task for every item of a list."""
    spawn: Spawn | None = None
    """A task that makes further ones of its kind while it runs."""
    subjob: Subjob | None = None
    """A job of its own; its result becomes the task's."""
    partition: Partitioned | None = None
    """What splits its sources into chunks, a task for every chunk, and what assembles the
    results. What this leaves is the artifact `output` of the task."""
    builtin: str | None = None
    """A program that comes with the worker and needs no image."""
    params: dict[str, Any] | None = None
    """Of the built-in. Texts may hold expressions."""


class StageParams(Answer):
    partitioner: dict[str, Any] | None = None
    """Told to what splits."""
    app: dict[str, Any] | None = None
    """Told to the task for each chunk."""
    assembler: dict[str, Any] | None = None
    """Told to what assembles."""


class Status(Answer):
    status: Literal["OK"] | str | None = None
    """Done."""


class StoredObject(Answer):
    name: str
    """Of the object in the store."""
    size: int
    """In bytes."""
    sha256: str
    """Of its content, in hexadecimal."""
    version: str
    """Changes with the content; may be empty."""


class Subjob(Body):
    """A job that a task stands for. It reads nothing of the job around it but what it is given
    here, where `name`, `description`, `inputs`, `secrets` and `webhooks` may hold
    expressions."""

    name: str
    """For people and for the search; may hold expressions."""
    tasks: list[TaskEntry]
    """Run one after the other, unless they say what they need."""
    description: str | None = None
    """For people and for the search; may hold expressions."""
    tags: list[str] | None = None
    """For the search: `tag:nightly`."""
    output: str | None = None
    """Evaluated when the last task is done; its value is the job's `result`."""
    defaults: Defaults | None = None
    """For the tasks that don't set their own."""
    auto_delete: AutoDelete | None = None
    """Default: the job stays as long as the server keeps jobs."""
    timeout: str | None = None
    """How long the job may take, from the start of its first task. Default: any time."""
    inputs: dict[str, Any] | None = None
    """Its `inputs`, as those of a job; texts may hold expressions."""
    secrets: dict[str, str | None] | None = None
    """Its `secrets`; they may hold expressions, best `{{ secrets.name }}`."""
    detached: bool | None = None
    """The task is done as soon as the sub-job is made. Default: it waits for its end."""
    webhooks: list[Webhook] | None = None
    """Who is told about its changes. Default: nobody."""


class SubjobView(Answer):
    name: str
    """As submitted."""
    id: str | None = None
    """Of the job that was made, once there is one."""
    description: str | None = None
    """As submitted."""
    tags: list[str] | None = None
    """As submitted."""
    tasks: list[Task] | None = None
    """As submitted."""
    inputs: dict[str, Any] | None = None
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


class SubmittedTask(Answer):
    """A task as submitted, in short."""

    kind: Literal["task", "parallel", "each", "spawn", "subjob", "placed", "execution"] | str
    """What it is."""
    name: str | None = None
    """As submitted."""
    needs: list[str] | None = None
    """The names of the tasks that must be done before; none: it begins at once. Left out: it
    waits for all before it."""
    tasks: list[SubmittedTask] | None = None
    """What it is made of: the tasks of a `parallel` or a sub-job, or the one an `each` makes of
    every item."""


class Task(Answer):
    """A task as submitted, or, with `id` and `state`, one attempt at it."""

    name: str | None = None
    """For people."""
    description: str | None = None
    """For people."""
    image: str | None = None
    """The container image."""
    registry: RegistryView | None = None
    """The login for the image."""
    cmd: list[str] | None = None
    """The command's arguments."""
    entrypoint: list[str] | None = None
    """The program and its first arguments."""
    run: str | None = None
    """The shell script."""
    env: dict[str, str] | None = None
    """The environment; values under secret-sounding names show as `[REDACTED]`."""
    files: dict[str, str] | None = None
    """Texts by path, below the working directory."""
    timeout: str | None = None
    """How long one attempt may run, such as `1h30m`."""
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
    state: (
        Literal[
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
        | str
        | None
    ) = None
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
    phase: Literal["pull", "fetch", "pre", "run", "post", "keep"] | str | None = None
    """While it runs: the phase that it was in at the last heartbeat of its worker."""
    timings: list[PhaseTiming] | None = None
    """The phases of an attempt that has ended, in order. It was in its queue from `scheduledAt`
    to `startedAt`; before that it waited for its turn, or for its retry."""
    usage: UsageView | None = None
    """What the attempt held of its worker, once it has ended."""
    retry: RetryView | None = None
    """How it is tried again after a failure."""
    limits: LimitsView | None = None
    """The most it may take."""
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
    params: dict[str, Any] | None = None
    """What that is told; where its name sounds like a secret, a value is hidden."""
    placement: PlacementView | None = None
    """On which nodes it runs, how many times."""
    execution: ExecutionView | None = None
    """Which execution of its parent it is."""
    parallel: ParallelView | None = None
    """The tasks it is made of."""
    each: EachView | None = None
    """The list and the task it makes of every item."""
    spawn: SpawnView | None = None
    """The task that makes further ones."""
    subjob: SubjobView | None = None
    """The job it stands for."""
    partition: PartitionedView | None = None
    """The stages of which a job is made that it stands for."""


class TaskEntry(Body):
    """One entry of a job's task list."""

    name: str
    """For people; may hold expressions."""
    description: str | None = None
    """For people."""
    tags: list[str] | None = None
    """For people."""
    image: str | None = None
    """The container image, with its tag; may hold expressions. Without it the task runs only on
    workers with the shell runtime."""
    registry: Registry | None = None
    """The login for the image, if it is private."""
    cmd: list[str] | None = None
    """The command's arguments; they may hold expressions. Default: the image's."""
    entrypoint: list[str] | None = None
    """The program and its first arguments. Default: the image's, or `sh -c` with `run`."""
    run: str | None = None
    """A shell script. Not evaluated: pass values in by `env`."""
    env: dict[str, str | None] | None = None
    """Environment variables by name; values may hold expressions."""
    files: dict[str, str | None] | None = None
    """Texts by path, written below the working directory before the task starts."""
    workdir: str | None = None
    """The directory the task starts in: an absolute path in a container."""
    queue: str | None = None
    """Which workers get the task; may hold expressions. Default: the job's, then `default`."""
    var: str | None = None
    """Later expressions read the result as `tasks.` and this name; of an `each` or a `parallel`
    the list of its children's results. May hold expressions."""
    if_: str | None = None
    """The task is skipped when this gives false. Default: it runs."""
    retry: Retry | None = None
    """Default: the job's `defaults`; without one, no second try. A `service` and a `daemon` are
    by default restarted for ever, after 1s at first and at most 5m."""
    limits: Limits | None = None
    """Default: the job's `defaults`, then the worker's settings."""
    timeout: str | None = None
    """How long one attempt may run. Default: the job's, then the worker's setting; of a
    `service` and a `daemon` any time."""
    grace_period: str | None = None
    """How long it may take to end, after the stop signal, when it is cancelled or timed out,
    before it is killed. At most 1h; `0s` kills at once. Default: 10s."""
    stop_signal: str | None = None
    """What asks it to end, such as SIGINT. Default: the image's STOPSIGNAL, else SIGTERM."""
    queue_timeout: str | None = None
    """How long it, or an execution of it, may wait for a worker before it fails. Default: as
    long as it takes."""
    success_codes: Literal["any"] | list[int] | None = None
    """The exit codes it succeeds with, or `any`. Default: 0."""
    priority: int | None = None
    """Higher goes first within a queue. 0, the default, takes the job's default."""
    allow_failure: bool | None = None
    """When it fails, what follows goes on as if it had completed. Default: false."""
    reuse: bool | None = None
    """It does not run where a task of yours has done the same work: it completes at once, with
    the result and the artifacts of that one. Default: `reuse.tasks` of the job, else false."""
    pre: list[AuxTask] | None = None
    """Run one after the other before the task; the failure of one fails the task."""
    post: list[AuxTask] | None = None
    """Run one after the other after the task; the failure of one fails the task."""
    sidecars: list[Sidecar] | None = None
    """Run beside the task."""
    mounts: list[Mount] | None = None
    """Storage in the task's container."""
    sources: list[Source] | None = None
    """Files that are brought to the task before it starts."""
    artifacts: list[Artifact] | None = None
    """Files that are kept when it has ended, for later tasks and to be downloaded."""
    publish: list[Publication] | None = None
    """Where its artifacts go besides."""
    large_result: str | None = None
    """A result of more than 1 MiB is kept as the artifact of this name, and the result tells so
    in JSON. Default: it fails the task. May hold expressions."""
    networks: list[str] | None = None
    """Names of the container engine's networks."""
    network: Network | None = None
    """What it reaches, and where it is reached. Default: as the worker is set."""
    gpus: str | None = None
    """Which graphics processors, as in `docker run --gpus`: `all`, `2`, `device=0`."""
    privileged: bool | None = None
    """With all rights on the worker's machine; a worker whose operator doesn't allow it refuses.
    Default: false."""
    wasm: Wasm | None = None
    """A WebAssembly module that is run instead of an image."""
    placement: Placement | None = None
    """On which nodes it runs, how many times. Default: once, on a worker that serves its queue."""
    parallel: Parallel | None = None
    """These tasks at once, done when all are. A submission may be nested 200 mappings and lists
    deep, so tasks may stand in one another some 65 deep."""
    each: Each | None = None
    """A task for every item of a list."""
    spawn: Spawn | None = None
    """A task that makes further ones of its kind while it runs."""
    subjob: Subjob | None = None
    """A job of its own; its result becomes the task's."""
    partition: Partitioned | None = None
    """What splits its sources into chunks, a task for every chunk, and what assembles the
    results. What this leaves is the artifact `output` of the task."""
    needs: list[str] | None = None
    """The names, as they are written, of the tasks of the same list that must be done before. An
    empty list: it starts at once. Default: it waits for all tasks listed before it."""


class TaskMetrics(Answer):
    running: int
    """How many tasks are running."""


class TaskPage(Answer):
    """A page of a job's tasks."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    items: list[TaskRow]
    """In the order that was asked for."""
    counts: dict[str, int] | None = None
    """How many there are in each state, whatever states were asked for."""
    not_begun: int | None = None
    """How many of the job's own list have not begun."""
    total_items: int | None = None
    """How many items there are on all pages."""
    total_pages: int | None = None
    """How many pages there are."""


class TaskReuseMiss(Answer):
    """Why a task with `reuse` runs."""

    reason: Literal["new", "different", "image", "files", "space", "banned", "restarted"] | str
    """No task of its owner completed the same work: it is `new`, or `different` from the task at
    its place in the last job of that name that has ended. Or one did, but the name of its
    `image` refers to another image now, its `files` are gone, the job has no `space` for
    them, or was `restarted`."""
    message: str
    """For people; its wording may change."""
    task_id: str | None = None
    """The task that did the same work, or that it differs from."""
    differences: list[str] | None = None
    """Where the two differ, such as `env.SIZE`; the first 5. Left out if that is secret."""
    count: int | None = None
    """In how many places they differ."""


class TaskRow(Answer):
    """An attempt at a task in short; `GET /tasks/{id}` shows all of it. A task of the job's own
    list that has not begun has neither `id` nor `state`."""

    kind: (
        Literal["task", "parallel", "each", "spawn", "subjob", "partition", "placed", "execution"]
        | str
    )
    """What it is: a `task` is run by a worker of a queue, an `execution` by a node of its own.
    The stages of a `partition` are the tasks of a job of its own, as those of a `subjob`."""
    position: int
    """Its place in the job's task list, counted from 1."""
    id: str | None = None
    """Of this attempt."""
    name: str | None = None
    """As submitted, its expressions evaluated."""
    parent_id: str | None = None
    """The task it is a child of."""
    child_index: int | None = None
    """Its index among its parent's children, counted from 0."""
    sequence: int | None = None
    """Of a child of a `spawn`: which sequence it is in, counted from 0."""
    state: (
        Literal[
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
        | str
        | None
    ) = None
    """`SKIPPED` means that its `if` gave false."""
    attempt: int | None = None
    """Which retry it is, counted from 1; left out of the first attempt."""
    attempts: int | None = None
    """How many attempts at the task there are, if it was tried more than once."""
    queue: str | None = None
    """Which workers get it."""
    node_id: str | None = None
    """The worker that has or had it."""
    node_name: str | None = None
    """The name of that worker."""
    image: str | None = None
    """What it runs in."""
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
    progress: float | None = None
    """Percent, 0 to 100; 0 is left out."""
    exit_code: int | None = None
    """What its program returned, once it has ended by itself."""
    failure_cause: str | None = None
    """Why it failed: `exit`, `timeout`, `lost`, `queue` or `other`."""
    error: str | None = None
    """The beginning of why it failed, up to 500 characters."""
    waiting: Waiting | None = None
    """Why it does not run yet."""
    phase: Literal["pull", "fetch", "pre", "run", "post", "keep"] | str | None = None
    """While it runs: the phase that it was in at the last heartbeat of its worker."""
    timings: list[PhaseTiming] | None = None
    """The phases of an attempt that has ended, in order."""
    usage: UsageView | None = None
    """What the attempt held of its worker, once it has ended."""
    children: ChildCounts | None = None
    """How far its children are."""
    subjob_id: str | None = None
    """The job it stands for."""


class TasksSummary(Answer):
    """The tasks of a job that workers run, those inside `parallel`, `each` and `spawn` included.
    A task of its list that has not begun counts as one, whatever it is made of; cancelled
    ones do not count. Exact up to 10,000."""

    todo: int
    """How many have not begun, or wait for a worker."""
    running: int
    """How many run."""
    done: int
    """How many are COMPLETED or SKIPPED."""
    failed: int
    """How many attempts have failed."""


class TemplateHead(Body):
    """What a stored job is called, and which inputs it asks for."""

    name: str
    """Letters, digits, `-` and `_`. It belongs to who has pushed it first."""
    version: str
    """`major.minor`. Pushed again, the version is replaced; jobs keep what they were made of."""
    description: str | None = None
    """What it is for."""
    inputs: dict[str, TemplateInput] | None = None
    """What it asks for, by name, in the order of forms. Expressions read `inputs.` and the name."""


class TemplateInput(Body):
    """One input: its type, its default and its rules, in the words of JSON Schema."""

    type: (
        Literal["string", "integer", "number", "boolean", "array", "object", "file", "secret"]
        | None
    ) = None
    """`file` asks for an upload, which `sources` have as `upload`; `secret` for a text that
    expressions read as `secrets.` and the name. Default: `string`."""
    title: str | None = None
    """What forms call it. Default: its name."""
    description: str | None = None
    """What forms show below it."""
    default: Any | None = None
    """Its value where none is given. An input without one must be given."""
    required: bool | None = None
    """`false`: it may be left out though it has no default; `inputs` then lacks it."""
    enum: list[Any] | None = None
    """The values that it may have."""
    minimum: float | int | None = None
    """Of a number: the least."""
    maximum: float | int | None = None
    """Of a number: the most."""
    exclusive_minimum: float | int | None = None
    """Of a number: what it must be more than."""
    exclusive_maximum: float | int | None = None
    """Of a number: what it must be less than."""
    multiple_of: float | int | None = None
    """Of a number: what it must be a multiple of."""
    pattern: str | None = None
    """Of a text: a regular expression that must match somewhere in it."""
    format: str | None = None
    """Of a text: `email`, `uri`, `date`, `date-time`, `uuid` and others of JSON Schema."""
    min_length: int | None = None
    """Of a text: the least number of characters."""
    max_length: int | None = None
    """Of a text: the most characters."""
    min_items: int | None = None
    """Of a list: the least number of entries."""
    max_items: int | None = None
    """Of a list: the most entries."""
    unique_items: bool | None = None
    """Of a list: no entry may be there twice."""
    items: dict[str, Any] | None = None
    """Of a list: the JSON Schema of each entry."""
    properties: dict[str, Any] | None = None
    """Of a mapping: the JSON Schemas of its fields."""
    additional_properties: Any | None = None
    """Of a mapping: the JSON Schema of all other fields; `false`: there may be none."""
    one_of: list[Any] | None = None
    """JSON Schemas, one of which must fit."""


class TemplatePage(Answer):
    """A page of the list of templates: of each the newest version that is active."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    total_pages: int
    """How many pages there are."""
    items: list[TemplateSummary]
    """Newest first."""
    total_items: int
    """How many items there are on all pages."""


class TemplateRun(Body):
    """What a job is made of a template with."""

    inputs: dict[str, Any] | None = None
    """Values by name. A text counts as what the input's type reads in it: `"3"` is 3."""
    secrets: dict[str, str | None] | None = None
    """Texts by name: what the template asks for, or has a value of its own for."""
    uploads: dict[str, str] | None = None
    """Ids of uploads by name."""
    name: str | None = None
    """Of the job. Default: the `name` in the template."""
    version: str | None = None
    """`1` or `1.2`: only such a version. Default: the newest that is active."""
    hold: bool | None = None
    """The job waits until it is released."""
    start_at: str | None = None
    """Nothing of the job begins before."""


class TemplateSpec(Body):
    """A job that is stored, to be run again and again with other inputs."""

    name: str
    """For people and for the search; expressions read it as `job.name`."""
    tasks: list[TaskEntry]
    """Run one after the other, unless they say what they need."""
    template: TemplateHead
    """Its name and version, and which inputs it asks for."""
    description: str | None = None
    """For people and for the search."""
    tags: list[str] | None = None
    """For the search: `tag:nightly`."""
    output: str | None = None
    """Evaluated when the last task is done; its value is the job's `result`."""
    defaults: Defaults | None = None
    """For the tasks that don't set their own."""
    auto_delete: AutoDelete | None = None
    """Default: the job stays as long as the server keeps jobs."""
    timeout: str | None = None
    """How long the job may take, from the start of its first task. Default: any time."""
    inputs: dict[str, Any] | None = None
    """Values for expressions, as `inputs.` and the name. A single value is a text, as it is
    spelled (`1.10` stays `1.10`); lists and mappings keep their JSON types."""
    secrets: dict[str, str | None] | None = None
    """Texts for expressions, as `secrets.` and the name; answers and logs never show them. No
    name may start with `conveyor.`."""
    stored_secrets: dict[str, str] | None = None
    """Ids of stored secrets, by the names that `secrets` has for them: a secret of the same name
    is replaced. An access key has its name with `_ACCESS_KEY`. Values are those at the
    submission."""
    uploads: dict[str, str] | None = None
    """Ids of files that were sent before, by the names that `sources` have for them."""
    budget: str | None = None
    """It fails once its tasks have cost so much, by the server's prices. Sub-jobs count for
    themselves. Default: no limit."""
    concurrency: int | None = None
    """How many of its tasks may be active at a time: in a queue, waiting for a node, or running.
    Those inside `each`, `parallel`, `spawn` and a placement count, those of sub-jobs do not.
    Default: 0, any number."""
    start_rate: str | None = None
    """How many of its tasks may start in any second (`10/s`), minute (`100/m`) or hour (`5/h`).
    Default: any number."""
    webhooks: list[Webhook] | None = None
    """Who is told about changes. Default: nobody."""
    permissions: list[Permission] | None = None
    """Who may see the job, or act on it too, beside its creator. Default: everybody, unless the
    server is set otherwise (`CONVEYOR_AUTH_DEFAULT_ACCESS`)."""


class TemplateSummary(Answer):
    """One version of a template, as lists show it."""

    kind: Literal["app", "engine", "template", "job"] | str
    """`job`: a stored job."""
    name: str
    """As pushed."""
    version: str
    """As pushed: `major.minor`."""
    revision: int
    """How often this version was pushed."""
    status: Literal["active", "inactive"] | str
    """Of an `inactive` one no job is made."""
    is_public: bool
    """Whether everybody may see and run it."""
    created_at: datetime
    """When it was pushed first."""
    updated_at: datetime
    """When it was pushed last."""
    language: Literal["bacalhau"] | str | None = None
    """Of a stored job in another language: which."""
    description: str | None = None
    """As pushed."""
    owner: UserView | None = None
    """Who pushed it first."""
    versions: int | None = None
    """In a list: how many versions there are."""
    access: Literal["view", "operate"] | str | None = None
    """What the caller may do: with `view` only look, and run it."""


class TemplateVersion(Answer):
    """One version of a template, with what a job is made of."""

    kind: Literal["app", "engine", "template", "job"] | str
    """`job`: a stored job."""
    name: str
    """As pushed."""
    version: str
    """As pushed: `major.minor`."""
    revision: int
    """How often this version was pushed."""
    status: Literal["active", "inactive"] | str
    """Of an `inactive` one no job is made."""
    is_public: bool
    """Whether everybody may see and run it."""
    created_at: datetime
    """When it was pushed first."""
    updated_at: datetime
    """When it was pushed last."""
    input_schema: dict[str, Any]
    """JSON Schema of its inputs, the `properties` in the order of a form. A property with
    `"x-type": "file"` asks for an upload, with `"secret"` for a secret."""
    definition: dict[str, Any]
    """What was pushed, secrets taken out."""
    language: Literal["bacalhau"] | str | None = None
    """Of a stored job in another language: which."""
    description: str | None = None
    """As pushed."""
    owner: UserView | None = None
    """Who pushed it first."""
    versions: int | None = None
    """In a list: how many versions there are."""
    access: Literal["view", "operate"] | str | None = None
    """What the caller may do: with `view` only look, and run it."""
    warnings: list[JobWarning] | None = None
    """In the answer to a push: what was hardly meant."""


class TemplateVersions(Answer):
    """All versions of a template."""

    kind: Literal["app", "engine", "template", "job"] | str
    """`job`: a stored job."""
    name: str
    """Its name."""
    versions: list[TemplateSummary]
    """The newest first."""
    latest: str | None = None
    """The version that the name alone stands for; left out where none is active."""


class TemplateView(Answer):
    """A version of a template."""

    name: str
    """Its name."""
    version: str
    """`major.minor`."""


class TestSent(Answer):
    """A test event that will be sent."""

    delivery_id: str
    """`GET /webhooks/deliveries/{id}` shows what becomes of it, once a dispatcher has added it."""


class Timeline(Answer):
    """When the tasks of a job waited and ran."""

    state: str
    """The state of the job."""
    created_at: datetime
    """When the job was submitted."""
    now: datetime
    """The time of the server."""
    tasks: list[SubmittedTask]
    """The job's own list, in order; the first 1,000."""
    attempts: list[TimelineAttempt]
    """Of all its tasks, children included, by position and time; the first 20,000."""
    is_complete: bool
    """Whether these are all attempts."""
    started_at: datetime | None = None
    """When its first task began to run."""
    ended_at: datetime | None = None
    """When it became final."""


class TimelineAttempt(Answer):
    """An attempt at a task in short; `GET /tasks/{id}` shows all of it."""

    id: str
    """Of this attempt."""
    state: (
        Literal[
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
        | str
    )
    """Its state."""
    kind: Literal["task", "parallel", "each", "spawn", "subjob", "placed", "execution"] | str
    """What it is: a `task` is run by a worker of a queue, an `execution` by a node of its own."""
    position: int
    """Its place in the job's task list, counted from 1."""
    created_at: datetime
    """When this attempt was made: until `scheduledAt` it waits for its turn or its retry."""
    parent_id: str | None = None
    """The task it is a child of."""
    name: str | None = None
    """As submitted, its expressions evaluated."""
    attempt: int | None = None
    """Which retry it is, counted from 1; left out of the first attempt."""
    child_index: int | None = None
    """Its index among its parent's children, counted from 0."""
    queue: str | None = None
    """Which workers get it."""
    node_id: str | None = None
    """The worker that has or had it."""
    scheduled_at: datetime | None = None
    """When it was put on its queue."""
    started_at: datetime | None = None
    """When a worker began to run it."""
    ended_at: datetime | None = None
    """When it was done, skipped or failed; left out of one that was cancelled."""
    phase: Literal["pull", "fetch", "pre", "run", "post", "keep"] | str | None = None
    """While it runs: the phase that it was in at the last heartbeat of its worker."""
    timings: list[PhaseTiming] | None = None
    """Its phases, once it has ended."""
    exit_code: int | None = None
    """What its program returned, once it has ended by itself."""
    error: str | None = None
    """The beginning of why it failed, up to 300 characters."""
    subjob_id: str | None = None
    """The job it stands for."""
    children: TimelineCounts | None = None
    """How far its children are."""


class TimelineCounts(Answer):
    """How far the children of a task are."""

    size: int
    """How many there are."""
    completions: int
    """How many have ended."""
    failures: int | None = None
    """How many of those have failed."""


class TriggerRequest(Body):
    """A job of a scheduled job now."""

    overlap: Literal["allow", "skip", "bufferOne", "bufferAll", "cancelOther"] | None = None
    """What happens while a job of it is not final. Default: its own `overlap`."""
    inputs: dict[str, Any] | None = None
    """Values by name for this job alone; they replace inputs of the same name."""


class Upcoming(Answer):
    """The times of scheduled jobs."""

    since: datetime
    """From then on."""
    before: datetime
    """Up to then."""
    schedules: list[UpcomingSchedule]
    """Those that fire, by their first time."""
    has_more: bool
    """Whether more scheduled jobs may fire: 5,000 are looked at."""


class UpcomingSchedule(Answer):
    """The times of one scheduled job."""

    id: str
    """Of the scheduled job."""
    name: str
    """As submitted."""
    firings: list[Firing]
    """Its times, in order."""
    has_more: bool
    """Whether more of its times are before the end."""


class UpdatePolicy(Body):
    """How the executions of a new version replace those of the old one."""

    max_unavailable: int | None = None
    """At most so many are missing at a time. Default: 1."""
    healthy_after: str | None = None
    """An execution counts as healthy, and the next is replaced, once it has run so long.
    Default: 10s."""


class UpdatePolicyView(Answer):
    max_unavailable: int | None = None
    """At most so many executions are missing at a time."""
    healthy_after: str | None = None
    """How long an execution must have run before the next is replaced."""


class Upload(Answer):
    """A file that was sent for jobs to use."""

    id: str
    """What `uploads` of a job names."""
    name: str
    """As the client calls it."""
    size: int
    """In bytes."""
    sha256: str
    """In hexadecimal."""
    used: bool
    """A job or a scheduled job uses it. Else it is removed a day after it was sent."""
    created_at: datetime
    """When it was sent."""


class UploadPage(Answer):
    """A page of what the client has sent."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    total_pages: int
    """How many pages there are."""
    items: list[Upload]
    """Newest first."""
    total_items: int
    """How many items there are on all pages."""


class UsageView(Answer):
    """What was held of workers. A task without limits counts as one processor and 1 GiB."""

    run_seconds: float
    """How long they ran."""
    cpu_seconds: float
    """Processors times seconds."""
    memory_gib_seconds: float
    """GiB of memory times seconds."""
    attempts: int | None = None
    """Of a job: how many attempts have ended that a worker ran."""
    gpu_seconds: float | None = None
    """GPUs times seconds."""
    amount: str | None = None
    """Of a job: what it costs, exactly, where prices are set."""
    unit: str | None = None
    """Of `amount`."""


class User(Answer):
    """Someone who may log in."""

    id: str
    """The same for the same name."""
    username: str
    """What they log in with."""
    name: str
    """For people."""
    roles: list[str]
    """The slugs of the user's roles; everyone has `public` besides."""
    created_at: datetime | None = None
    """When the user was made."""
    disabled: bool | None = None
    """Whether the user may not log in; left out for one who may."""


class UserChange(Body):
    name: str | None = None
    """For people. Default: as it is."""
    disabled: bool | None = None
    """Whether the user may not log in. A change ends all their sessions. Default: as it is."""


class UserView(Answer):
    """Who a job belongs to, or may be seen by."""

    id: str
    """Another for each user, also of those who had the same name one after the other."""
    username: str
    """What they log in with; `key:` and the id of a key that nobody owns."""
    name: str
    """For people."""
    created_at: datetime | None = None
    """When the user was made; left out for one that is gone."""


class Wait(Body):
    """The submission is answered when the job is final, with the whole job."""

    timeout: str
    """After this long the answer is 408, and the job goes on."""


class Waiting(Answer):
    """Why a task, or a job of which no worker runs anything, goes no further at the moment."""

    reason: (
        Literal[
            "held",
            "start_at",
            "no_worker",
            "placement",
            "returned",
            "busy",
            "retry",
            "queue",
            "concurrency",
            "start_rate",
            "turn",
            "needs",
        ]
        | str
    )
    """It is `held` until its release, or waits for its `start_at`; `no_worker` serves its queue;
    no node has what its `placement` asks for; it was `returned` by a worker; all slots are
    `busy`; it waits before a `retry`, in its `queue`, for `concurrency` of its siblings or
    its job, for the `start_rate` of its job, for its `turn` among its siblings, or for tasks
    that it `needs`."""
    message: str
    """For people; its wording may change."""
    until: datetime | None = None
    """When a retry is due, or the task or job begins."""
    task_id: str | None = None
    """Of a job: the task that waits."""


class WaitingExecutions(Answer):
    """Executions of one task that ask for the same and have no node."""

    name: str
    """Of the task."""
    task_ids: list[str]
    """Of the executions, or of the task itself that waits for nodes that match."""
    message: str
    """The reasons of all nodes together, the nearest to fitting first; its wording may change."""
    nodes: list[NodePassedOver]
    """Each worker that is up."""


class JobWarning(Answer):
    """What of a submission works, but was hardly meant."""

    field: str
    """Which field, such as `tasks[0].env.A`."""
    message: str
    """What it does, and what may have been meant."""
    line: int | None = None
    """Where it stands in the body, counted from 1."""
    column: int | None = None
    """The same within the line, in characters."""


class Wasm(Body):
    """A WebAssembly module that is run instead of an image. `cmd` are its arguments."""

    module: str
    """Where one of the `sources` puts it; may hold expressions."""
    entrypoint: str | None = None
    """The function that is called. Default: `_start`."""
    imports: dict[str, str] | None = None
    """Modules that it imports, by their names: where `sources` put them. May hold expressions."""


class WasmView(Answer):
    module: str | None = None
    """Where a source puts it."""
    entrypoint: str | None = None
    """The function that is called; without it `_start`."""
    imports: dict[str, str] | None = None
    """Modules that it imports, by their names."""


class Webhook(Body):
    """Who is told about a job's changes, or a sub-job's. `if` sees `job`, and `task` for task
    events."""

    url: str
    """Where each event is posted, as JSON; may hold expressions."""
    headers: dict[str, str | None] | None = None
    """Sent with each event; values may hold expressions."""
    event: (
        Literal[
            "job.StateChange",
            "job.Progress",
            "job.PhaseChange",
            "task.StateChange",
            "task.Progress",
        ]
        | None
    ) = None
    """Which events. Default: `job.StateChange`. `job.PhaseChange` are the phases of the jobs of
    its tasks with a `partition`."""
    if_: str | None = None
    """The event is sent only when this gives true. Default: always."""
    secret: str | None = None
    """Signs the requests: `whsec_` and the base64 of 24 to 64 random bytes, best as `{{
    secrets.name }}`. Default: the server's, if it has one."""
    format: Literal["tork", "standard"] | None = None
    """The body: as Tork's, or `{type, timestamp, data}`. Default: `tork`."""
    payload: Literal["full", "thin"] | None = None
    """`thin`: ids and states only. Default: `full`."""


class WebhookView(Answer):
    url: str | None = None
    """Where events are posted."""
    headers: dict[str, str] | None = None
    """Sent with each event; values under secret-sounding names show as `[REDACTED]`."""
    event: str | None = None
    """Which events; without it `job.StateChange`."""
    if_: str | None = None
    """The condition for sending."""
    secret: str | None = None
    """What signs the requests: the expression that reads it, else `[REDACTED]`."""
    format: str | None = None
    """The body: `tork` (default) or `standard`."""
    payload: str | None = None
    """`full` (default) or `thin`: ids and states only."""


class WholeDeadLetter(Answer):
    id: str
    """The same as long as it lies there."""
    size: int
    """Of its body, in bytes."""
    contents: str
    """Its body, with known secrets redacted."""
    queue: str | None = None
    """The queue it came from; left out when it did not come from Conveyor."""
    reason: str | None = None
    """Why it could not be processed."""
    kind: str | None = None
    """The kind it names; left out when it can't be read at all."""
    job_id: str | None = None
    """The job that it speaks of, the first of several; it may be gone."""
    task_id: str | None = None
    """The task that it speaks of, the first of several."""
    message_id: str | None = None
    """The id it was sent with, which log lines name."""
    at: datetime | None = None
    """When it became a dead letter."""


class WholeExample(Answer):
    name: str
    """As in its address."""
    description: str
    """What it shows."""
    text: str
    """The file, in YAML."""
    scheduled: bool | None = None
    """It has a `schedule`, and is submitted to `POST /scheduled-jobs`."""


class WholeJobVersion(Answer):
    version: int
    """Counted from 1."""
    reason: str
    """Why there is this version."""
    created_at: datetime
    """When it was accepted."""
    is_current: bool
    """Whether it is the one that the job runs."""
    definition: dict[str, Any]
    """As submitted, with defaults; of a job of Bacalhau in its language."""
    created_by: UserView | None = None
    """Who submitted it; without authentication the guest."""
