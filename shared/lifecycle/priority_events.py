"""What makes a job more or less urgent after it was submitted."""

from dataclasses import dataclass

from shared.lifecycle.keys import TaskKey


@dataclass(frozen=True, slots=True)
class JobPrioritized:
    """All that waits of the job, and all that begins later, has this priority."""

    job_id: str
    priority: int


@dataclass(frozen=True, slots=True)
class TaskPrioritized(TaskKey):
    """The answer to `PrioritizeTasks`, for each task that waits with another priority."""
