"""The settings of a worker."""

import re
import socket
from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from services.worker.blame import HoldRules
from services.worker.capacity import Capacity, Resource
from services.worker.runtimes.settings import RuntimeSettings
from shared.definition.labels import parse_labels
from shared.definition.quantities import parse_cpus, parse_duration, parse_memory
from shared.files.settings import FilesSettings
from shared.messages.queues import DEFAULT_TASK_QUEUE, parse_queues
from shared.process.settings.blocks import Block, HealthSettings, NodesSettings
from shared.process.settings.loading import ServiceSettings

_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse_host_env(text: str) -> dict[str, str]:
    """`HTTP_PROXY,AWS_REGION:REGION` as {host variable: name that tasks see}."""
    aliases: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, alias = entry.partition(":")
        for each in (name, alias or name):
            if not _ALIAS.fullmatch(each):
                raise ValueError(f"{entry!r}: must be VARIABLE or VARIABLE:ALIAS")
        aliases[name] = alias or name
    return aliases


def _queues(text: str) -> str:
    parse_queues(text)
    return text


def _readable_by(parse: Callable[[str], object]) -> AfterValidator:
    """Keep the text as it was set, once `parse` can read it; empty means not set."""

    def check(text: str) -> str:
        if text:
            parse(text)
        return text

    return AfterValidator(check)


def _parse_count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("must be a whole number such as 2")
    return int(text)


def _share(text: str) -> float:
    """Of `80%`, of what there is. Raises ValueError."""
    number = text.removesuffix("%")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]+)?", number) or not 0 < float(number) <= 100:
        raise ValueError("a share must be more than 0% and at most 100%, such as 80%")
    return float(number) / 100


def _part_of(parse: Callable[[str], float], machine: int, text: str, unit: int = 1) -> int:
    """`text` as a share of what `machine` has, or by itself. `unit`: what `parse` counts in."""
    if text.endswith("%"):
        return int(machine * _share(text))
    return round(parse(text) * unit)


def _share_or(parse: Callable[[str], float]) -> AfterValidator:
    return _readable_by(lambda text: _share(text) if text.endswith("%") else parse(text))


Cpus = Annotated[str, _readable_by(parse_cpus)]
Memory = Annotated[str, _readable_by(parse_memory)]
CpuPart = Annotated[str, _share_or(parse_cpus)]
MemoryPart = Annotated[str, _share_or(parse_memory)]
GpuPart = Annotated[
    str, BeforeValidator(lambda v: "" if v is None else str(v)), _share_or(_parse_count)
]

_BEATS_IN_A_LEASE = 3
_MAX_EXECUTIONS = 100
_DEFAULT_PART = {
    Resource.MILLICPUS: "80%",
    Resource.MEMORY: "80%",
    Resource.DISK: "80%",
    Resource.GPUS: "100%",
}


def _check_url(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return text.rstrip("/")


class WorkSettings(Block):
    name: str = Field(
        default_factory=socket.gethostname, description="Name of this worker in `GET /nodes`."
    )
    queues: Annotated[str, AfterValidator(_queues)] = Field(
        f"{DEFAULT_TASK_QUEUE}:4",
        description="Task queues, each with its maximum number of concurrent tasks: "
        "`default:4,highcpu:2`.",
    )
    lease_seconds: float = Field(
        30,
        ge=3,
        description="Time without a confirmed heartbeat after which this worker is lost: it stops "
        "its tasks, and other workers run them.",
    )
    heartbeat_seconds: float = Field(5, gt=0, description="Heartbeat interval.")
    claim_repeat_seconds: float = Field(
        5, gt=0, description="Time without a response after which a claim is repeated."
    )
    hold_seconds: float = Field(
        60,
        gt=0,
        le=900,
        description="Time after which the message of a running task is acknowledged, well before "
        "the time-out of the broker (30 minutes).",
    )
    runtime_look_seconds: float = Field(
        5, gt=0, description="Interval of the health checks of the runtime."
    )
    leftovers_look_seconds: float = Field(
        60, gt=0, description="Interval of the removal of leftovers of lost workers."
    )
    drain_seconds: float = Field(
        30,
        ge=0,
        description="Time for running tasks to finish after SIGTERM, before they are returned to "
        "their queue.",
    )
    api_url: Annotated[str, AfterValidator(_check_url)] = Field(
        "",
        description="Address at which tasks reach the API: `http://coordinator:8000`. If it is "
        "set, tasks with a `spawn` get a token that is valid while they run; otherwise they can "
        "only write to `$TORK_SPAWN`.",
    )
    node_hold_jobs: int = Field(
        5,
        ge=0,
        le=1000,
        description="Number of jobs in a row with failures that may be the fault of the machine "
        "after which this worker takes no new tasks for a while: exit code 111, a runtime that "
        "declines a task, an error of the worker. A job counts once; a task that succeeds starts "
        "the count anew. 0: never. `conveyor dev`: 0.",
    )
    node_hold_seconds: float = Field(
        60,
        gt=0,
        description="Duration of the first hold. Each further one without a success in between is "
        "twice as long.",
    )
    node_hold_max_seconds: float = Field(600, gt=0, description="Maximum duration of a hold.")
    state_directory: str | None = Field(
        None,
        min_length=1,
        description="Directory for what the next worker of this name on this machine needs to go "
        "on with the services and daemons of this one: their containers outlive a restart of the "
        "worker. It must outlive the restart as well, and the worker must not be the main process "
        "of a container. Unset: `$RUNTIME_DIRECTORY`, `$XDG_RUNTIME_DIR`, or the temporary "
        "directory.",
    )
    log_flush_seconds: float = Field(0.2, gt=0, description="Interval in which log lines are sent.")
    host_env: Annotated[str, _readable_by(parse_host_env)] = Field(
        "",
        description="Environment variables of the worker that tasks see, each with an optional "
        "alias: `HTTP_PROXY,AWS_REGION:REGION`.",
    )
    env_allowed: str = Field(
        "",
        description="Environment variables of the worker that jobs in Bacalhau's language can read "
        "by values such as `env:AWS_REGION`, comma-separated; `*` and `?` stand for any "
        "characters: `AWS_*,REGION` allows no `MY_AWS_KEY`.",
    )
    default_cpus: Cpus = Field(
        "", description="CPU limit of tasks without one, such as `0.5`. Empty: none."
    )
    default_memory: Memory = Field(
        "", description="Memory limit of tasks without one, such as `500m`. Empty: none."
    )
    max_cpus: Cpus = Field(
        "",
        description="Maximum CPU limit of a task, and the limit of tasks without one if there is "
        "no `default_cpus`. Empty: unlimited.",
    )
    max_memory: Memory = Field(
        "",
        description="Maximum memory limit of a task, and the limit of tasks without one if there "
        "is no `default_memory`. Empty: unlimited.",
    )
    default_timeout: Annotated[str, _readable_by(parse_duration)] = Field(
        "", description="Time-out of tasks without one, such as `1h`. Empty: none."
    )

    labels: Annotated[str, _readable_by(parse_labels)] = Field(
        "",
        description="Labels of this worker, which the constraints of placed tasks can ask for: "
        "`region=eu,service=WebService`. They are added to those that are found (`os_type`, "
        "`os_arch`, `name`, `hostname`, `GPU-0`, …), and take precedence.",
    )
    max_executions: int | None = Field(
        None,
        ge=0,
        le=10_000,
        description="Maximum number of placed executions at once, beside the tasks of its queues. "
        "Unset: 100, or as many as `shell_uids` has left.",
    )
    capacity_cpus: CpuPart = Field(
        "",
        description="Total CPU limits of concurrent tasks, such as `8`, or `80%` of the CPUs of "
        "the machine. A task whose limit exceeds what is left waits in its queue. Empty: tasks of "
        "queues are unlimited, and placed executions get 80 % of the machine.",
    )
    capacity_memory: MemoryPart = Field(
        "",
        description="Total memory limits of concurrent tasks, such as `32g` or `80%`. Empty: as "
        "`capacity_cpus`.",
    )
    capacity_disk: MemoryPart = Field(
        "",
        description="Total disk that placed executions can ask for, such as `100g`, or a share of "
        "what was free in the directory of tasks when the worker started. Empty: `80%`.",
    )
    capacity_gpus: GpuPart = Field(
        "",
        description="Total GPUs of concurrent tasks, such as `2` or `50%`. Unset: all GPUs that "
        "are found. Each task has its own.",
    )

    @model_validator(mode="after")
    def _beats_often_enough(self) -> "WorkSettings":
        if self.heartbeat_seconds * _BEATS_IN_A_LEASE > self.lease_seconds:
            raise ValueError(
                f"heartbeat_seconds ({self.heartbeat_seconds:g}) must be at most a third of "
                f"lease_seconds ({self.lease_seconds:g}): one lost heartbeat must not lose a lease"
            )
        return self

    @model_validator(mode="after")
    def _is_held_by_several_jobs(self) -> "WorkSettings":
        if self.node_hold_jobs == 1:
            raise ValueError("node_hold_jobs must be 0 or at least 2: one job may be broken itself")
        return self

    @property
    def hold_rules(self) -> HoldRules:
        return HoldRules(self.node_hold_jobs, self.node_hold_seconds, self.node_hold_max_seconds)


class WorkerSettings(ServiceSettings):
    health: HealthSettings = HealthSettings(address="127.0.0.1:8004")
    worker: WorkSettings = WorkSettings()
    runtime: RuntimeSettings = RuntimeSettings()
    files: FilesSettings = FilesSettings()
    nodes: NodesSettings = NodesSettings()

    @property
    def slots(self) -> int:
        """Tasks of queues at once."""
        return sum(parse_queues(self.worker.queues).values())

    @property
    def max_executions(self) -> int:
        if self.worker.max_executions is not None:
            return self.worker.max_executions
        uids = len(self.runtime.shell_uids)
        return min(_MAX_EXECUTIONS, uids - self.slots) if uids else _MAX_EXECUTIONS

    @model_validator(mode="after")
    def _a_user_for_each_slot(self) -> "WorkerSettings":
        tasks, uids = self.slots + (self.worker.max_executions or 0), self.runtime.shell_uids
        if uids and len(uids) < tasks:
            raise ValueError(
                f"runtime.shell_uids ({len(uids)}) must be at least {tasks}, the slots and "
                "worker.max_executions"
            )
        return self


def capacity_of(settings: WorkerSettings, machine: Mapping[Resource, int]) -> Capacity:
    """What tasks get of `machine`."""
    work = settings.worker
    parts = {
        Resource.MILLICPUS: (work.capacity_cpus, parse_cpus, 1000),
        Resource.MEMORY: (work.capacity_memory, parse_memory, 1),
        Resource.DISK: (work.capacity_disk, parse_memory, 1),
        Resource.GPUS: (work.capacity_gpus, _parse_count, 1),
    }
    amounts = {
        resource: _part_of(parse, machine.get(resource, 0), text or _DEFAULT_PART[resource], unit)
        for resource, (text, parse, unit) in parts.items()
    }
    # No two tasks share a GPU, so who wants one waits in the queue.
    known_gpus = {Resource.GPUS} if machine.get(Resource.GPUS) else set()
    limited = frozenset(resource for resource, (text, *_) in parts.items() if text) | known_gpus
    return Capacity(parse_queues(work.queues), amounts, limited)
