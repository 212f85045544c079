"""The values: tasks, what runs around them, what they are made of, and jobs.

They are dataclasses of the standard library, so that who reads them needs no other package, and
making one runs no checks: a job language has made them before it compiles. They have no slots: a
copy with a few fields changed, which planning makes for every task, takes a seventh of the time
from a `__dict__` (see `parts.changed`). A value that is not set
is None, empty, 0 or false. Lists are tuples; a mapping is a dict that nobody changes.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from conveyor.extensions.tasks import DATA, Builtin, Mount, Network, Program, Wasm
from shared.definition.files import Artifact, Publication, Source
from shared.definition.placement import Execution, Placement
from shared.definition.quantities import Amount, Duration, Rate
from shared.definition.spawning import Spawning


@dataclass(frozen=True, kw_only=True)
class AuxTask(Program):
    """A program before, after or beside a task's own."""

    name: str | None = None
    description: str | None = None
    timeout: Duration | None = None


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Ready is what answers a GET of `path` on `port` with 200; without a path, what takes a
    connection there; or that in which `command` ends with 0."""

    port: int = 0
    path: str | None = "/"
    command: tuple[str, ...] = ()
    timeout: Duration | None = None


@dataclass(frozen=True, kw_only=True)
class Sidecar(AuxTask):
    """Without a probe, started is ready."""

    probe: Probe | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`cpus` is a number of processors, `memory` one of bytes."""

    cpus: Amount | None = None
    memory: Amount | None = None


TEMPORARY_EXIT_CODE = 111
"""By which a program says that another try may succeed."""


@dataclass(frozen=True, kw_only=True)
class Retry:
    """What is None is as `RetryPolicy` of the core has it. `on` holds exit codes, `timeout`,
    `lost`, `memory`. An attempt that ran for `reset_after` was healthy: retries are counted anew.
    After one that ran out of memory its limit is multiplied by `memory_factor`, up to `max_memory`.
    """

    limit: int
    initial_delay: Duration | None = None
    scaling_factor: float | None = None
    max_delay: Duration | None = None
    jitter: float | None = None
    on: tuple[int | str, ...] = ()
    reset_after: Duration | None = None
    memory_factor: float | None = None
    max_memory: Amount | None = None


@dataclass(frozen=True, kw_only=True)
class Composite:
    """How many children must complete, or may fail, as a number or as a share of 100; None: all
    must complete. With `finishes` it fails only when all its children have ended."""

    min_success: int | None = None
    min_success_percent: int | None = None
    max_failed: int | None = None
    max_failed_percent: int | None = None
    finishes: bool = False


@dataclass(frozen=True, kw_only=True)
class Parallel(Composite):
    """Tasks that run at once."""

    tasks: "tuple[TaskDefinition, ...]"


@dataclass(frozen=True, kw_only=True)
class Each(Composite):
    """`task` for every one of `items`, which are JSON values or an expression that gives them, or
    for every chunk in `chunks`, the reference of an artifact, or the first `most_chunks` of them.
    Without any it completes, or `needs_chunks`.

    Its expressions read `var` (or `item`). `concurrency` is how many run at a time, 0 any number.
    """

    items: str | list[Any] = field(default_factory=list)
    chunks: str | None = None
    needs_chunks: bool = False
    most_chunks: int | None = None
    task: "TaskDefinition"
    var: str | None = None
    concurrency: int = 0


@dataclass(frozen=True, kw_only=True)
class Stages(Composite):
    """`split` makes chunks of the sources, `task` runs for each of them, `assemble` gets what these
    have left. Each is told its parameters. Without any chunk it completes, or `needs_chunks`.
    With `is_flat`, what assemble gets is in one directory.
    """

    split: "TaskDefinition"
    task: "TaskDefinition"
    assemble: "TaskDefinition"
    split_params: dict[str, Any] = field(default_factory=dict)
    task_params: dict[str, Any] = field(default_factory=dict)
    assemble_params: dict[str, Any] = field(default_factory=dict)
    concurrency: int = 0
    needs_chunks: bool = False
    is_flat: bool = False


@dataclass(frozen=True, kw_only=True)
class Spawn:
    """`task` once, and then for all that its children make: at most `max_tasks` in all. With a
    barrier, none begins before all of earlier sequences have ended. Its expressions read `item`.
    `concurrency` as of `Each`; with `explicit_success` one that leaves no result has failed."""

    task: "TaskDefinition"
    concurrency: int = 0
    has_barrier: bool = True
    max_tasks: int = 10_000
    explicit_success: bool = False


SHARED_CACHE, USER_CACHE = f"{DATA}/cache/shared", f"{DATA}/cache/user"
"""Directories that outlive a task: one that all tasks of a worker read, and one in which those of
one owner leave what they like for each other."""

DEFAULT_GRACE_SECONDS = 10.0
"""Of a task without a `grace_period`."""


@dataclass(frozen=True, kw_only=True)
class TaskDefinition(Program):
    """A task as submitted, or (evaluated) as a worker gets it.

    It is made of at most one of `placement`, `parallel`, `each`, `spawn`, `subjob` and `partition`.
    `needs` names those of its list that it waits for; None: all that are listed before it. `gpus`
    is spelled as for docker's `--gpus`. Mounts, networks and limits also hold for pre, post and
    sidecars.
    `grace_period` is the time from the `stop_signal` (such as SIGINT) to the kill. A result over
    the limit is kept as the artifact `large_result`, if that is named. It succeeds with one of
    `success_codes`, or with `any_exit_code`. With `bundle`, all its artifacts, `stdout`, `stderr`
    and `exitCode` are kept as one directory, the artifact of that name, however it ends.
    `directories` are paths below /tork/data by the variables that name them; it finds them empty,
    with what sources bring there, or as the caches of its worker. `cache_owner` is whose
    USER_CACHE is, "" stands for nobody. With `reuse` it ends as one that has done the same work.
    """

    name: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    workdir: str | None = None
    queue: str | None = None
    var: str | None = None
    condition: str | None = None
    retry: Retry | None = None
    limits: Limits | None = None
    timeout: Duration | None = None
    grace_period: Duration | None = None
    stop_signal: str | None = None
    queue_timeout: Duration | None = None
    priority: int = 0
    allow_failure: bool = False
    reuse: bool | None = None
    needs: tuple[str, ...] | None = None
    pre: tuple[AuxTask, ...] = ()
    post: tuple[AuxTask, ...] = ()
    sidecars: tuple[Sidecar, ...] = ()
    mounts: tuple[Mount, ...] = ()
    sources: tuple[Source, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    directories: dict[str, str] = field(default_factory=dict)
    cache_owner: str | None = None
    publish: tuple[Publication, ...] = ()
    large_result: str | None = None
    bundle: str | None = None
    networks: tuple[str, ...] = ()
    gpus: str | None = None
    privileged: bool = False
    success_codes: tuple[int, ...] = (0,)
    any_exit_code: bool = False
    network: Network | None = None
    wasm: Wasm | None = None
    builtin: Builtin | None = None
    execution: Execution | None = None
    placement: Placement | None = None
    parallel: Parallel | None = None
    each: Each | None = None
    spawn: Spawn | None = None
    spawning: Spawning | None = None
    subjob: "SubJobDefinition | None" = None
    partition: Stages | None = None


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """For every task that doesn't set its own."""

    retry: Retry | None = None
    limits: Limits | None = None
    timeout: Duration | None = None
    queue: str | None = None
    priority: int = 0


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """`event` None is a change of the job's state."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    event: str | None = None
    condition: str | None = None
    secret: str | None = None
    format: Literal["tork", "standard"] = "tork"
    payload: Literal["full", "thin"] = "full"


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One of the two may act on the job, or with the access `view` only see it."""

    role: str | None = None
    user: str | None = None
    access: Literal["view", "operate"] = "operate"


@dataclass(frozen=True, kw_only=True)
class TemplateUse:
    """Which template a job was made of: the `tag` that was asked for, and what that was then, as
    name@major.minor. `inputs` are those that were given; of secrets and uploads the names."""

    tag: str
    version: str
    owner: str | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """A submission of the job is answered with one that does the same work, if there is one: of the
    same creator, or any that they may see; one that has not ended too, if `takes_unfinished`; that
    ended at most `max_age` ago. Of those that left something else each time none is taken, or the
    oldest. A `nondeterministic` job itself is never taken. `tasks`: its tasks may end as others."""

    scope: Literal["own", "readable"] = "own"
    takes_unfinished: bool = True
    max_age: Duration | None = None
    takes_oldest: bool = False
    nondeterministic: bool = False
    tasks: bool = False


@dataclass(frozen=True, kw_only=True)
class JobDefinition:
    """`secrets` are in clear: they are sealed before anything is stored. `uploads` are their ids by
    the names that sources have for them. With `hold` it waits to be released, and nothing of it
    begins before `start_at`; it fails at its `deadline`. Both are in UTC. It also fails once it has
    cost its `budget`, a decimal number. At most `concurrency` of its tasks are active at a time, 0
    for any number, and no more start than `start_rate` says."""

    name: str
    description: str | None = None
    tags: tuple[str, ...] = ()
    tasks: tuple[TaskDefinition, ...] = ()
    inputs: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, str] = field(default_factory=dict)
    output: str | None = None
    defaults: Defaults | None = None
    webhooks: tuple[Webhook, ...] = ()
    permissions: tuple[Permission, ...] = ()
    auto_delete: Duration | None = None
    timeout: Duration | None = None
    hold: bool = False
    start_at: datetime | None = None
    deadline: datetime | None = None
    budget: str | None = None
    concurrency: int = 0
    start_rate: Rate | None = None
    template: TemplateUse | None = None
    reuse: Reuse | None = None


@dataclass(frozen=True, kw_only=True)
class SubJobDefinition(JobDefinition):
    """A job that a task stands for. `detached`: the task doesn't wait for its end."""

    detached: bool = False
