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
from shared.lifecycle.endings import COUNTED
from shared.messages import Spawned
from shared.planning.new_job import IdempotencyKey, NamedDocument, NewGraph, NewJob, UnsavedJob
from shared.planning.reuse import Verdict, WantedReuse
from shared.planning.taking import Found, Wanted
from shared.planning.templates import (
    JobSource,
    TaskSource,
    Variables,
    WantedVariable,
    listed_task_source,
    unsaved_job_source,
)
from shared.planning.terms import Wallet
from shared.planning.updating import StoredTask, StoredVersion
from shared.store.artifacts import Replaced
from shared.store.family_rows import ExecutionState, NextSequence, Reopened
from shared.store.missed_tasks import MissedTask, NearTask
from shared.store.outbox import OutboxRow
from shared.store.reported_ends import ReportedEnd
from shared.store.reused_tasks import DoneTask, WantedTask
from shared.store.slot_counts import SlotCount
from shared.store.transaction_rows import Locked, Rewound
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
    _names: dict[tuple[str, str], str] = field(default_factory=dict)

    async def store_keys(self, keys: Mapping[str, IdempotencyKey]) -> set[str]:
        used = {id_ for id_, key in keys.items() if (key.identity, key.key) in self._keys}
        self._keys |= {(key.identity, key.key) for key in keys.values()}
        return used

    async def forget_key(self, key: IdempotencyKey) -> None:
        self._keys.discard((key.identity, key.key))

    async def move_key(self, key: IdempotencyKey, made_id: str) -> None:
        pass

    async def lock_alike(self, wanted: Sequence[WantedReuse]) -> list[str]:
        return []

    async def judge(self, wanted: WantedReuse, now: datetime) -> Verdict:
        return Verdict(None, ())

    async def store_verdict(self, new: NewJob, verdict: Verdict) -> None:
        pass

    async def join(self, job_id: str, new: NewJob, sealed: str | None) -> None:
        pass

    async def add_end_event(self, job_id: str, new: NewJob, sealed: str | None) -> None:
        pass

    async def withdraw(self, job_id: str, submission_id: str) -> bool:
        return False

    async def reusable_tasks(self, wanted: Collection[WantedTask]) -> dict[WantedTask, DoneTask]:
        return {}

    async def nearest_tasks(self, missed: Collection[MissedTask]) -> dict[str, NearTask]:
        return {}

    async def store_names(self, named: Mapping[str, NamedDocument]) -> set[str]:
        taken = {id_ for id_, one in named.items() if (one.namespace, one.name) in self._names}
        self._names |= {(o.namespace, o.name): i for i, o in named.items() if i not in taken}
        return taken

    async def forget_names(self, job_ids: list[str]) -> None:
        self._names = {name: id_ for name, id_ in self._names.items() if id_ not in job_ids}

    async def unusable_uploads(self, wanted: Sequence[WantedUploads]) -> dict[str, list[str]]:
        return {each.owner_id: list(each.ids) for each in wanted if each.ids}

    async def lock_wallets(self, owners: Collection[str]) -> dict[str, Wallet]:
        return {owner: Wallet(owner=owner) for owner in owners}

    async def mark_short(self, owners: Collection[str], short: Collection[str]) -> None:
        pass

    async def replaced_by(self, task_ids: Collection[str]) -> dict[str, Replaced]:
        return {}

    async def lock(self, job_ids: Collection[str], task_ids: Collection[str]) -> Locked:
        tasks = {id_: self.tasks[id_] for id_ in task_ids if id_ in self.tasks}
        ancestors = {task.id: task for own in tasks.values() for task in self._line(own)}
        partial = {id_: _without_definition(ancestors[id_]) for id_ in ancestors.keys() - tasks}
        jobs = {id_: self.jobs[id_] for id_ in job_ids if id_ in self.jobs}
        return Locked(self.now, jobs, tasks, partial)

    async def spawned_by(
        self, dispatches: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], list[Spawned]]:
        return {}

    async def reported_ends(
        self, dispatches: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], ReportedEnd]:
        return {}

    async def load_definitions(self, partial: Collection[Task]) -> dict[str, Task]:
        return {task.id: replace(task, plan=self.tasks[task.id].plan) for task in partial}

    async def next_created(
        self, wanted: Sequence[BeginChildren], known: Collection[str]
    ) -> list[Task]:
        found: list[Task] = []
        for question in wanted:
            children = [t for t in self.children(question.task_id) if t.id not in known]
            children.sort(key=lambda task: task.sequence or 0)
            found += [t for t in children if t.state is TaskState.CREATED][: question.count]
        return found

    async def next_sequences(self, parents: Collection[str]) -> dict[str, NextSequence]:
        found: dict[str, NextSequence] = {}
        for id_ in parents:
            created = [t for t in self.children(id_) if t.state is TaskState.CREATED]
            counts = Counter(t.sequence for t in created if t.sequence is not None)
            if counts:
                found[id_] = NextSequence(*min(counts.items()))
        return found

    async def next_held_back(self, counts: Mapping[str, int], timed: Collection[str]) -> list[Task]:
        found: list[Task] = []
        for job_id, count in counts.items():
            waiting = [t for t in self._held_back(job_id) if t.id not in timed]
            waiting.sort(key=lambda task: (-task.plan.priority, task.position))
            found += waiting[:count]
        return found

    async def count_slots(self, job_ids: Collection[str]) -> dict[str, SlotCount]:
        found: dict[str, SlotCount] = {}
        for job_id in job_ids:
            active = sum(t.has_slot for t in self.tasks.values() if t.job_id == job_id)
            held_back = self._held_back(job_id)
            timed = min((t.id for t in held_back if t.due_at is not None), default=None)
            found[job_id] = SlotCount(active, len(held_back), timed)
        return found

    async def cancel_created(self, wanted: Sequence[CancelTasks], limit: int) -> int:
        created = [t for t in self._to_cancel(wanted) if t.state is TaskState.CREATED][:limit]
        self.tasks |= {task.id: replace(task, state=TaskState.CANCELLED) for task in created}
        return len(created)

    async def lock_active(self, wanted: Sequence[CancelTasks], limit: int) -> list[Task]:
        return [t for t in self._to_cancel(wanted) if t.state is not TaskState.CREATED][:limit]

    async def lock_waiting(self, job_ids: Collection[str], limit: int) -> list[Task]:
        waiting = [
            t
            for t in self.tasks.values()
            if t.job_id in job_ids
            and t.state in (TaskState.PENDING, TaskState.SCHEDULED)
            and self.jobs[t.job_id].priority not in (None, t.plan.priority)
        ]
        return waiting[:limit]

    async def unfinished_at(
        self, positions: Sequence[TaskPosition], in_part: Collection[str]
    ) -> list[Task]:
        last = self._last_of_lists()
        found = [last[position] for position in positions if position in last]
        return [
            t
            for t in found
            if (_is_composite(t) and t.state in _UNSUCCESSFUL)
            or (t.job_id in in_part and t.children and t.children.failed)
        ]

    async def reopen_children(self, parents: Sequence[Task]) -> Reopened:
        left: Counter[str] = Counter()
        continued: list[str] = []
        for child in [c for parent in parents if parent.children for c in self.children(parent.id)]:
            if child.state not in _UNSUCCESSFUL or _may_fail(child) or self._is_too_many(child):
                continue
            left[str(child.parent_id)] += 1
            if _is_composite(child) or _never_began(child):
                continued.append(child.id)
                again = replace(child, state=TaskState.CREATED, error=None, failed_at=None)
            else:
                again = _successor(child, self.now)
            self.tasks[again.id] = again
        return Reopened(left, continued)

    async def kept_to_reopen(self, job_ids: Collection[str]) -> list[Task]:
        found = self._last_of_lists()
        done = [t for t in found.values() if t.job_id in job_ids and self._is_done(t)]
        kept = [t for t in done if t.plan.is_kept_running and t.progress >= COUNTED]
        return [task for task in kept if task.state in _UNSUCCESSFUL]

    async def placed_at(self, positions: Sequence[TaskPosition]) -> list[Task]:
        found = [t for t in self.tasks.values() if t.parent_id is None and t.plan.placement]
        running = [t for t in found if t.state is TaskState.RUNNING]
        return [t for t in running if (t.job_id, t.position) in positions]

    async def executions_of(self, parents: Collection[str]) -> dict[str, list[ExecutionState]]:
        return {
            id_: [ExecutionState(t.id, t.child_index or 0, t.state) for t in self.children(id_)]
            for id_ in parents
        }

    async def lock_tasks(self, ids: Collection[str]) -> list[Task]:
        return [self.tasks[id_] for id_ in ids]

    async def load_version(self, job_id: str) -> StoredVersion | None:
        if job_id not in self._submitted:
            return None
        definition = self._submitted[job_id].new.definition
        graph, last = self._graph(job_id), self._last_of_lists()
        live = {at for at, task in last.items() if not task.state.is_final}
        return StoredVersion(
            tasks={
                position: StoredTask(
                    task=task,
                    is_done=graph is not None and position in graph.done,
                    is_live=(job_id, position) in live,
                )
                for position, task in enumerate(definition.tasks, start=1)
            },
            inputs=definition.inputs,
            uploads=definition.uploads,
            defaults=definition.defaults,
            output=definition.output,
            secrets=definition.secrets,
        )

    async def forget_run(self, job_id: str) -> list[str]:
        self._variables.pop(job_id, None)
        return []

    async def rewind(self, job_id: str, position: int, *, only_failed: bool) -> Rewound:
        del only_failed  # there are no artifacts
        graph, count = self._graph(job_id), self.jobs[job_id].task_count
        if graph is not None and self.jobs[job_id].position == count:
            graph.done.update(graph.needs)  # the end of the last of all has released none
        again = set(range(position, count + 1)) if graph is None else graph.following(position)
        undone = 0 if graph is None else graph.undo(again)
        for task in self.tasks.values():
            if task.job_id == job_id and task.position in again and task.plan.var:
                self._variables[job_id].pop(task.plan.var, None)
        return Rewound(undone)

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
            id_: {
                t.child_index or 0: t.result
                for t in sorted(self.children(id_), key=lambda task: task.sequence or 0)
                if t.result is not None
            }
            for id_ in parents
        }

    async def write(self, writes: Writes) -> list[OutboxRow]:
        for job, new, sealed, graph in writes.new_jobs:
            assert job.id not in self.jobs, "a job was made twice"
            self.jobs[job.id] = job
            self._submitted[job.id] = UnsavedJob(new, sealed, graph)
        for job, new, sealed, graph in writes.updated_jobs:
            self._submitted[job.id] = UnsavedJob(new, sealed, graph)
            self.jobs[job.id] = job
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
        for gone in writes.forgotten:
            place = gone.parent_id, gone.child_index
            old = [t for t in self.tasks.values() if (t.parent_id, t.child_index) == place]
            for task in [t for t in old if t.attempt <= gone.last and t.state.is_final]:
                del self.tasks[task.id]
        for variable in writes.variables:
            self._variables[variable.job_id][variable.name] = variable.value
        return []

    def submitted(self, job_id: str) -> NewJob:
        return self._submitted[job_id].new

    def children(self, parent_id: str) -> list[Task]:
        """The last of each index."""
        of_parent = {t.child_index or 0: t for t in self.tasks.values() if t.parent_id == parent_id}
        return [of_parent[index] for index in sorted(of_parent)]

    def _held_back(self, job_id: str) -> list[Task]:
        own = [task for task in self.tasks.values() if task.job_id == job_id and task.is_held_back]
        return [task for task in own if task.state is TaskState.PENDING]

    def _is_too_many(self, child: Task) -> bool:
        parent = self.tasks[str(child.parent_id)]
        placement = parent.plan.placement
        if placement is not None and placement.type.is_on_every_node:
            return child.recall == "scale"
        assert parent.children is not None
        return placement is not None and (child.child_index or 0) >= parent.children.total

    def _last_of_lists(self) -> dict[tuple[str, int], Task]:
        listed = [task for task in self.tasks.values() if task.parent_id is None]
        return {(task.job_id, task.position): task for task in listed}

    def _is_done(self, task: Task) -> bool:
        graph = self._graph(task.job_id)
        if graph is not None:
            return task.position in graph.done
        return task.position <= self.jobs[task.job_id].position

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
        plan=NOT_PLANNED if child.sequence is None else replace(NOT_PLANNED, name=child.plan.name),
        state=TaskState.CREATED,
        created_at=now,
        parent_id=child.parent_id,
        child_index=child.child_index,
        scope=child.scope,
        pinned_to=child.pinned_to,
        sequence=child.sequence,
    )
