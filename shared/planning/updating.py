"""How a new version of a job differs from what was submitted before, seen from where the job is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.definition import Defaults, Placement, TaskDefinition, changed, task_graph
from shared.lifecycle import Job, JobChange, PlacementType
from shared.lifecycle.slots import with_limits_of
from shared.planning.new_job import Needs, NewGraph, NewJob

_SETTINGS = {"tags": (), "description": None, "priority": 0}
"""What of a placed task changes nothing for executions that run."""
_TERMS = ("timeout", "start_at", "must_end_at", "budget", "auto_delete_after")
"""What of a job is as it was submitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTask:
    """A task of the job's own list as it was submitted; `task` is None where what was sealed of it
    can't be read. `is_live`: it has begun and not ended."""

    task: TaskDefinition | None
    is_done: bool
    is_live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """What a job is made from: `tasks` by position, and what all of them read."""

    tasks: Mapping[int, StoredTask]
    inputs: Mapping[str, object]
    uploads: Mapping[str, str]
    defaults: Defaults | None
    output: str | None
    secrets: Mapping[str, str] | None

    def reads_the_same(self, new: NewJob) -> bool:
        definition = new.definition
        read = definition.inputs, definition.uploads, definition.defaults
        is_secret_same = self.secrets is not None and all(
            self.secrets.get(name) == value for name, value in definition.secrets.items()
        )
        return is_secret_same and (self.inputs, self.uploads, self.defaults) == read


def _alters_work(job: Job, stored: StoredVersion, new: NewJob) -> bool:
    """Whether the job would do something else, or at another time: not if it is only called
    otherwise, shared with others or tells others."""
    definition, after = new.definition, new.job
    tasks = [stored.tasks[position].task for position in sorted(stored.tasks)]
    is_same = (
        stored.reads_the_same(new)
        and [_work_of(task) for task in tasks] == [_work_of(task) for task in definition.tasks]
        and stored.output == definition.output
        and all(getattr(job, name) == getattr(after, name) for name in _TERMS)
        and job.slots == with_limits_of(job.slots, after.slots)
    )
    return not is_same


def change_of(
    job: Job, stored: StoredVersion, new: NewJob, *, is_forced: bool
) -> tuple[JobChange, NewGraph | None]:
    """And the graph of the new version, as far as it is done."""
    comparison = _Comparison(job, stored, new, is_forced)
    alters_work = is_forced or _alters_work(job, stored, new)
    if job.state.is_final or not job.has_entered:
        graph = NewGraph.of(new.needs) if new.needs is not None else None
        return JobChange(job=new.job, alters_work=alters_work), graph
    graph = _graph_from(new.needs, stored) if new.needs is not None else None
    return replace(comparison.change(graph), alters_work=alters_work), graph


def _graph_from(needs: Needs, stored: StoredVersion) -> NewGraph:
    graph = NewGraph.of(needs)
    for position, task in stored.tasks.items():
        if task.is_done and position in needs:
            list(graph.end(position))
    return graph


@dataclass(frozen=True, slots=True)
class _Comparison:
    job: Job
    stored: StoredVersion
    new: NewJob
    is_forced: bool

    def change(self, graph: NewGraph | None) -> JobChange:
        begun = [position for position in self.stored.tasks if self._has_begun(position)]
        if (refused := next(filter(None, map(self._refused, begun)), None)) is None:
            refused = self._needs_refused(begun)
        replanned = [position for position in begun if refused is None and self._differs(position)]
        return JobChange(
            job=self.new.job,
            refused=refused,
            replanned=replanned,
            kept=frozenset(filter(self._keeps, replanned)),
            ready=[p for p in graph.ready() if not self._has_begun(p)] if graph else (),
        )

    def _has_begun(self, position: int) -> bool:
        task = self.stored.tasks.get(position)
        if task is None:
            return False
        if self.job.is_graph:
            return task.is_done or task.is_live
        return position <= self.job.position

    def _task(self, position: int) -> TaskDefinition | None:
        tasks = self.new.definition.tasks
        return tasks[position - 1] if position <= len(tasks) else None

    def _refused(self, position: int) -> str | None:
        """Why the job can't go on with another task there."""
        stored, task = self.stored.tasks[position], self._task(position)
        called = f"task {position} ({(stored.task and stored.task.name) or 'without a name'})"
        if task is None:
            return f"{called} has begun: it can't be removed"
        if _work_of(stored.task) == _work_of(task):
            return None
        before = stored.task.placement if stored.task is not None else None
        if before is None:
            return f"{called} has begun, and has no placement: it can't change"
        if task.placement is None or task.placement.type != before.type:
            return f"{called} has begun: the type of its placement can't change from {before.type}"
        return None if stored.is_live else f"{called} has ended: it can't change"

    def _needs_refused(self, begun: Sequence[int]) -> str | None:
        if self.job.is_graph != self.new.job.is_graph:
            return "tasks have begun: that they need one another can't change"
        tasks = [self.stored.tasks[position].task for position in sorted(self.stored.tasks)]
        known = [task for task in tasks if task is not None]
        if not self.job.is_graph or len(known) < len(tasks):
            return None
        before, needs = task_graph(known) or {}, self.new.needs or {}
        moved = [p for p in begun if before.get(p) != needs.get(p)]
        return f"task {moved[0]} has begun: what it needs can't change" if moved else None

    def _differs(self, position: int) -> bool:
        stored, task = self.stored.tasks[position], self._task(position)
        if not stored.is_live or task is None or task.placement is None:
            return False
        is_same = stored.task == task and self.stored.reads_the_same(self.new)
        return self.is_forced or not is_same

    def _keeps(self, position: int) -> bool:
        before, after = self.stored.tasks[position].task, self._task(position)
        if before is None or after is None or self.is_forced:
            return False
        return self.stored.reads_the_same(self.new) and _of_execution(before) == _of_execution(
            after
        )


def _work_of(task: TaskDefinition | None) -> TaskDefinition | None:
    """Its priority says only when, and so does that of what a spawn makes."""
    spawn = task and task.spawn
    unordered = spawn and changed(spawn, task=changed(spawn.task, priority=0))
    return task and changed(task, priority=0, spawn=unordered)


def _of_execution(task: TaskDefinition) -> TaskDefinition:
    """What of a placed task makes its executions: of a service their number does not."""
    placement = task.placement
    return changed(task, placement=placement and _of_node(placement), **_SETTINGS)


def _of_node(placement: Placement) -> Placement:
    is_kept = PlacementType(placement.type).is_kept_running
    count = 1 if is_kept else placement.count
    return changed(placement, count=count, priority=None, update=None)
