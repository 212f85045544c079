"""What may happen to a job or a task, in the past participle."""

from dataclasses import dataclass
from decimal import Decimal

from shared.lifecycle.attempt_events import (
    DispatchMissing,
    LeaseExpired,
    QueueTimedOut,
    RetryDue,
    TaskClaimed,
    TaskFailed,
    TaskProgressed,
    TaskReturned,
    TaskSucceeded,
    TaskTimedOut,
)
from shared.lifecycle.family_events import (
    ChildEnded,
    ChildProgressed,
    ChildrenContinued,
    ChildrenPutOff,
    ChildStarted,
    ResultsCollected,
    ResultsTooLarge,
)
from shared.lifecycle.keys import DispatchRef, TaskKey, TaskPosition
from shared.lifecycle.lock_events import LockEvent
from shared.lifecycle.placed_events import PlacedEvent
from shared.lifecycle.planned import EarlierEnd, Planned
from shared.lifecycle.priority_events import JobPrioritized, TaskPrioritized
from shared.lifecycle.slot_events import SlotCountDue, SlotFreed, SlotsCounted
from shared.lifecycle.spawn_events import ChildrenSpawned, SequenceOpened
from shared.lifecycle.update_events import ExecutionsCounted, JobUpdated, TaskReplanned
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
    """`by` is who asked for it, None where a rule did; `client` the program it was asked with."""

    job_id: str
    by: str | None = None
    client: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SubmissionWithdrawn:
    """A submission of the job is taken back; that of the last one cancels the job. The other fields
    are those of `JobCancelled`."""

    job_id: str
    submission_id: str
    by: str | None = None
    client: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class JobRestarted:
    """A job that has ended goes on from where it stopped, or begins again at `from_position`. If
    that is where it stopped, what is done of the task there stays so if it `keeps_done`. Of a task
    that has succeeded in spite of failed children, `only_failed` runs just these again."""

    job_id: str
    from_position: int | None = None
    keeps_done: bool = True
    only_failed: bool = False


@dataclass(frozen=True, slots=True)
class JobRewound:
    """The answer to `Rewind`: of the tasks that are to run again `undone` were done, and kept so
    many bytes."""

    job_id: str
    from_position: int
    undone: int
    kept_bytes: int
    only_failed: bool = False


@dataclass(frozen=True, slots=True)
class JobReleased:
    """A held job may begin. It may cost `budget` (None: what it was submitted with), and `hold` of
    its payer's balance is kept for it."""

    job_id: str
    budget: Decimal | None = None
    hold: Decimal | None = None


@dataclass(frozen=True, slots=True)
class JobStartDue:
    """The time has come at which the job may begin."""

    job_id: str


@dataclass(frozen=True, slots=True)
class JobTimedOut:
    """The job has run for longer than it may, or has not ended by the time it must."""

    job_id: str


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """What has ended of the job has cost what it may."""

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
class OutputEvaluated:
    """The answer to `EvaluateOutput`."""

    job_id: str
    result: str


@dataclass(frozen=True, slots=True)
class OutputFailed:
    job_id: str
    error: str


@dataclass(frozen=True, slots=True)
class _Answered:
    """`task` is a child that waits for its turn, or the next one of its job's own list."""

    task: TaskKey | TaskPosition

    @property
    def job_id(self) -> str:
        return self.task.job_id


@dataclass(frozen=True, slots=True)
class TaskPlanned(_Answered):
    """The answer to `PlanTask` and, for each child, to `BeginChildren`: it is ready to begin."""

    planned: Planned


@dataclass(frozen=True, slots=True)
class TaskPlanFailed(_Answered):
    """The same answer when an expression in the task fails."""

    plan: PlannedTask
    error: str


@dataclass(frozen=True, slots=True)
class TaskReused(_Answered):
    """The same answer when another task has done the same work: it ends as that one has."""

    plan: PlannedTask
    end: EarlierEnd


@dataclass(frozen=True, slots=True)
class TaskSkipped(_Answered):
    """The same answer when the task's `if` gives false."""

    plan: PlannedTask


@dataclass(frozen=True, slots=True)
class TaskReopened(TaskKey):
    """A restart has come back to a composite task; `left` of its children are to be run (again).
    For a sub-job `left` is 0."""

    left: int = 0


@dataclass(frozen=True, slots=True)
class SubJobEnded(DispatchRef):
    """The job that the task stands for is final. `error` is None when it completed."""

    result: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TaskCancelled(TaskKey):
    """The answer to `CancelTasks`, one for each of them that is not final."""


@dataclass(frozen=True, slots=True)
class CancelPutOff:
    """The answer to `CancelTasks` when as many are cancelled as one transaction takes."""

    job_id: str


@dataclass(frozen=True, slots=True)
class CancelContinued:
    """The next of the tasks that are still to be cancelled may be."""

    job_id: str


PlanEvent = TaskPlanned | TaskPlanFailed | TaskReused | TaskSkipped
JobEvent = (
    JobSubmitted
    | JobCancelled
    | SubmissionWithdrawn
    | JobReleased
    | JobRestarted
    | JobRewound
    | JobStartDue
    | JobTimedOut
    | BudgetSpent
    | SubJobResumed
    | SubJobAbandoned
    | CancelPutOff
    | CancelContinued
    | SlotCountDue
    | SlotsCounted
    | OutputEvaluated
    | OutputFailed
    | JobUpdated
    | JobPrioritized
    | LockEvent
    | PlanEvent
)
TaskEvent = (
    ChildStarted
    | ChildrenPutOff
    | ChildrenContinued
    | ChildProgressed
    | ChildEnded
    | ChildrenSpawned
    | SequenceOpened
    | SlotFreed
    | ResultsCollected
    | ResultsTooLarge
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
    | TaskPrioritized
    | PlacedEvent
    | TaskReplanned
    | ExecutionsCounted
)
Event = JobEvent | TaskEvent


def task_id_of(event: Event) -> str | None:
    """The row that `decide` needs beside the job's."""
    named = event.task if isinstance(event, _Answered) else event
    return named.task_id if isinstance(named, TaskKey) else None
