"""What a decision asks for, in the imperative.

`Rewind`, `PlanTask`, `PlanReady`, `PlanDependents`, `BeginChildren`, `OpenSequence`, `CountSlots`,
`FillSlots`, `CollectResults`, `ReplanPlaced`, `ReopenKept`, `CountExecutions`, `EvaluateOutput`,
`PrioritizeTasks`, `WithdrawSubmission` and `CancelTasks` are questions, answered with events inside
the same transaction; `Tell` is such an event already; `SetVariable` is written to the job's
context, `ForgetAttempts` beside the rows; the others become messages through outbox rows.
"""

from dataclasses import dataclass

from shared.lifecycle.events import JobCancelled
from shared.lifecycle.family_events import ChildEnded, ChildProgressed, ChildStarted
from shared.lifecycle.keys import DispatchOnNode, TaskKey
from shared.lifecycle.placed_events import ExecutionRemoved, ExecutionRenewed, ExecutionStopped
from shared.lifecycle.planned import SubJob
from shared.lifecycle.spawn_events import ChildrenSpawned
from shared.lifecycle.values import Job, ListText, Task


@dataclass(frozen=True, slots=True)
class PlanTask:
    """Look up the task at `position`, evaluate its expressions, answer with what came of it.

    `is_restart`: if it is composite and did not succeed, answer with `TaskReopened`; `only_failed`:
    also if it did, and has children that failed.
    """

    job_id: str
    position: int
    is_restart: bool = False
    only_failed: bool = False


@dataclass(frozen=True, slots=True)
class Rewind:
    """Forget that the task at `from_position` and all that follow it were done, with the variables
    and artifacts that they have left; with `only_failed` the children of that task keep theirs."""

    job_id: str
    from_position: int
    only_failed: bool = False


@dataclass(frozen=True, slots=True)
class PlanReady:
    """In a graph: as `PlanTask`, for every task that waits for no other and is not done."""

    job_id: str
    is_restart: bool = False


@dataclass(frozen=True, slots=True)
class PlanDependents:
    """In a graph: the task at `position` is done; plan those that waited for it alone."""

    job_id: str
    position: int


@dataclass(frozen=True, slots=True)
class PrioritizeTasks:
    """The job has a new priority: answer with each task that waits with another."""

    job_id: str


@dataclass(frozen=True, slots=True)
class BeginChildren(TaskKey):
    """Plan the next `count` children of the task that are still CREATED, in their order, or those
    of the lowest sequences first."""

    count: int
    by_sequence: bool = False


@dataclass(frozen=True, slots=True)
class OpenSequence(TaskKey):
    """All children of the task that might begin have ended: look up the next sequence."""


@dataclass(frozen=True, slots=True)
class CountSlots:
    """Count what is active and held back of the job."""

    job_id: str


@dataclass(frozen=True, slots=True)
class FillSlots:
    """The limits of the job let tasks begin that they have held back: look them up."""

    job_id: str


@dataclass(frozen=True, slots=True)
class ContinueChildren(TaskKey):
    """Have the next children of the task begin, in a transaction to come."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Let a task's parent know, in the same transaction."""

    event: (
        ChildEnded
        | ChildProgressed
        | ChildrenSpawned
        | ChildStarted
        | ExecutionStopped
        | ExecutionRenewed
        | ExecutionRemoved
    )


@dataclass(frozen=True, slots=True)
class SubmitSubJob:
    subjob: SubJob


@dataclass(frozen=True, slots=True)
class ResumeSubJob:
    """Have the sub-job go on where it stopped, or say how it ended."""

    subjob_id: str
    dispatch: int


@dataclass(frozen=True, slots=True)
class CancelSubJob:
    """Tell the sub-job that nobody waits for it as `dispatch` any more."""

    subjob_id: str
    dispatch: int


@dataclass(frozen=True, slots=True)
class ReportToParent:
    """Tell the task that waits for this job that it is final."""

    job: Job


@dataclass(frozen=True, slots=True)
class CollectResults(TaskKey):
    """All `count` children of the task have ended: gather their results, or (`by_sequence`) those
    that there are, in the order of their sequences."""

    count: int
    by_sequence: bool = False


@dataclass(frozen=True, slots=True)
class ReplanPlaced:
    """The job has a new version: evaluate the placed tasks at `positions`, which have begun, once
    more. `kept` as in `JobChange`."""

    job_id: str
    positions: tuple[int, ...]
    kept: frozenset[int]


@dataclass(frozen=True, slots=True)
class ReopenKept:
    """The job is restarted: bring back the services and daemons that count as done in it."""

    job_id: str


@dataclass(frozen=True, slots=True)
class CountExecutions(TaskKey):
    """Another number of executions is wanted of the task: recall those that are too many, and
    answer with what there is."""


@dataclass(frozen=True, slots=True)
class EvaluateOutput:
    job_id: str


@dataclass(frozen=True, slots=True)
class WithdrawSubmission:
    """The job does not go on for it any more; if it goes on for nobody else, answer with
    `otherwise`."""

    job_id: str
    submission_id: str
    otherwise: JobCancelled


@dataclass(frozen=True, slots=True)
class CancelTasks:
    """Cancel what is not final of the children of `parent_id`; without it of the job, if that has
    ended, and of the children of all its tasks that have ended."""

    job_id: str
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class ContinueCancel:
    """Cancel what was put off, in a transaction to come."""

    job_id: str


@dataclass(frozen=True, slots=True)
class SetVariable:
    """Make a task's result visible to later expressions as `tasks.<name>`."""

    job_id: str
    name: str
    value: str | ListText

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, ListText)


@dataclass(frozen=True, slots=True)
class ForgetAttempts:
    """Of the execution at `child_index` remove the attempts up to `last`, which have ended."""

    parent_id: str
    child_index: int
    last: int


@dataclass(frozen=True, slots=True)
class RunTask:
    """Send the task to its queue."""

    task: Task


@dataclass(frozen=True, slots=True)
class AskPlacement:
    """Have a node looked for: an execution waits for one, or room has come free."""


@dataclass(frozen=True, slots=True)
class GrantClaim(DispatchOnNode):
    """Let the node start the task."""


@dataclass(frozen=True, slots=True)
class RefuseClaim(DispatchOnNode):
    reason: str


@dataclass(frozen=True, slots=True)
class StopTask(DispatchOnNode):
    reason: str
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class AnnounceJob:
    """Tell the outside that the job has a new state, or only new progress.

    `job.version` orders the announcements.
    """

    job: Job
    is_progress: bool = False


@dataclass(frozen=True, slots=True)
class AnnounceTask:
    """As `AnnounceJob`, for a task of `job`, whose version is the one at that moment."""

    task: Task
    job: Job
    is_progress: bool = False


Question = (
    Rewind
    | PlanTask
    | PlanReady
    | PlanDependents
    | BeginChildren
    | OpenSequence
    | CountSlots
    | FillSlots
    | CollectResults
    | ReplanPlaced
    | ReopenKept
    | CountExecutions
    | EvaluateOutput
    | PrioritizeTasks
    | WithdrawSubmission
    | CancelTasks
)
"""Those that are answered within the transaction of the decision."""

Command = (
    Question
    | ContinueChildren
    | ContinueCancel
    | Tell
    | SubmitSubJob
    | ResumeSubJob
    | CancelSubJob
    | ReportToParent
    | SetVariable
    | ForgetAttempts
    | RunTask
    | AskPlacement
    | GrantClaim
    | RefuseClaim
    | StopTask
    | AnnounceJob
    | AnnounceTask
)
