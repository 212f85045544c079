"""A task as a runtime needs it: its definition, whose it is, and the worker's defaults applied."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

DATA = "/tork/data"
"""What the paths of a task's `directories` begin with."""
DEFAULT_PREFIX = "CONVEYOR"
"""Of the variables that tell an execution what it is, and a task its ports."""


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
    itself: nothing is brought to such a place. One that `is_linked` is never copied: where it can't
    be mounted for reading only, the rights of its files say who may write there.
    """

    target: str
    is_directory: bool = True
    read_only: bool = False
    bind: str | None = None
    is_linked: bool = False


@dataclass(frozen=True, kw_only=True)
class Port:
    """`name` is that of its variables. `static` is the port of the node, None: any that is free;
    `target` that in the container, None: the same. `address` of the node takes connections."""

    name: str
    static: int | None = None
    target: int | None = None
    address: str = "0.0.0.0"  # noqa: S104 - as asked for


@dataclass(frozen=True, kw_only=True)
class Network:
    """`http` reaches nothing but `domains`, by a proxy; `.example.com` is it and all below it."""

    type: Literal["default", "none", "host", "bridge", "full", "http"] = "default"
    domains: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Wasm:
    """A WebAssembly module instead of an image: `module` and `imports` are where sources put them.
    The task's `cmd` are its arguments."""

    module: str
    entrypoint: str = "_start"
    imports: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Builtin:
    """A program that comes with the worker instead of an image: `name` says which, `params` are
    its own."""

    name: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TaskSpec(Program):
    """Secrets are in clear. `dispatch` counts how often the task was given to a worker, from 1.

    `cpus` is a number of cores, `memory_bytes` and `disk_bytes` numbers of bytes. `gpus` is spelled
    as for docker's `--gpus`; `gpu_devices` are those that the worker gave to the task for it, none
    where it doesn't know its GPUs. `mounts`, `places`, `networks`, `network` and the limits also
    hold for `pre`, `post` and `sidecars`; `stop_signal` (SIGINT, None: the runtime's usual one)
    does not.
    `grace_seconds` is the time from `terminate` to `stop`. The variables of ports begin with
    `variable_prefix`. `directories` are paths below /tork/data by the variables that name them: a
    runtime whose tasks have no root of their own has them elsewhere, and tells them where.
    With `keeps_large_result`, a result over the limit is no failure, see `Outcome`. It
    succeeds with one of `success_codes`, None: with any exit code. `on_output` is told what its own
    program writes, by the number of the stream (1 or 2), besides its log.
    """

    task_id: str
    job_id: str
    node_id: str
    dispatch: int = 1
    workdir: str | None = None
    cpus: float | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    mounts: tuple[Mount, ...] = ()
    places: tuple[Place, ...] = ()
    directories: dict[str, str] = field(default_factory=dict)
    networks: tuple[str, ...] = ()
    network: Network | None = None
    variable_prefix: str = DEFAULT_PREFIX
    gpus: str | None = None
    gpu_devices: tuple[str, ...] = ()
    wasm: Wasm | None = None
    builtin: Builtin | None = None
    privileged: bool = False
    keeps_large_result: bool = False
    success_codes: tuple[int, ...] | None = (0,)
    on_output: Callable[[int, bytes], None] | None = None
    grace_seconds: float = 10.0
    stop_signal: str | None = None
    pre: "tuple[Aux, ...]" = ()
    post: "tuple[Aux, ...]" = ()
    sidecars: "tuple[Sidecar, ...]" = ()

    def succeeds_with(self, exit_code: int) -> bool:
        return self.success_codes is None or exit_code in self.success_codes


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
