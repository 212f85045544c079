"""Which job a submission was answered with, and why."""

from datetime import datetime
from typing import Literal

from services.coordinator.api.replies import Answer
from services.coordinator.api.tork.schemas.submitted import UserView


class ReuseStep(Answer):
    """A rule that candidates must meet."""

    name: str
    """Which rule."""
    rule: str
    """The same in words."""
    left: int
    """How many candidates meet it, of those that the rules before have left."""


class NearestMiss(Answer):
    """The job of yours that does the most alike work."""

    job_id: str
    """Its id."""
    differences: list[str]
    """Where the two differ, such as `tasks[0].env.SIZE`; the first 20."""
    count: int
    """In how many places they differ."""


class ReuseSubmission(Answer):
    """A submission that the job was the answer to."""

    created_at: datetime
    """When it was decided."""
    created_by: UserView | None = None
    """Who submitted it."""
    reused: bool
    """The job was there before; otherwise the submission created it."""
    submission_id: str | None = None
    """Its `submitId`, or the id that its answer had."""
    detached_at: datetime | None = None
    """When it was taken back, and the job continued for others."""
    steps: list[ReuseStep]
    """How the candidates became fewer."""
    nearest_miss: NearestMiss | None = None
    """Where no job does the same work: the one that differs least."""


class JobReuse(Answer):
    """Whether submissions may be answered with the job, and those that were."""

    fingerprint: str | None = None
    """What jobs that do the same work have in common; left out of one submitted without `reuse`."""
    nondeterministic: list[str] | None = None
    """Why no submission is answered with it: `declared`, or functions that its expressions call."""
    banned_at: datetime | None = None
    """Since when no submission is answered with it."""
    banned_by: UserView | None = None
    """Who said so."""
    submissions: list[ReuseSubmission]
    """The last 20, newest first."""


class ReuseCheck(Answer):
    """What a submission would be answered with."""

    job_id: str | None = None
    """A job that does the same work; left out where a new one would be created."""
    fingerprint: str
    """What jobs that do the same work have in common."""
    nondeterministic: list[str] | None = None
    """Why later submissions would not be answered with the new job."""
    steps: list[ReuseStep]
    """How the candidates became fewer."""
    nearest_miss: NearestMiss | None = None
    """Where no job does the same work: the one that differs least."""


class TaskReuseMiss(Answer):
    """Why a task with `reuse` runs."""

    reason: Literal["new", "different", "image", "files", "space", "banned", "restarted"]
    """No task of its owner completed the same work: it is `new`, or `different` from the task at
    its place in the last job of that name that has ended. Or one did, but the name of its `image`
    refers to another image now, its `files` are gone, the job has no `space` for them, or was
    `restarted`."""
    message: str
    """For people; its wording may change."""
    task_id: str | None = None
    """The task that did the same work, or that it differs from."""
    differences: list[str] | None = None
    """Where the two differ, such as `env.SIZE`; the first 5. Left out if that is secret."""
    count: int | None = None
    """In how many places they differ."""
