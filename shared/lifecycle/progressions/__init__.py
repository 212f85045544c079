"""How a job goes on from one task of its list to the next: each strategy is a module of its own."""

from typing import Protocol

from shared.lifecycle.commands import Command
from shared.lifecycle.progressions import graph, sequence
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


def progression_of(job: Job) -> Progression:
    """The only place that asks which one it is."""
    return graph if job.is_graph else sequence
