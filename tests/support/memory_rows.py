"""The rows of jobs and tasks in memory: `Rows` for tests that play very many transactions.

tests/contract/test_rows.py has them pass what the rows in Postgres pass.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import md5

from shared.lifecycle import (
    NOT_PLANNED,
    BeginChildren,
    CancelTasks,
    Job,
    PlanDependents,
    Task,
    TaskPosition,
    TaskState,
)
from shared.planning.new_job import IdempotencyKey, NewGraph, NewJob, UnsavedJob
from shared.planning.taking import Found, Wanted
from shared.planning.templates import (
    JobSource,
    TaskSource,
    Variables,
    WantedVariable,
    listed_task_source,
    unsaved_job_source,
)
from shared.store.artifacts import Replaced
from shared.store.outbox import OutboxRow
from shared.store.transaction_rows import Locked, Reopened
from shared.store.uploads import WantedUploads
from shared.store.writing import Writes


@dataclass
class MemoryRows:
    """`tasks` are in the order in which they were made."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    jobs: dict[str, Job] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    _submitted: dict[str, UnsavedJob] = field(default_factory=dict)
    _variables: Variables = field(default_factory=lambda: defaultdict(dict))
    _keys: set[tuple[str, str]] = field(default_factory=set)

    async def store_keys(self, keys: Mapping[str, IdempotencyKey]) -> set[str]:
        used = {id_ for id_, key in keys.items() if (key.identity, key.key) in self._keys}
        self._keys |= {(key.identity, key.key) for key in keys.values()}
        return used

    async def unusable_uploads(self, wanted: Sequence[WantedUploads]) -> dict[str, list[str]]:
        return {each.owner_id: list(each.ids) for each in wanted if each.ids}

    async def replaced_by(self, task_ids: Collection[str]) -> dict[str, Replaced]:
        return {}

    async def lock(self, job_ids: Collection[str], task_ids: Collection[str]) -> Locked:
        tasks = {id_: self.tasks[id_] for id_ in task_ids if id_ in self.tasks}
        ancestors = {task.id: task for own in tasks.values() for task in self._line(own)}
        partial = {id_: _without_definition(ancestors[id_]) for id_ in ancestors.keys() - tasks}
        jobs = {id_: self.jobs[id_] for id_ in job_ids if id_ in self.jobs}
        return Locked(self.now, jobs, tasks, partial)

    async def load_definitions(self, partial: Collection[Task]) -> dict[str, Task]:
        return {task.id: replace(task, plan=self.tasks[task.id].plan) for task in partial}

    async def next_created(
        self, wanted: Sequence[BeginChildren], known: Collection[str]
    ) -> list[Task]:
        found: list[Task] = []
        for question in wanted:
            children = [t for t in self.children(question.task_id) if t.id not in known]
            found += [t for t in children if t.state is TaskState.CREATED][: question.count]
        return found

    async def cancel_created(self, wanted: Sequence[CancelTasks], limit: int) -> int:
        created = [t for t in self._to_cancel(wanted) if t.state is TaskState.CREATED][:limit]
        self.tasks |= {task.id: replace(task, state=TaskState.CANCELLED) for task in created}
        return len(created)

    async def lock_active(self, wanted: Sequence[CancelTasks], limit: int) -> list[Task]:
        return [t for t in self._to_cancel(wanted) if t.state is not TaskState.CREATED][:limit]

    async def unfinished_at(self, positions: Sequence[TaskPosition]) -> list[Task]:
        listed = [task for task in self.tasks.values() if task.parent_id is None]
        last = {(task.job_id, task.position): task for task in listed}
        found = [last[position] for position in positions if position in last]
        return [t for t in found if _is_composite(t) and t.state in _UNSUCCESSFUL]

    async def reopen_children(self, parents: Sequence[Task]) -> Reopened:
        left: Counter[str] = Counter()
        continued: list[str] = []
        for child in [c for parent in parents if parent.children for c in self.children(parent.id)]:
            if child.state not in _UNSUCCESSFUL or _may_fail(child):
                continue
            left[str(child.parent_id)] += 1
            if _is_composite(child) or _never_began(child):
                continued.append(child.id)
                again = replace(child, state=TaskState.CREATED, error=None, failed_at=None)
            else:
                again = _successor(child, self.now)
            self.tasks[again.id] = again
        return Reopened(left, continued)

    async def ready(self, job_ids: Collection[str]) -> list[TaskPosition]:
        return [
            TaskPosition(id_, p)
            for id_ in job_ids
            if (graph := self._graph(id_))
            for p in graph.ready()
        ]

    async def release(self, ended: Sequence[PlanDependents]) -> list[TaskPosition]:
        return [
            TaskPosition(end.job_id, position)
            for end in ended
            if (graph := self._graph(end.job_id))
            for position in graph.end(end.position)
        ]

    async def load_tasks(
        self, positions: Sequence[TaskPosition], restarts: Mapping[str, int]
    ) -> list[TaskSource]:
        jobs = await self.load_jobs({job_id for job_id, _ in positions})
        return [
            listed_task_source(
                jobs[job_id],
                position,
                self._submitted[job_id].new.definition.tasks[position - 1],
                restarts[job_id],
            )
            for job_id, position in positions
        ]

    async def load_jobs(self, ids: Collection[str]) -> dict[str, JobSource]:
        return {id_: unsaved_job_source(self._submitted[id_]) for id_ in ids}

    async def load_variables(self, wanted: Collection[WantedVariable]) -> Variables:
        found: Variables = {}
        for job_id, variable in wanted:
            stored = self._variables[job_id]
            read = {name: stored[name] for name in stored if variable in (None, name)}
            found.setdefault(job_id, {}).update(read)
        return found

    async def load_files(self, wanted: Collection[Wanted]) -> dict[Wanted, Found]:
        return {}

    async def results_of_children(
        self, parents: Collection[str]
    ) -> dict[str, Mapping[int, str] | None]:
        return {
            id_: {t.child_index or 0: t.result for t in self.children(id_) if t.result is not None}
            for id_ in parents
        }

    async def write(self, writes: Writes) -> list[OutboxRow]:
        for job, new, sealed, graph in writes.new_jobs:
            assert job.id not in self.jobs, "a job was made twice"
            self.jobs[job.id] = job
            self._submitted[job.id] = UnsavedJob(new, sealed, graph)
        for job_id, resealed in writes.resealed.items():
            self._submitted[job_id].sealed = resealed
        self.jobs |= {job.id: job for job in writes.jobs}
        # Of one that has begun already its definition does not change; it may not have been read.
        plans = {task.id: self.tasks[task.id].plan for task in writes.tasks}
        self.tasks |= {task.id: replace(task, plan=plans[task.id]) for task in writes.tasks}
        self.tasks |= {task.id: task for task in writes.begun_tasks}
        for task in sorted(writes.new_tasks, key=lambda task: task.created_at):
            assert task.id not in self.tasks, "a task was made twice"
            self.tasks[task.id] = task
        for variable in writes.variables:
            self._variables[variable.job_id][variable.name] = variable.value
        return []

    def submitted(self, job_id: str) -> NewJob:
        return self._submitted[job_id].new

    def children(self, parent_id: str) -> list[Task]:
        """The last of each index."""
        of_parent = {t.child_index or 0: t for t in self.tasks.values() if t.parent_id == parent_id}
        return [of_parent[index] for index in sorted(of_parent)]

    def _line(self, task: Task) -> Iterator[Task]:
        while task.parent_id is not None:
            task = self.tasks[task.parent_id]
            yield task

    def _to_cancel(self, wanted: Sequence[CancelTasks]) -> list[Task]:
        jobs = {question.job_id for question in wanted if question.parent_id is None}
        parents = {question.parent_id for question in wanted} - {None}
        tasks = [task for task in self.tasks.values() if not task.state.is_final]
        meant = [t for t in tasks if t.parent_id in parents or self._is_over(t, jobs)]
        return sorted(meant, key=lambda task: task.id)

    def _is_over(self, task: Task, jobs: Collection[str]) -> bool:
        """Whether it is in one of these jobs, and what it is part of has ended."""
        if task.job_id not in jobs or self.jobs[task.job_id].state.is_final:
            return task.job_id in jobs
        return task.parent_id is not None and self.tasks[task.parent_id].state.is_final

    def _graph(self, job_id: str) -> NewGraph | None:
        return self._submitted[job_id].graph


_UNSUCCESSFUL = (TaskState.FAILED, TaskState.CANCELLED)


def _without_definition(task: Task) -> Task:
    return replace(task, plan=replace(task.plan, definition={}, sealed=None))


def _is_composite(task: Task) -> bool:
    return task.children is not None or task.subjob_id is not None


def _may_fail(task: Task) -> bool:
    return task.state is TaskState.FAILED and task.plan.allow_failure


def _never_began(task: Task) -> bool:
    return task.state is TaskState.CANCELLED and task.scheduled_at is None and not task.attempt


def _successor(child: Task, now: datetime) -> Task:
    return Task(
        id=md5(f"{child.id} again".encode()).hexdigest(),
        job_id=child.job_id,
        position=child.position,
        plan=NOT_PLANNED,
        state=TaskState.CREATED,
        created_at=now,
        parent_id=child.parent_id,
        child_index=child.child_index,
        scope=child.scope,
    )
