"""The core: what a job and a task may become, decided without I/O.

`decide(job, task, event, now)` takes frozen values and answers with a `Decision` (new values and
commands) or `Ignored` (why nothing changes). Messages come late, twice and out of order, so an
event that does not fit is never an exception. Standard library only.
"""

from shared.lifecycle.commands import (
    AnnounceJob,
    AnnounceTask,
    CancelActiveTasks,
    Command,
    EvaluateOutput,
    GrantClaim,
    PlanTask,
    RefuseClaim,
    RunTask,
    SetVariable,
    StopTask,
)
from shared.lifecycle.decide import decide
from shared.lifecycle.decision import NO_SUCH_JOB, Decision, Ignored
from shared.lifecycle.events import (
    DispatchMissing,
    Event,
    JobCancelled,
    JobEvent,
    JobRestarted,
    JobSubmitted,
    LeaseExpired,
    OutputEvaluated,
    OutputFailed,
    RetryDue,
    TaskCancelled,
    TaskClaimed,
    TaskEvent,
    TaskFailed,
    TaskPlanFailed,
    TaskPlanned,
    TaskProgressed,
    TaskReturned,
    TaskSkipped,
    TaskSucceeded,
    TaskTimedOut,
)
from shared.lifecycle.ids import derived_id
from shared.lifecycle.states import JobState, TaskState
from shared.lifecycle.values import Job, PlannedTask, RetryPolicy, Task

__all__ = [
    "NO_SUCH_JOB",
    "AnnounceJob",
    "AnnounceTask",
    "CancelActiveTasks",
    "Command",
    "Decision",
    "DispatchMissing",
    "EvaluateOutput",
    "Event",
    "GrantClaim",
    "Ignored",
    "Job",
    "JobCancelled",
    "JobEvent",
    "JobRestarted",
    "JobState",
    "JobSubmitted",
    "LeaseExpired",
    "OutputEvaluated",
    "OutputFailed",
    "PlanTask",
    "PlannedTask",
    "RefuseClaim",
    "RetryDue",
    "RetryPolicy",
    "RunTask",
    "SetVariable",
    "StopTask",
    "Task",
    "TaskCancelled",
    "TaskClaimed",
    "TaskEvent",
    "TaskFailed",
    "TaskPlanFailed",
    "TaskPlanned",
    "TaskProgressed",
    "TaskReturned",
    "TaskSkipped",
    "TaskState",
    "TaskSucceeded",
    "TaskTimedOut",
    "decide",
    "derived_id",
]
