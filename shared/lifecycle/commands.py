"""What a decision asks for, in the imperative.

`PlanTask`, `EvaluateOutput` and `CancelActiveTasks` are questions that the store answers with
events inside the same transaction; `SetVariable` is written to the job's context; the others leave
the service as messages, each through an outbox row.
"""

from dataclasses import dataclass

from shared.lifecycle.values import Job, Task


@dataclass(frozen=True, slots=True)
class PlanTask:
    """Look up the task at `position`, evaluate its expressions, answer with what came of it."""

    job_id: str
    position: int


@dataclass(frozen=True, slots=True)
class EvaluateOutput:
    job_id: str


@dataclass(frozen=True, slots=True)
class CancelActiveTasks:
    job_id: str


@dataclass(frozen=True, slots=True)
class SetVariable:
    """Make a task's result visible to later expressions as `tasks.<name>`."""

    job_id: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class RunTask:
    """Send the task to its queue."""

    task: Task


@dataclass(frozen=True, slots=True)
class GrantClaim:
    node_id: str
    job_id: str
    task_id: str
    dispatch: int


@dataclass(frozen=True, slots=True)
class RefuseClaim:
    node_id: str
    job_id: str
    task_id: str
    dispatch: int
    reason: str


@dataclass(frozen=True, slots=True)
class StopTask:
    node_id: str
    job_id: str
    task_id: str
    dispatch: int
    reason: str


@dataclass(frozen=True, slots=True)
class AnnounceJob:
    """Tell the outside that the job has a new state; `job.version` orders the announcements."""

    job: Job


@dataclass(frozen=True, slots=True)
class AnnounceTask:
    """Tell the outside that the task has a new state. `version` is the job's at that moment."""

    task: Task
    version: int


Command = (
    PlanTask
    | EvaluateOutput
    | CancelActiveTasks
    | SetVariable
    | RunTask
    | GrantClaim
    | RefuseClaim
    | StopTask
    | AnnounceJob
    | AnnounceTask
)
