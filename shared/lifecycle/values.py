"""The frozen values the core decides over: a job, a task, a task that is about to be made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.lifecycle.states import JobState, TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a failed task is tried again, and how long it waits before that.

    The n-th retry (from 0) waits `initial_delay * scaling_factor ** n`, at most `max_delay`, and
    up to `jitter` (0..1) of that time is taken off, so that tasks that failed together do not
    come back together.
    """

    limit: int = 0
    initial_delay: timedelta = timedelta()
    scaling_factor: float = 2.0
    max_delay: timedelta = timedelta(hours=1)
    jitter: float = 0.0

    def delay(self, attempt: int, chance: float) -> timedelta:
        """The wait before retry number `attempt` (0 is the first); `chance` is in 0..1."""
        if not self.initial_delay:
            return timedelta()
        # The exponent is bounded so that a large factor can't overflow a float.
        grown = self.initial_delay.total_seconds() * min(
            self.scaling_factor ** min(attempt, 64), 1e9
        )
        seconds = min(grown, self.max_delay.total_seconds())
        return timedelta(seconds=seconds * (1 - self.jitter * chance))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """One entry of a job's task list, defaults applied and expressions evaluated.

    `definition` is the task as the job language spells it; the core hands it on unread. What the
    core itself needs stands beside it. `sealed` is the encrypted form of whatever in the
    definition was made from a secret.
    """

    name: str
    queue: str
    priority: int = 0
    timeout: timedelta | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    var: str | None = None
    definition: Mapping[str, object] = field(default_factory=dict)
    sealed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job's moving part. What was submitted stays in its row and is not needed to decide.

    Its changes are announced if somebody wants to hear of them (`has_webhooks`).
    `position` is the 1-based place of the current task, 0 before the first. `version` numbers the
    announced changes of the job and its tasks, in the order they were decided.
    """

    id: str
    state: JobState
    task_count: int
    created_at: datetime
    position: int = 0
    progress: float = 0.0
    version: int = 0
    restarts: int = 0
    has_output: bool = False
    has_webhooks: bool = False
    auto_delete_after: timedelta | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    delete_at: datetime | None = None
    result: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One attempt at one task: a retry is a new `Task` with `attempt` one higher.

    `dispatch` counts how often this attempt was sent to a worker; only a report that names the
    current dispatch and its node counts. `lost` counts the dispatches whose worker vanished.
    `log_parts` is how many log parts its last dispatch has, so that a reader knows the log's end.
    """

    id: str
    job_id: str
    position: int
    plan: PlannedTask
    state: TaskState
    created_at: datetime
    attempt: int = 0
    dispatch: int = 1
    lost: int = 0
    progress: float = 0.0
    node_id: str | None = None
    due_at: datetime | None = None
    lease_expires_at: datetime | None = None
    deadline_at: datetime | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    result: str | None = None
    error: str | None = None
    log_parts: int | None = None
