"""The core: what a job and a task may become, decided without I/O.

`decide(job, task, event, now)` takes frozen values and answers with a `Decision` (new values and
commands) or `Ignored` (why nothing changes). Messages come late, twice and out of order, so an
event that does not fit is never an exception. Standard library only.
"""

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
from shared.lifecycle.commands import (
    AnnounceJob,
    AnnounceTask,
    AskPlacement,
    BeginChildren,
    CancelSubJob,
    CancelTasks,
    CollectResults,
    Command,
    ContinueCancel,
    ContinueChildren,
    CountExecutions,
    CountSlots,
    EvaluateOutput,
    FillSlots,
    ForgetAttempts,
    GrantClaim,
    OpenSequence,
    PlanDependents,
    PlanReady,
    PlanTask,
    PrioritizeTasks,
    Question,
    RefuseClaim,
    ReopenKept,
    ReplanPlaced,
    ReportToParent,
    ResumeSubJob,
    Rewind,
    RunTask,
    SetVariable,
    StopTask,
    SubmitSubJob,
    Tell,
    WithdrawSubmission,
)
from shared.lifecycle.costs import NOTHING, Rates, Usage
from shared.lifecycle.decide import decide
from shared.lifecycle.decision import NO_SUCH_JOB, Decision, Ignored
from shared.lifecycle.events import (
    BudgetSpent,
    CancelContinued,
    CancelPutOff,
    Event,
    JobCancelled,
    JobReleased,
    JobRestarted,
    JobRewound,
    JobStartDue,
    JobSubmitted,
    JobTimedOut,
    OutputEvaluated,
    OutputFailed,
    SubJobAbandoned,
    SubJobEnded,
    SubJobResumed,
    SubmissionWithdrawn,
    TaskCancelled,
    TaskEvent,
    TaskPlanFailed,
    TaskPlanned,
    TaskReopened,
    TaskReused,
    TaskSkipped,
    task_id_of,
)
from shared.lifecycle.family_events import (
    ChildEnded,
    ChildrenContinued,
    ChildrenPutOff,
    ResultsCollected,
    ResultsTooLarge,
)
from shared.lifecycle.job_rules import ALREADY_CANCELLED
from shared.lifecycle.keys import TaskKey, TaskPosition, derived_id
from shared.lifecycle.lock_events import JobLocked, JobUnlocked, LockRenewed
from shared.lifecycle.lock_rules import ShutOut
from shared.lifecycle.locks import JobLock
from shared.lifecycle.placed_events import (
    ExecutionAdopted,
    ExecutionPlaced,
    ExecutionRecalled,
    NodesMatched,
    PlacementFailed,
)
from shared.lifecycle.planned import EarlierEnd, Offspring, Planned, SpawnedTask, SubJob
from shared.lifecycle.policies import PlacementRules, RetryPolicy, SpawnRules, grown_memory
from shared.lifecycle.priority_events import JobPrioritized, TaskPrioritized
from shared.lifecycle.quotas import within_quota
from shared.lifecycle.slot_events import SlotCountDue, SlotFreed, SlotsCounted
from shared.lifecycle.slots import Slots, StartRate
from shared.lifecycle.spawn_events import ChildrenSpawned, SequenceOpened
from shared.lifecycle.states import JobState, PlacementType, TaskKind, TaskState, shown_position
from shared.lifecycle.update_events import ExecutionsCounted, JobChange, JobUpdated, TaskReplanned
from shared.lifecycle.values import (
    NOT_PLANNED,
    Children,
    Job,
    ListText,
    Parent,
    PlannedTask,
    Scope,
    Task,
    Timings,
)
