"""Each task as soon as all that it needs are done. `position` counts those that are done."""

from shared.lifecycle.commands import Command, EvaluateOutput, PlanDependents, PlanReady
from shared.lifecycle.replacing import replace
from shared.lifecycle.values import Job, Task


def first(job: Job) -> Command:
    return PlanReady(job.id)


def not_awaited(job: Job, position: int) -> str | None:
    """Each is planned once: when the last that it needs is done."""
    del job, position
    return None


def at(job: Job, position: int) -> Job:
    del position
    return job


def after(job: Job, task: Task) -> tuple[Job, Command | None]:
    # Others may be half-way: theirs stays counted.
    progress = min(job.progress + (100.0 - task.progress) / job.task_count, 100.0)
    progressed = replace(job, position=job.position + 1, progress=progress)
    if progressed.position >= job.task_count:
        return progressed, None
    return progressed, PlanDependents(job.id, task.position)


def again(job: Job) -> tuple[Job, Command]:
    rewound = replace(job, progress=job.progress_of(job.position))
    if job.position == job.task_count:  # its output alone had failed
        return rewound, EvaluateOutput(job.id)
    return rewound, PlanReady(job.id, is_restart=True)
