"""What the API answers, as models: Tork's names on the wire, empty fields left out."""

from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

T = TypeVar("T")

JobStateName = Literal["PENDING", "SCHEDULED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
TaskStateName = Literal[
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


def _alias(name: str) -> str:
    return to_camel(name.rstrip("_"))


class Answer(BaseModel):
    """The base of all answers. Built with the names on the wire or Python's."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",  # a definition may hold what a later version put there
        alias_generator=AliasGenerator(alias=_alias),
        validate_by_name=True,
        validate_by_alias=True,
    )

    def body(self) -> bytes:
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_none=True)


class Error(Answer):
    """What went wrong, in a sentence."""

    message: str


class Status(Answer):
    status: Literal["OK"] = "OK"


class Health(Answer):
    """`missing` names what should be there and isn't."""

    status: Literal["UP", "DOWN"]
    missing: list[str] | None = None


class PageOf(Answer, Generic[T]):
    number: int
    size: int
    total_pages: int
    items: list[T]
    total_items: int


class RetryView(Answer):
    """`attempts` counts the retries that were made."""

    limit: int | None = None
    attempts: int | None = None
    initial_delay: str | None = None
    scaling_factor: float | None = None
    max_delay: str | None = None
    jitter: float | None = None


class LimitsView(Answer):
    cpus: str | None = None
    memory: str | None = None


class RegistryView(Answer):
    username: str | None = None
    password: str | None = None


class Task(Answer):
    """A task as submitted, or, with `id` and `state`, one attempt at it."""

    id: str | None = None
    job_id: str | None = None
    position: int | None = None
    name: str | None = None
    description: str | None = None
    state: TaskStateName | None = None
    created_at: datetime | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    cmd: list[str] | None = None
    entrypoint: list[str] | None = None
    run: str | None = None
    image: str | None = None
    registry: RegistryView | None = None
    env: dict[str, str] | None = None
    files: dict[str, str] | None = None
    workdir: str | None = None
    queue: str | None = None
    error: str | None = None
    node_id: str | None = None
    retry: RetryView | None = None
    limits: LimitsView | None = None
    timeout: str | None = None
    result: str | None = None
    var: str | None = None
    if_: str | None = None
    priority: int | None = None
    progress: float | None = None
    tags: list[str] | None = None


class DefaultsView(Answer):
    retry: RetryView | None = None
    limits: LimitsView | None = None
    timeout: str | None = None
    queue: str | None = None
    priority: int | None = None


class WebhookView(Answer):
    url: str | None = None
    headers: dict[str, str] | None = None
    event: str | None = None
    if_: str | None = None


class AutoDeleteView(Answer):
    after: str


class Context(Answer):
    """What expressions can read. Secrets show their names alone."""

    job: dict[str, str] | None = None
    inputs: dict[str, JsonValue] | None = None
    secrets: dict[str, str] | None = None
    tasks: dict[str, str] | None = None


class JobSummary(Answer):
    """A job as lists show it."""

    id: str
    parent_id: str | None = None
    name: str
    description: str | None = None
    tags: list[str] | None = None
    inputs: dict[str, JsonValue] | None = None
    state: JobStateName
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    position: int
    task_count: int
    progress: float | None = None
    result: str | None = None
    error: str | None = None


class Job(JobSummary):
    """The whole job: `tasks` as submitted, `execution` as they ran, all attempts."""

    tasks: list[Task]
    execution: list[Task]
    context: Context
    secrets: dict[str, str] | None = None
    output: str | None = None
    defaults: DefaultsView | None = None
    webhooks: list[WebhookView] | None = None
    auto_delete: AutoDeleteView | None = None
    delete_at: datetime | None = None


class JobPage(PageOf[JobSummary]):
    """A page of the list of jobs."""


class LogPart(Answer):
    """A piece of a task's log; `number` counts from 1 within the task."""

    id: str
    number: int
    task_id: str
    contents: str
    created_at: datetime


class LogPage(PageOf[LogPart]):
    """A page of a log."""


class Node(Answer):
    """A worker that has shown a sign of life within the last five minutes."""

    id: str
    name: str
    started_at: datetime
    cpu_percent: float
    last_heartbeat_at: datetime
    queue: str
    status: Literal["UP", "DOWN", "OFFLINE"]
    hostname: str
    port: int
    task_count: int
    version: str


class Queue(Answer):
    """`size` is what waits; `unacked` the running tasks of a task queue, 0 for other queues."""

    name: str
    size: int
    subscribers: int
    unacked: int = Field(ge=0)


class JobMetrics(Answer):
    running: int


class TaskMetrics(Answer):
    running: int


class NodeMetrics(Answer):
    online: int
    cpu_percent: float


class MetricsView(Answer):
    jobs: JobMetrics
    tasks: TaskMetrics
    nodes: NodeMetrics
