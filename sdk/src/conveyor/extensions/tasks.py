"""A task as a runtime needs it: its definition, whose it is, and the worker's defaults applied."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Registry:
    """The login for an image."""

    username: str = ""
    password: str = ""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What is run. `run` is a script for `sh`; it excludes nothing else. `files` maps a name below
    the working directory to its text. In a job as submitted, `image` (None: none), `registry`,
    `cmd` and the values of `env` may hold expressions."""

    image: str | None = None
    registry: Registry | None = None
    cmd: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    run: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Mount:
    """`type` names a mount type; what source and opts mean is that type's affair."""

    type: str
    source: str = ""
    target: str = ""
    opts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the task finds what is brought to it; a relative `target` is below its working
    directory.

    `bind` is a directory or file of the worker's machine, checked by the worker, which is there
    itself: nothing is brought to such a place.
    """

    target: str
    is_directory: bool = True
    read_only: bool = False
    bind: str | None = None


@dataclass(frozen=True, kw_only=True)
class TaskSpec(Program):
    """Secrets are in clear. `dispatch` counts how often the task was given to a worker, from 1.

    `cpus` is a number of cores, `memory_bytes` a number of bytes. `gpus` is spelled
    as for docker's `--gpus`. `mounts`, `places`, `networks` and the limits also hold for `pre`,
    `post` and `sidecars`. `grace_seconds` is the time from `terminate` to `stop`. With
    `keeps_large_result`, a result over the limit is no failure, see `Outcome`.
    """

    task_id: str
    job_id: str
    node_id: str
    dispatch: int = 1
    workdir: str | None = None
    cpus: float | None = None
    memory_bytes: int | None = None
    mounts: tuple[Mount, ...] = ()
    places: tuple[Place, ...] = ()
    networks: tuple[str, ...] = ()
    gpus: str | None = None
    privileged: bool = False
    keeps_large_result: bool = False
    grace_seconds: float = 10.0
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
class Probe:
    """Ready is what answers a GET of `path` on `port` with 200; without a path, what takes a
    connection there; or that in which `command` ends with 0. `timeout_seconds` None: the runtime's
    own."""

    port: int = 0
    path: str | None = "/"
    command: tuple[str, ...] = ()
    timeout_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Sidecar(Aux):
    """`host` is the name under which the task reaches it."""

    host: str
    probe: Probe | None = None
