"""The values: tasks, what runs around them, what they are made of, and jobs.

They are dataclasses of the standard library, so that who reads them needs no other package, and
making one runs no checks: a job language has made them before it compiles. They have no slots: a
copy with a few fields changed, which planning makes for every task, takes a seventh of the time
from a `__dict__` (see `parts.changed`). A value that is not set
is None, empty, 0 or false. Lists are tuples; a mapping is a dict that nobody changes.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from conveyor.extensions.tasks import Mount, Program
from shared.definition.files import Artifact, Publication, Source


@dataclass(frozen=True)
class Duration:
    """`text` is how the client spelled it, which answers repeat."""

    seconds: float
    text: str


def span_of(duration: Duration | None) -> timedelta | None:
    return None if duration is None else timedelta(seconds=duration.seconds)


@dataclass(frozen=True)
class Amount:
    """A number of processors or of bytes; `text` as in `Duration`."""

    value: int | float
    text: str


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


@dataclass(frozen=True, kw_only=True)
class Retry:
    """What is None is as `RetryPolicy` of the core has it. `on` holds exit codes, `timeout`,
    `lost`."""

    limit: int
    initial_delay: Duration | None = None
    scaling_factor: float | None = None
    max_delay: Duration | None = None
    jitter: float | None = None
    on: tuple[int | str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Composite:
    """How many children must complete, as a number or as a share of 100; None: all."""

    min_success: int | None = None
    min_success_percent: int | None = None


@dataclass(frozen=True, kw_only=True)
class Parallel(Composite):
    """Tasks that run at once."""

    tasks: "tuple[TaskDefinition, ...]"


@dataclass(frozen=True, kw_only=True)
class Each(Composite):
    """`task` for every one of `items`, which are JSON values or an expression that gives them.

    Its expressions read `var` (or `item`). `concurrency` is how many run at a time, 0 any number.
    """

    items: str | list[Any]
    task: "TaskDefinition"
    var: str | None = None
    concurrency: int = 0


DEFAULT_GRACE_SECONDS = 10.0
"""Of a task without a `grace_period`."""


@dataclass(frozen=True, kw_only=True)
class TaskDefinition(Program):
    """A task as submitted, or (evaluated) as a worker gets it.

    It is made of at most one of `parallel`, `each` and `subjob`. `needs` names those of its list
    that it waits for; None: all that are listed before it. `gpus` is spelled as for docker's
    `--gpus`. Mounts, networks and limits also hold for pre, post and sidecars. `grace_period` is
    the time from the stop signal to the kill. A result over the limit is kept as the artifact
    `large_result`, if that is named.
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
    queue_timeout: Duration | None = None
    priority: int = 0
    allow_failure: bool = False
    needs: tuple[str, ...] | None = None
    pre: tuple[AuxTask, ...] = ()
    post: tuple[AuxTask, ...] = ()
    sidecars: tuple[Sidecar, ...] = ()
    mounts: tuple[Mount, ...] = ()
    sources: tuple[Source, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    publish: tuple[Publication, ...] = ()
    large_result: str | None = None
    networks: tuple[str, ...] = ()
    gpus: str | None = None
    privileged: bool = False
    parallel: Parallel | None = None
    each: Each | None = None
    subjob: "SubJobDefinition | None" = None


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
class JobDefinition:
    """`secrets` are in clear: they are sealed before anything is stored. `uploads` are their ids by
    the names that sources have for them."""

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


@dataclass(frozen=True, kw_only=True)
class SubJobDefinition(JobDefinition):
    """A job that a task stands for. `detached`: the task doesn't wait for its end."""

    detached: bool = False
