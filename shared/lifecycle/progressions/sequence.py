"""One task after the other, in the order of the list. `position` is that of the current one."""

from shared.lifecycle.commands import Command, PlanTask
from shared.lifecycle.replacing import replace
from shared.lifecycle.values import Job, Task


def first(job: Job) -> Command:
    return PlanTask(job.id, 1)


def not_awaited(job: Job, position: int) -> str | None:
    if position == job.position + 1:
        return None
    return f"position {position} is not the next after {job.position}"


def at(job: Job, position: int) -> Job:
    return replace(job, position=position)


def after(job: Job, task: Task) -> tuple[Job, Command | None]:
    del task
    progressed = replace(job, progress=job.progress_of(job.position))
    if job.position >= job.task_count:
        return progressed, None
    return progressed, PlanTask(job.id, job.position + 1)


def again(job: Job) -> tuple[Job, Command]:
    # One step back, so that `TaskPlanned` for the position it stopped at is the awaited one again.
    done = max(job.position, 1) - 1
    rewound = replace(job, position=done, progress=job.progress_of(done))
    return rewound, PlanTask(job.id, done + 1, is_restart=True)
