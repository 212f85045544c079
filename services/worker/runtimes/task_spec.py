"""A task as a runtime needs it: the program, what runs before, after and beside it, its place."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    username: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """`type` names a mount type; what source and opts mean is that type's affair."""

    type: str
    target: str = ""
    source: str = ""
    opts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Ready is what answers a GET of `path` on `port` with 200."""

    port: int
    path: str = "/"
    timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """A task as a runtime needs it, secrets in clear, defaults of the worker applied.

    `dispatch` counts how often the task was given to a worker, from 1.
    `cpus` is a number of cores, `memory_bytes` a number of bytes. `files` maps a name below the
    working directory to its text. `run` is a script for `sh`; it excludes nothing else.
    `gpus` is spelled as for docker's `--gpus`. Mounts, networks and limits also hold for pre, post
    and sidecars.
    """

    task_id: str
    job_id: str
    node_id: str
    dispatch: int = 1
    image: str | None = None
    registry: RegistryLogin | None = None
    cmd: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    run: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    workdir: str | None = None
    cpus: float | None = None
    memory_bytes: int | None = None
    mounts: tuple[Mount, ...] = ()
    networks: tuple[str, ...] = ()
    gpus: str | None = None
    privileged: bool = False
    pre: "tuple[Aux, ...]" = ()
    post: "tuple[Aux, ...]" = ()
    sidecars: "tuple[Sidecar, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Aux:
    """A program before, after or beside the task's own. `label` is what errors call it."""

    label: str
    program: TaskSpec
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar(Aux):
    """`host` is the name under which the task reaches it. Without a probe, started is ready."""

    host: str
    probe: Probe | None = None
