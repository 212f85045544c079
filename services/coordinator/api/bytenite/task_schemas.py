"""What ByteNite's API takes and answers about tasks, chunks and their logs."""

from datetime import datetime

from pydantic import Field

from services.coordinator.api.replies import Answer
from shared.jobspec.bytenite.form import Form


class _Attempt(Answer):
    state: str
    """`Scheduled`, `Assigned`, `Running`, `Completed`, `Failed` or `Cancelled`."""
    attempts: int
    """How many there were, with this one."""
    node_id: str | None = None
    exit_code: int | None = None
    error_message: str | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    payment_amount: float = 0
    """What this attempt has cost, once it has ended; 0 without prices."""
    reused_from: str | None = None
    """Conveyor's own: the earlier task that did the same work, whose end it has. It did not run."""


class TaskView(_Attempt):
    id: str
    job_id: str
    service: str
    """`partitioner`, `taskrunner`, `assembler` or `deliverer`."""
    chunk_index: int | None = None


class TaskList(Answer):
    tasks: list[TaskView]


class ChunkView(_Attempt):
    index: int
    """As in the name of its file, `data_<index>.bin`."""
    task_id: str


class ChunkList(Answer):
    total: int
    chunks: list[ChunkView]


class AskedTasks(Form):
    """Of which jobs; none: of all."""

    job_id: str = ""
    job_ids: list[str] = Field(default_factory=list)


class AskedLogs(Form):
    """Of which job, and of that perhaps only some."""

    job_id: str
    task_ids: list[str] = Field(default_factory=list)
    levels: list[str] = Field(default_factory=list)
    services: list[str] = Field(default_factory=list)


class TaskLogLine(Answer):
    log: str
    timestamp: datetime
    level: str
    """As the line names it itself, else `UNKNOWN`."""
    container: str
    """The task that wrote it."""


class TaskLogs(Answer):
    logs: list[TaskLogLine]


class Logs(Answer):
    """By what has written them; `taskrunner` by the ids of tasks."""

    partitioner: list[TaskLogLine]
    assembler: list[TaskLogLine]
    deliverer: list[TaskLogLine]
    taskrunner: dict[str, TaskLogs]


class Result(Answer):
    """A file."""

    name: str
    """Its path in the output of the job."""
    link: str
    """From where it is downloaded, without credentials."""
    size: int
    sha256: str
    expires_at: datetime
    """When the link ends."""


class Results(Answer):
    results: list[Result]
