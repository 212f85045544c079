"""What may happen to a job or a task, in the past participle."""

from dataclasses import dataclass
from datetime import timedelta

from shared.lifecycle.values import Job, PlannedTask


@dataclass(frozen=True, slots=True)
class JobSubmitted:
    """A valid job came in; `job` is PENDING and has no row yet."""

    job: Job

    @property
    def job_id(self) -> str:
        return self.job.id


@dataclass(frozen=True, slots=True)
class JobCancelled:
    job_id: str


@dataclass(frozen=True, slots=True)
class JobRestarted:
    job_id: str


@dataclass(frozen=True, slots=True)
class TaskPlanned:
    """The answer to `PlanTask`: the task at `position` is ready to be sent."""

    job_id: str
    position: int
    plan: PlannedTask


@dataclass(frozen=True, slots=True)
class TaskPlanFailed:
    """The answer to `PlanTask` when an expression in the task fails."""

    job_id: str
    position: int
    plan: PlannedTask
    error: str


@dataclass(frozen=True, slots=True)
class TaskSkipped:
    """The answer to `PlanTask` when the task's `if` gives false."""

    job_id: str
    position: int
    plan: PlannedTask


@dataclass(frozen=True, slots=True)
class OutputEvaluated:
    """The answer to `EvaluateOutput`."""

    job_id: str
    result: str


@dataclass(frozen=True, slots=True)
class OutputFailed:
    job_id: str
    error: str


@dataclass(frozen=True, slots=True)
class TaskClaimed:
    """A worker has the task in hand and asks to start it."""

    job_id: str
    task_id: str
    dispatch: int
    node_id: str
    lease: timedelta


@dataclass(frozen=True, slots=True)
class TaskSucceeded:
    job_id: str
    task_id: str
    dispatch: int
    node_id: str
    result: str | None = None
    log_parts: int = 0


@dataclass(frozen=True, slots=True)
class TaskFailed:
    job_id: str
    task_id: str
    dispatch: int
    node_id: str
    error: str
    log_parts: int = 0


@dataclass(frozen=True, slots=True)
class TaskReturned:
    """A draining worker hands the task back, or an engine could not even be asked to run it."""

    job_id: str
    task_id: str
    dispatch: int
    node_id: str


@dataclass(frozen=True, slots=True)
class TaskProgressed:
    job_id: str
    task_id: str
    dispatch: int
    progress: float


@dataclass(frozen=True, slots=True)
class TaskCancelled:
    """The answer to `CancelActiveTasks`, one for each task of the job that is not final."""

    job_id: str
    task_id: str


@dataclass(frozen=True, slots=True)
class LeaseExpired:
    job_id: str
    task_id: str
    dispatch: int


@dataclass(frozen=True, slots=True)
class TaskTimedOut:
    """The task's own time-out passed and its worker did not say so."""

    job_id: str
    task_id: str
    dispatch: int


@dataclass(frozen=True, slots=True)
class RetryDue:
    job_id: str
    task_id: str


@dataclass(frozen=True, slots=True)
class DispatchMissing:
    """A task is SCHEDULED but its message may be gone: a deleted queue, a broker that lost data."""

    job_id: str
    task_id: str
    dispatch: int


JobEvent = (
    JobSubmitted
    | JobCancelled
    | JobRestarted
    | TaskPlanned
    | TaskPlanFailed
    | TaskSkipped
    | OutputEvaluated
    | OutputFailed
)
TaskEvent = (
    TaskClaimed
    | TaskSucceeded
    | TaskFailed
    | TaskReturned
    | TaskProgressed
    | TaskCancelled
    | LeaseExpired
    | TaskTimedOut
    | RetryDue
    | DispatchMissing
)
Event = JobEvent | TaskEvent
