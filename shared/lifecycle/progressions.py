"""How a job goes on from one task of its list to the next: each strategy is a class of its own."""

from typing import Protocol

from shared.lifecycle.commands import Command, EvaluateOutput, PlanDependents, PlanReady, PlanTask
from shared.lifecycle.replacing import replace
from shared.lifecycle.values import Job, Task


class Progression(Protocol):
    """What a strategy decides. Each job that is returned has its new position and progress."""

    def first(self, job: Job) -> Command:
        """What a job that was just submitted asks for."""

    def not_awaited(self, job: Job, position: int) -> str | None:
        """Why the task at `position` may not begin now, or None."""

    def at(self, job: Job, position: int) -> Job:
        """The job as its task at `position` begins."""

    def after(self, job: Job, task: Task) -> tuple[Job, Command | None]:
        """`task`, of the job's own list, is done; `task.progress` is what was counted of it so far.
        None: all are done."""

    def again(self, job: Job) -> tuple[Job, Command]:
        """A restart takes the job up where it stopped."""


class Sequence:
    """One task after the other, in the order of the list. `position` is that of the current one."""

    def first(self, job: Job) -> Command:
        return PlanTask(job.id, 1)

    def not_awaited(self, job: Job, position: int) -> str | None:
        if position == job.position + 1:
            return None
        return f"position {position} is not the next after {job.position}"

    def at(self, job: Job, position: int) -> Job:
        return replace(job, position=position)

    def after(self, job: Job, task: Task) -> tuple[Job, Command | None]:
        del task
        progressed = replace(job, progress=job.progress_of(job.position))
        if job.position >= job.task_count:
            return progressed, None
        return progressed, PlanTask(job.id, job.position + 1)

    def again(self, job: Job) -> tuple[Job, Command]:
        # One step back, so that `TaskPlanned` for the position it stopped at is awaited again.
        done = max(job.position, 1) - 1
        rewound = replace(job, position=done, progress=job.progress_of(done))
        return rewound, PlanTask(job.id, done + 1, is_restart=True)


class Graph:
    """Each task as soon as all that it needs are done. `position` counts those that are done."""

    def first(self, job: Job) -> Command:
        return PlanReady(job.id)

    def not_awaited(self, job: Job, position: int) -> str | None:
        """Each is planned once: when the last that it needs is done."""
        del job, position
        return None

    def at(self, job: Job, position: int) -> Job:
        del position
        return job

    def after(self, job: Job, task: Task) -> tuple[Job, Command | None]:
        # Others may be half-way: theirs stays counted.
        progress = min(job.progress + (100.0 - task.progress) / job.task_count, 100.0)
        progressed = replace(job, position=job.position + 1, progress=progress)
        if progressed.position >= job.task_count:
            return progressed, None
        return progressed, PlanDependents(job.id, task.position)

    def again(self, job: Job) -> tuple[Job, Command]:
        rewound = replace(job, progress=job.progress_of(job.position))
        if job.position == job.task_count:  # its output alone had failed
            return rewound, EvaluateOutput(job.id)
        return rewound, PlanReady(job.id, is_restart=True)


_SEQUENCE, _GRAPH = Sequence(), Graph()


def progression_of(job: Job) -> Progression:
    """The only place that asks which one it is."""
    return _GRAPH if job.is_graph else _SEQUENCE
