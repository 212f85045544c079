"""The core: what a job and a task may become, decided without I/O.

`decide(job, task, event, now)` takes frozen values and answers with a `Decision` (new values and
commands) or `Ignored` (why nothing changes). Messages come late, twice and out of order, so an
event that does not fit is never an exception. Standard library only.
"""

from shared.lifecycle.commands import (
    AnnounceJob,
    AnnounceTask,
    BeginChildren,
    CancelSubJob,
    CancelTasks,
    CollectResults,
    Command,
    ContinueCancel,
    ContinueChildren,
    EvaluateOutput,
    GrantClaim,
    PlanDependents,
    PlanReady,
    PlanTask,
    RefuseClaim,
    ReportToParent,
    ResumeSubJob,
    RunTask,
    SetVariable,
    StopTask,
    SubmitSubJob,
    Tell,
)
from shared.lifecycle.decide import decide
from shared.lifecycle.decision import NO_SUCH_JOB, Decision, Ignored
from shared.lifecycle.events import (
    CancelContinued,
    CancelPutOff,
    ChildEnded,
    ChildrenContinued,
    ChildrenPutOff,
    DispatchMissing,
    Event,
    JobCancelled,
    JobRestarted,
    JobSubmitted,
    JobTimedOut,
    LeaseExpired,
    OutputEvaluated,
    OutputFailed,
    QueueTimedOut,
    ResultsCollected,
    ResultsTooLarge,
    RetryDue,
    SubJobAbandoned,
    SubJobEnded,
    SubJobResumed,
    TaskCancelled,
    TaskClaimed,
    TaskEvent,
    TaskFailed,
    TaskPlanFailed,
    TaskPlanned,
    TaskProgressed,
    TaskReopened,
    TaskReturned,
    TaskSkipped,
    TaskSucceeded,
    TaskTimedOut,
    task_id_of,
)
from shared.lifecycle.quotas import within_quota
from shared.lifecycle.states import JobState, TaskKind, TaskState, shown_position
from shared.lifecycle.values import (
    NOT_PLANNED,
    Children,
    Job,
    ListText,
    Offspring,
    Parent,
    Planned,
    PlannedTask,
    RetryPolicy,
    Scope,
    SubJob,
    Task,
    TaskKey,
    TaskPosition,
    derived_id,
)
