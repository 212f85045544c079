"""How a job goes on from one task of its list to the next: each strategy is a class of its own."""

from collections.abc import Iterable
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

    def stopped_at(self, job: Job, position: int) -> bool:
        """A restart goes on from that task alone."""

    def has_reached(self, job: Job, position: int) -> bool:
        """That task may have begun."""

    def rewound(
        self, job: Job, position: int, undone: int, *, only_failed: bool
    ) -> tuple[Job, Command]:
        """The task there is to run again, `only_failed` what of it has failed, and what follows it:
        `undone` of these were done. In a graph the whole task runs again."""

    def extended(self, job: Job, task_count: int, ready: Iterable[int]) -> list[Command]:
        """What the running job asks for that is to have `task_count` tasks. Of these, those at
        `ready` have not begun and wait for no other."""


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

    def stopped_at(self, job: Job, position: int) -> bool:
        return position == job.position

    def has_reached(self, job: Job, position: int) -> bool:
        return position <= job.position

    def rewound(
        self, job: Job, position: int, undone: int, *, only_failed: bool
    ) -> tuple[Job, Command]:
        del undone
        done = position - 1
        rewound = replace(job, position=done, progress=job.progress_of(done))
        return rewound, PlanTask(job.id, position, only_failed, only_failed)

    def extended(self, job: Job, task_count: int, ready: Iterable[int]) -> list[Command]:
        del ready
        # Else the one that has begun has the next begin.
        is_waiting = job.kept_running == job.task_count
        return (
            [PlanTask(job.id, job.position + 1)] if is_waiting and task_count > job.position else []
        )


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

    def stopped_at(self, job: Job, position: int) -> bool:
        del job, position  # there may be several
        return False

    def has_reached(self, job: Job, position: int) -> bool:
        del job, position
        return True

    def rewound(
        self, job: Job, position: int, undone: int, *, only_failed: bool
    ) -> tuple[Job, Command]:
        del position, only_failed
        return self.again(replace(job, position=job.position - undone))

    def extended(self, job: Job, task_count: int, ready: Iterable[int]) -> list[Command]:
        del task_count
        return [PlanTask(job.id, position) for position in ready]


_SEQUENCE, _GRAPH = Sequence(), Graph()


def progression_of(job: Job) -> Progression:
    """The only place that asks which one it is."""
    return _GRAPH if job.is_graph else _SEQUENCE
