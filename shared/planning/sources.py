"""What one planning needs: a task as submitted or a job, and which stored variables it reads."""

from collections.abc import Iterable

from shared.definition import TaskDefinition
from shared.lifecycle import derived_id
from shared.planning.new_job import UnsavedJob
from shared.planning.templates import JobSource, TaskSource, variables_read

Source = TaskSource | JobSource
"""A task to begin, or a job whose output is to be evaluated."""

Variables = dict[str, dict[str, str]]
"""Job id, name, value."""


def job_of(source: Source) -> JobSource:
    return source.job if isinstance(source, TaskSource) else source


def unsaved_job_source(unsaved: UnsavedJob) -> JobSource:
    new, definition = unsaved.new, unsaved.new.definition
    return JobSource(
        job_id=new.job.id,
        name=definition.name,
        inputs=definition.inputs,
        sealed=unsaved.sealed,
        defaults=definition.defaults,
        output=definition.output,
        created_by=new.created_by,
        permissions=definition.permissions,
        readers=new.readers,
    )


def listed_task_source(
    job: JobSource, position: int, task: TaskDefinition, restarts: int
) -> TaskSource:
    """The task at `position` of the job's own list, in the run after so many restarts."""
    task_id = derived_id(job.job_id, position, restarts)
    return TaskSource(job=job, position=position, task=task, task_id=task_id)


def variables_wanted(sources: Iterable[Source]) -> set[tuple[str, str | None]]:
    """Job id and name of each variable that `sources` read; None: all of the job."""
    wanted: set[tuple[str, str | None]] = set()
    seen: set[tuple[str, int]] = set()
    for source in sources:
        job_id = job_of(source).job_id
        # Each text once: the children of one task all read the same.
        text = id(source.task) if isinstance(source, TaskSource) else 0
        if (job_id, text) in seen:
            continue
        seen.add((job_id, text))
        names = variables_read(source)
        wanted |= {(job_id, name) for name in ((None,) if names is None else names)}
    return wanted
