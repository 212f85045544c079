"""What a new version of a job brings about."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.lifecycle.keys import TaskKey
from shared.lifecycle.planned import Planned
from shared.lifecycle.values import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChange:
    """How the new version differs, seen from where the job is. `job` is as if it came in just now.

    `refused` says why a job that goes on can't become it. Of the placed tasks that have begun,
    those at `replanned` differ; executions of those at `kept` may go on as they are. In a graph,
    the tasks at `ready` have not begun and wait for no other. `alters_work`: the job does something
    else, or at another time.
    """

    job: Job
    refused: str | None = None
    replanned: Sequence[int] = ()
    kept: frozenset[int] = frozenset()
    ready: Sequence[int] = ()
    alters_work: bool = True


@dataclass(frozen=True, slots=True)
class JobUpdated:
    """The job has a new version, made from `base_version` (None: from whichever was the last).
    `apply` finds out what `change` it is.

    `is_forced`: executions are made anew even where nothing differs. `lock_key` is the digest of
    the token of the job's lock, if one was shown; who `overrides_lock` needs none.
    """

    job_id: str
    base_version: int | None = None
    is_forced: bool = False
    lock_key: str | None = None
    overrides_lock: bool = False
    change: JobChange | None = None


@dataclass(frozen=True, slots=True)
class TaskReplanned(TaskKey):
    """The answer to `ReplanPlaced`. `planned` is None where an expression fails, with `error`;
    `keeps`: its executions may go on as they are."""

    planned: Planned | None
    keeps: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ExecutionsCounted(TaskKey):
    """The answer to `CountExecutions`: of those that are wanted so many have begun, and those with
    the indexes `missing` are nowhere. `running` are all that run."""

    begun: int
    running: int
    missing: Sequence[int]
