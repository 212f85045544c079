"""The settings of a worker."""

import re
import socket
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from services.worker.capacity import Capacity, Resource
from services.worker.runtimes.settings import RuntimeSettings
from shared.definition.quantities import parse_cpus, parse_duration, parse_memory
from shared.files.settings import FilesSettings
from shared.messages.queues import DEFAULT_TASK_QUEUE, parse_queues
from shared.process.settings.blocks import Block, HealthSettings
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


Cpus = Annotated[str, _readable_by(parse_cpus)]
Memory = Annotated[str, _readable_by(parse_memory)]

_BEATS_IN_A_LEASE = 3


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
    log_flush_seconds: float = Field(0.2, gt=0, description="Interval in which log lines are sent.")
    host_env: Annotated[str, _readable_by(parse_host_env)] = Field(
        "",
        description="Environment variables of the worker that tasks see, each with an optional "
        "alias: `HTTP_PROXY,AWS_REGION:REGION`.",
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

    capacity_cpus: Cpus = Field(
        "",
        description="Total CPU limits of concurrent tasks, such as `8`. A task whose limit "
        "exceeds what is left waits in its queue. Empty: unlimited.",
    )
    capacity_memory: Memory = Field(
        "", description="Total memory limits of concurrent tasks, such as `32g`. Empty: unlimited."
    )
    capacity_gpus: int | None = Field(
        None, ge=0, description="Total GPUs of concurrent tasks. Unset: unlimited."
    )

    @model_validator(mode="after")
    def _beats_often_enough(self) -> "WorkSettings":
        if self.heartbeat_seconds * _BEATS_IN_A_LEASE > self.lease_seconds:
            raise ValueError(
                f"heartbeat_seconds ({self.heartbeat_seconds:g}) must be at most a third of "
                f"lease_seconds ({self.lease_seconds:g}): one lost heartbeat must not lose a lease"
            )
        return self


class WorkerSettings(ServiceSettings):
    health: HealthSettings = HealthSettings(address="127.0.0.1:8004")
    worker: WorkSettings = WorkSettings()
    runtime: RuntimeSettings = RuntimeSettings()
    files: FilesSettings = FilesSettings()

    @model_validator(mode="after")
    def _a_user_for_each_slot(self) -> "WorkerSettings":
        slots, uids = sum(parse_queues(self.worker.queues).values()), self.runtime.shell_uids
        if uids and len(uids) < slots:
            raise ValueError(
                f"runtime.shell_uids ({len(uids)}) must be at least {slots}, the slots"
            )
        return self


def capacity_of(settings: WorkSettings) -> Capacity:
    amounts: dict[Resource, int] = {}
    if settings.capacity_cpus:
        amounts[Resource.MILLICPUS] = round(parse_cpus(settings.capacity_cpus) * 1000)
    if settings.capacity_memory:
        amounts[Resource.MEMORY] = parse_memory(settings.capacity_memory)
    if settings.capacity_gpus is not None:
        amounts[Resource.GPUS] = settings.capacity_gpus
    return Capacity(parse_queues(settings.queues), amounts)
