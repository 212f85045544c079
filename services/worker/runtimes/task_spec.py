"""A task as a runtime needs it: its definition, whose it is, and the worker's defaults applied."""

from dataclasses import dataclass

from shared.definition import DEFAULT_GRACE_SECONDS, Mount, Probe, Program


@dataclass(frozen=True, kw_only=True)
class TaskSpec(Program):
    """Secrets are in clear. `dispatch` counts how often the task was given to a worker, from 1.

    `cpus` is a number of cores, `memory_bytes` a number of bytes. What else the fields say is as in
    `TaskDefinition`.
    """

    task_id: str
    job_id: str
    node_id: str
    dispatch: int = 1
    workdir: str | None = None
    cpus: float | None = None
    memory_bytes: int | None = None
    mounts: tuple[Mount, ...] = ()
    networks: tuple[str, ...] = ()
    gpus: str | None = None
    privileged: bool = False
    grace_seconds: float = DEFAULT_GRACE_SECONDS
    pre: "tuple[Aux, ...]" = ()
    post: "tuple[Aux, ...]" = ()
    sidecars: "tuple[Sidecar, ...]" = ()


@dataclass(frozen=True, kw_only=True)
class Aux:
    """A program before, after or beside the task's own. `label` is what errors call it."""

    label: str
    program: TaskSpec
    timeout_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Sidecar(Aux):
    """`host` is the name under which the task reaches it."""

    host: str
    probe: Probe | None = None
