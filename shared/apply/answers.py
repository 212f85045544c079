"""Answers, inside the transaction, what decisions ask: the answers are events like any other.

In rounds, as an answer may lead to further questions: a task that is skipped asks for the next.
All questions of a kind are answered together.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shared.apply.workspace import Workspace
from shared.lifecycle import (
    BeginChildren,
    CancelTasks,
    ChildPlanned,
    ChildrenPutOff,
    EvaluateOutput,
    Event,
    OutputFailed,
    PlanDependents,
    PlanReady,
    PlanTask,
    Task,
    TaskCancelled,
    TaskPlanned,
    TaskReopened,
    TaskState,
)
from shared.planning.composites import child_task
from shared.planning.planner import Planner, plan_failed
from shared.planning.templates import JobSource, TaskSource
from shared.planning.transaction_budget import MOST_TASKS, TransactionBudget
from shared.postgres.pool import Connection
from shared.process.sealing import SealingError
from shared.store import families, graphs, sources
from shared.store.graphs import Place
from shared.store.sources import Source, Variables
from shared.store.writing import write

_MOST_AT_ONCE = f"at most {MOST_TASKS:,} are made at once"


class Answers:
    def __init__(
        self,
        connection: Connection,
        planner: Planner,
        workspace: Workspace,
        room: TransactionBudget,
    ) -> None:
        self._connection = connection
        self._planner = planner
        self._workspace = workspace
        self._room = room
        self._secrets: dict[str, Mapping[str, str]] = {}

    async def give(self) -> None:
        while self._workspace.has_questions:
            await self._cancel(self._workspace.take(CancelTasks))
            listed = await self._listed()
            children = await self._children()
            found = [*listed, *await self._outputs()]
            variables = await sources.load_variables(self._connection, [*found, *children])
            for source in found:
                self._workspace.happen(self._plan(source, variables))
            self._begin(children, variables)

    def _begin(self, children: Sequence[TaskSource], variables: Variables) -> None:
        """As many as there is room for: what one of them takes shows only when it is planned."""
        for place, source in enumerate(children):
            if not self._room.children:
                self._put_off(children[place:])
                return
            event = self._plan(source, variables)
            self._room.take(event.planned if isinstance(event, ChildPlanned) else None)
            self._workspace.happen(event)

    def _put_off(self, children: Sequence[TaskSource]) -> None:
        tasks = [self._workspace.tasks[str(source.child_id)] for source in children]
        self._workspace.wait_again(tasks)
        for parent_id, count in Counter(str(task.parent_id) for task in tasks).items():
            self._put_off_some(parent_id, count)

    def _put_off_some(self, parent_id: str, count: int) -> None:
        parent = self._workspace.tasks[parent_id]
        self._workspace.happen(ChildrenPutOff(parent.job_id, parent_id, count))

    async def _write_so_far(self) -> None:
        """For what looks at many rows at once, and must see what was decided of them."""
        await write(self._connection, self._workspace.take_writes())

    async def _cancel(self, wanted: Sequence[CancelTasks]) -> None:
        if not wanted:
            return
        await self._write_so_far()
        await families.cancel_created(self._connection, wanted)
        active = await families.lock_active(self._connection, wanted)
        self._workspace.add(active)
        for task in active:
            self._workspace.happen(TaskCancelled(task.job_id, task.id))

    async def _listed(self) -> list[Source]:
        """The tasks of jobs' own lists whose turn it is."""
        asked = self._workspace.take(PlanTask)
        places = [(q.job_id, q.position) for q in asked if not q.is_restart]
        again = [(q.job_id, q.position) for q in asked if q.is_restart]
        for ready in self._workspace.take(PlanReady):
            (again if ready.is_restart else places).extend(await self._ready(ready.job_id))
        places += await self._released(self._workspace.take(PlanDependents))
        places += await self._restarted(again)
        return await self._sources(places)

    async def _ready(self, job_id: str) -> list[Place]:
        if (fresh := self._workspace.fresh.get(job_id)) and self._workspace.has_no_row(job_id):
            return [(job_id, position) for position in fresh.graph.ready()] if fresh.graph else []
        return await graphs.ready(self._connection, [job_id])

    async def _released(self, ended: Sequence[PlanDependents]) -> list[Place]:
        places: list[Place] = []
        stored: list[PlanDependents] = []
        for end in ended:
            fresh = self._workspace.fresh.get(end.job_id)
            if fresh and fresh.graph and self._workspace.has_no_row(end.job_id):
                places += [(end.job_id, position) for position in fresh.graph.end(end.position)]
            else:
                stored.append(end)
        return places + await graphs.release(self._connection, stored)

    async def _restarted(self, places: Sequence[Place]) -> list[Place]:
        """What is made of others goes on; the places of what has to be planned anew."""
        # Cancelled again in the same batch: its children must stay cancelled.
        places = [p for p in places if not self._workspace.jobs[p[0]].state.is_final]
        if not places:
            return []
        await self._write_so_far()
        unfinished = await families.unfinished_at(self._connection, places)
        self._workspace.add(unfinished)
        await self._reopen(unfinished)
        going_on = {(task.job_id, task.position) for task in unfinished}
        return [place for place in places if place not in going_on]

    async def _reopen(self, tasks: Sequence[Task]) -> None:
        reopened = await families.reopen_children(self._connection, tasks)
        self._workspace.forget(reopened.continued)
        for task in tasks:
            left = reopened.left.get(task.id, 0)
            self._workspace.happen(TaskReopened(task.job_id, task.id, left))

    async def _sources(self, places: Sequence[Place]) -> list[Source]:
        workspace = self._workspace
        new: list[Source] = []
        stored: list[Place] = []
        for job_id, position in places:
            if fresh := workspace.fresh.get(job_id):
                task = fresh.new.tasks[position - 1]
                restarts = workspace.jobs[job_id].restarts
                job = sources.source_of_new(fresh)
                new.append(sources.task_source(job, position, task, restarts))
            else:
                stored.append((job_id, position))
        restarts_of = {job_id: workspace.jobs[job_id].restarts for job_id, _ in stored}
        return new + await sources.load_tasks(self._connection, stored, restarts_of)

    async def _children(self) -> list[TaskSource]:
        """The children whose turn it is; those that a restart has come back to go on at once."""
        children = await self._next_children(self._with_room(self._workspace.take(BeginChildren)))
        going_on = [c for c in children if c.children is not None or c.subjob_id is not None]
        for _ in going_on:
            self._room.take(None)
        if going_on:
            await self._write_so_far()
            await self._reopen(going_on)
        fresh: dict[str, list[Task]] = {}
        for child in children:
            if child.children is None and child.subjob_id is None:
                fresh.setdefault(str(child.parent_id), []).append(child)
        parents = await self._whole(fresh)
        jobs = await self._jobs({parent.job_id for parent in parents.values()})
        found: list[TaskSource] = []
        for parent_id, own in fresh.items():
            found += self._child_sources(parents[parent_id], own, jobs)
        return found

    async def _whole(self, ids: Iterable[str]) -> dict[str, Task]:
        tasks = {id_: self._workspace.tasks[id_] for id_ in ids}
        outlined = [task for id_, task in tasks.items() if id_ in self._workspace.outlined]
        return tasks | await families.with_definitions(self._connection, outlined)

    def _child_sources(
        self, parent: Task, children: Sequence[Task], jobs: dict[str, JobSource]
    ) -> list[TaskSource]:
        submitted = self._planner.submitted(parent)
        return [
            TaskSource(
                job=jobs[child.job_id],
                position=child.position,
                task=child_task(submitted, child.child_index or 0),
                task_id=child.id,
                child_id=child.id,
                scope=child.scope,
            )
            for child in children
        ]

    def _with_room(self, wanted: Sequence[BeginChildren]) -> list[BeginChildren]:
        """What there is room for of them; the rest is put off without being looked at."""
        room = self._room.children
        possible: list[BeginChildren] = []
        for question in _one_for_each_parent(wanted):
            count = min(question.count, room)
            room -= count
            if count < question.count:
                self._put_off_some(question.task_id, question.count - count)
            if count:
                possible.append(replace(question, count=count))
        return possible

    async def _next_children(self, wanted: Sequence[BeginChildren]) -> list[Task]:
        found: list[Task] = []
        more: list[BeginChildren] = []
        for question in wanted:
            made_here = self._workspace.next_created(question.task_id, question.count)
            found += made_here
            if (missing := question.count - len(made_here)) > 0:
                more.append(replace(question, count=missing))
        return found + await self._stored_children(more) if more else found

    async def _stored_children(self, wanted: Sequence[BeginChildren]) -> list[Task]:
        begun = [t.id for t in self._workspace.tasks.values() if t.state is not TaskState.CREATED]
        stored = await families.next_created(self._connection, wanted, begun)
        self._workspace.add(stored)
        return stored

    async def _outputs(self) -> list[Source]:
        asked = {question.job_id for question in self._workspace.take(EvaluateOutput)}
        return list((await self._jobs(asked)).values())

    async def _jobs(self, ids: set[str]) -> dict[str, JobSource]:
        fresh = {
            id_: sources.source_of_new(self._workspace.fresh[id_])
            for id_ in ids
            if id_ in self._workspace.fresh
        }
        return fresh | await sources.load_jobs(self._connection, ids - fresh.keys())

    def _plan(self, source: Source, stored: Variables) -> Event:
        job = sources.job_of(source)
        variables = stored.get(job.job_id, {}) | self._workspace.variables.get(job.job_id, {})
        try:
            secrets = self._secrets_of(job)
        except SealingError as error:  # a key is missing: told, not tried again and again
            if isinstance(source, TaskSource):
                return plan_failed(source, f"secrets: {error}")
            return OutputFailed(job.job_id, f"secrets: {error}")
        if isinstance(source, TaskSource):
            event = self._planner.plan(source, variables, secrets, self._workspace.now)
            if isinstance(event, TaskPlanned) and not self._room.has_for(event.planned):
                return plan_failed(source, f"its tasks are too many: {_MOST_AT_ONCE}")
            return event
        return self._planner.output(source, variables, secrets)

    def _secrets_of(self, job: JobSource) -> Mapping[str, str]:
        """Unsealed once for all the tasks of a job that begin together. Raises SealingError."""
        if job.job_id not in self._secrets:
            self._secrets[job.job_id] = self._planner.secrets_of(job)
        return self._secrets[job.job_id]


def _one_for_each_parent(wanted: Sequence[BeginChildren]) -> list[BeginChildren]:
    """Two that end together ask twice; asked for separately, both would find the same next one."""
    of_parent: dict[str, BeginChildren] = {}
    for question in wanted:
        if (other := of_parent.get(question.task_id)) is not None:
            question = replace(question, count=question.count + other.count)
        of_parent[question.task_id] = question
    return list(of_parent.values())
