"""When the tasks of a job waited and ran, and how they depend on each other."""

from datetime import datetime
from typing import Literal

from services.coordinator.api.replies import Answer
from services.coordinator.api.tork.schemas.tasks import PhaseName, PhaseTiming, TaskStateName

KindName = Literal["task", "parallel", "each", "spawn", "subjob", "placed", "execution"]


class TimelineCounts(Answer):
    """How far the children of a task are."""

    size: int
    """How many there are."""
    completions: int
    """How many have ended."""
    failures: int | None = None
    """How many of those have failed."""


class TimelineAttempt(Answer):
    """An attempt at a task in short; `GET /tasks/{id}` shows all of it."""

    id: str
    """Of this attempt."""
    parent_id: str | None = None
    """The task it is a child of."""
    name: str | None = None
    """As submitted, its expressions evaluated."""
    state: TaskStateName
    """Its state."""
    kind: KindName
    """What it is: a `task` is run by a worker of a queue, an `execution` by a node of its own."""
    position: int
    """Its place in the job's task list, counted from 1."""
    attempt: int | None = None
    """Which retry it is, counted from 1; left out of the first attempt."""
    child_index: int | None = None
    """Its index among its parent's children, counted from 0."""
    queue: str | None = None
    """Which workers get it."""
    node_id: str | None = None
    """The worker that has or had it."""
    created_at: datetime
    """When this attempt was made: until `scheduledAt` it waits for its turn or its retry."""
    scheduled_at: datetime | None = None
    """When it was put on its queue."""
    started_at: datetime | None = None
    """When a worker began to run it."""
    ended_at: datetime | None = None
    """When it was done, skipped or failed; left out of one that was cancelled."""
    phase: PhaseName | None = None
    """While it runs: the phase that it was in at the last heartbeat of its worker."""
    timings: list[PhaseTiming] | None = None
    """Its phases, once it has ended."""
    exit_code: int | None = None
    """What its program returned, once it has ended by itself."""
    error: str | None = None
    """The beginning of why it failed, up to 300 characters."""
    subjob_id: str | None = None
    """The job it stands for."""
    children: TimelineCounts | None = None
    """How far its children are."""


class SubmittedTask(Answer):
    """A task as submitted, in short."""

    name: str | None = None
    """As submitted."""
    kind: KindName
    """What it is."""
    needs: list[str] | None = None
    """The names of the tasks that must be done before; none: it begins at once. Left out: it waits
    for all before it."""
    tasks: "list[SubmittedTask] | None" = None
    """What it is made of: the tasks of a `parallel` or a sub-job, or the one an `each` makes of
    every item."""


class Timeline(Answer):
    """When the tasks of a job waited and ran."""

    state: str
    """The state of the job."""
    created_at: datetime
    """When the job was submitted."""
    started_at: datetime | None = None
    """When its first task began to run."""
    ended_at: datetime | None = None
    """When it became final."""
    now: datetime
    """The time of the server."""
    tasks: list[SubmittedTask]
    """The job's own list, in order; the first 1,000."""
    attempts: list[TimelineAttempt]
    """Of all its tasks, children included, by position and time; the first 20,000."""
    is_complete: bool
    """Whether these are all attempts."""
