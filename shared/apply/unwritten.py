"""Which of a batch's values no row has yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.lifecycle import Job, SetVariable, Task
from shared.planning.new_job import UnsavedJob
from shared.store.writing import Writes


@dataclass(slots=True)
class Unwritten:
    """By id. `begun_tasks` are those of `tasks` that were planned: most of their columns change."""

    new_jobs: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)
    new_tasks: set[str] = field(default_factory=set)
    tasks: set[str] = field(default_factory=set)
    begun_tasks: set[str] = field(default_factory=set)
    variables: dict[tuple[str, str], str] = field(default_factory=dict)
    """Job id and name to value."""

    def take(
        self,
        jobs: Mapping[str, Job],
        tasks: Mapping[str, Task],
        unsaved: Mapping[str, UnsavedJob],
    ) -> Writes:
        """Their values as they are now; nothing is unwritten afterwards."""
        new_jobs = [unsaved[id_] for id_ in self.new_jobs]
        changed = self.tasks - self.new_tasks
        writes = Writes(
            new_jobs=[(jobs[u.new.job.id], u.new, u.sealed, u.graph) for u in new_jobs],
            jobs=[jobs[id_] for id_ in self.jobs - self.new_jobs],
            tasks=[tasks[id_] for id_ in changed - self.begun_tasks],
            begun_tasks=[tasks[id_] for id_ in changed & self.begun_tasks],
            new_tasks=[tasks[id_] for id_ in self.new_tasks],
            variables=[
                SetVariable(job_id, name, value) for (job_id, name), value in self.variables.items()
            ],
        )
        for taken in (self.new_jobs, self.jobs, self.new_tasks, self.tasks, self.begun_tasks):
            taken.clear()
        self.variables.clear()
        return writes
