"""Tasks and sub-jobs that are about to be made."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.lifecycle.policies import SpawnRules
from shared.lifecycle.values import Job, PlannedTask, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierEnd:
    """How the task `task_id` has completed, which did the same work; what it has kept counts
    again."""

    task_id: str
    result: str | None = None
    exit_code: int | None = None
    kept_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offspring:
    """The children a planned task will have: a scope for each, in order. With `spawns`, they make
    further ones."""

    scopes: Sequence[Scope | None]
    concurrency: int = 0
    required: int | None = None  # how many must succeed; None: all
    finishes: bool = False  # as of `Children`
    spawns: SpawnRules | None = None


@dataclass(frozen=True, slots=True)
class SpawnedTask:
    """A child of a spawn that another of its children has made."""

    sequence: int
    scope: Scope | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubJob:
    """The job a planned task stands for. `submission` is the rest of it, handed on unread."""

    job: Job
    submission: object = None
    is_detached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A task as it will be: what it is, and what becomes of it beside a message to a worker.

    A child is made from `spec_version` of its job.
    """

    task: PlannedTask
    spec_version: int = 1
    offspring: Offspring | None = None
    subjob: SubJob | None = None
