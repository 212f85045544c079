"""What may happen to a job or a task, in the past participle."""

from dataclasses import dataclass
from datetime import timedelta

from shared.lifecycle.values import Job, Planned, PlannedTask


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
class JobTimedOut:
    """The job has run for longer than it may."""

    job_id: str


@dataclass(frozen=True, slots=True)
class SubJobResumed:
    """The job's parent goes on, and waits for it as `dispatch`."""

    job_id: str
    dispatch: int


@dataclass(frozen=True, slots=True)
class SubJobAbandoned:
    """The job's parent, that waited for it as `dispatch`, no longer does."""

    job_id: str
    dispatch: int


@dataclass(frozen=True, slots=True)
class TaskPlanned:
    """The answer to `PlanTask`: the task at `position` is ready to begin."""

    job_id: str
    position: int
    planned: Planned


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
class ChildPlanned:
    """The answer to `BeginChildren`, one for each: the task is ready to begin."""

    job_id: str
    task_id: str
    planned: Planned


@dataclass(frozen=True, slots=True)
class ChildPlanFailed:
    job_id: str
    task_id: str
    plan: PlannedTask
    error: str


@dataclass(frozen=True, slots=True)
class ChildSkipped:
    job_id: str
    task_id: str
    plan: PlannedTask


@dataclass(frozen=True, slots=True)
class ChildStarted:
    """A child of `task_id` was taken by a worker for the first time, or (`by_worker` False) began
    without waiting for one: it is made of others."""

    job_id: str
    task_id: str
    by_worker: bool = True


@dataclass(frozen=True, slots=True)
class ChildrenPutOff:
    """The answer to `BeginChildren` when as many begin already as one transaction takes: `count`
    of those that were asked for still wait for their turn."""

    job_id: str
    task_id: str
    count: int


@dataclass(frozen=True, slots=True)
class FamilyContinued:
    """Children of the task may have been put off: as many as there is room for may begin now."""

    job_id: str
    task_id: str


@dataclass(frozen=True, slots=True)
class ChildProgressed:
    """The progress of a child of `task_id` has changed by `delta` percent of that child."""

    job_id: str
    task_id: str
    delta: float


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """A child of `task_id` is final: done, or (`error` is given) failed.

    `delta` is what was missing of its progress; `was_taken` whether a worker ever had it.
    """

    job_id: str
    task_id: str
    delta: float
    error: str | None = None
    was_taken: bool = True


@dataclass(frozen=True, slots=True)
class TaskReopened:
    """A restart has come back to a task that is made of others; `left` of its children are to be
    run (again). For a sub-job `left` is 0."""

    job_id: str
    task_id: str
    left: int = 0


@dataclass(frozen=True, slots=True)
class SubJobEnded:
    """The job that the task stands for is final. `error` is None when it completed."""

    job_id: str
    task_id: str
    dispatch: int
    result: str | None = None
    error: str | None = None


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
    cause: str = "other"
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class TaskReturned:
    """A worker hands the task back: it leaves, or its engine could not run it.

    `error` is what the engine said, if it was that. `is_declined`: it is well otherwise, so that it
    may be the task. `is_lost`: the worker was killed, which may be the task as well.
    """

    job_id: str
    task_id: str
    dispatch: int
    node_id: str
    error: str | None = None
    is_declined: bool = False
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class TaskProgressed:
    job_id: str
    task_id: str
    dispatch: int
    progress: float


@dataclass(frozen=True, slots=True)
class TaskCancelled:
    """The answer to `CancelTasks`, one for each of them that is not final."""

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
class QueueTimedOut:
    """The task has waited for a worker for longer than it may."""

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
    | JobTimedOut
    | SubJobResumed
    | SubJobAbandoned
    | TaskPlanned
    | TaskPlanFailed
    | TaskSkipped
    | OutputEvaluated
    | OutputFailed
)
TaskEvent = (
    ChildPlanned
    | ChildPlanFailed
    | ChildSkipped
    | ChildStarted
    | ChildrenPutOff
    | FamilyContinued
    | ChildProgressed
    | ChildEnded
    | TaskReopened
    | SubJobEnded
    | TaskClaimed
    | TaskSucceeded
    | TaskFailed
    | TaskReturned
    | TaskProgressed
    | TaskCancelled
    | LeaseExpired
    | TaskTimedOut
    | QueueTimedOut
    | RetryDue
    | DispatchMissing
)
Event = JobEvent | TaskEvent
