"""A store in memory for the core's property tests: it answers what decisions ask.

As `shared.store` does: a batch of events first, then the questions in rounds, all as one
transaction; messages between jobs are left in `messages`, for the test to deliver, repeat or lose.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from shared.lifecycle import (
    NOT_PLANNED,
    BeginChildren,
    CancelSubJob,
    CancelTasks,
    ChildPlanFailed,
    ChildPlanned,
    ChildrenPutOff,
    ChildSkipped,
    Command,
    ContinueFamily,
    Decision,
    EvaluateOutput,
    Event,
    FamilyContinued,
    GrantClaim,
    Ignored,
    Job,
    JobRestarted,
    JobState,
    JobSubmitted,
    Offspring,
    OutputEvaluated,
    OutputFailed,
    Parent,
    PlanDependents,
    Planned,
    PlanReady,
    PlanTask,
    ReportToParent,
    ResumeSubJob,
    SubJob,
    SubJobAbandoned,
    SubJobEnded,
    SubJobResumed,
    SubmitSubJob,
    Task,
    TaskCancelled,
    TaskEvent,
    TaskKind,
    TaskPlanFailed,
    TaskPlanned,
    TaskReopened,
    TaskSkipped,
    TaskState,
    Tell,
    decide,
    derived_id,
)
from tests.support.family_specs import Spec

START = datetime(2026, 1, 1, tzinfo=UTC)
Place = tuple[str, int]
rooms = st.sampled_from([1_000_000, 1_000_000, 1, 2])
Watcher = Callable[[Job, Task | None, Event, Decision | Ignored], None]
"""Sees each decision, with the job and task as they were before it."""


@dataclass
class World:
    now: datetime = START
    room: int = 1_000_000
    """How many children begin in one transaction."""
    jobs: dict[str, Job] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)  # in the order they were made
    messages: list[Event] = field(default_factory=list)
    granted: dict[tuple[str, int], str] = field(default_factory=dict)
    watchers: list[Watcher] = field(default_factory=list)
    _lists: dict[str, Spec] = field(default_factory=dict)
    _done: dict[str, set[int]] = field(default_factory=dict)
    _questions: list[Command] = field(default_factory=list)
    _left: int = 0

    def submit(self, job_id: str, listed: Spec) -> None:
        self.happen(JobSubmitted(self._add(job_id, listed, None)))

    def happen(self, *batch: Event) -> None:
        """One transaction. What goes on after a stop finds all that came before it settled."""
        self._left = self.room
        for event in batch:
            if isinstance(event, JobRestarted | SubJobResumed):
                self._answer()
            self._decide(event)
        self._answer()

    def _answer(self) -> None:
        while self._questions:
            for cancel in self._take(CancelTasks):
                self._cancel(cancel)
            for event in [*self._listed(), *self._children(), *self._outputs()]:
                self._decide(event)

    def of_parent(self, parent_id: str) -> dict[int, Task]:
        """The last of each place."""
        return {t.child_index or 0: t for t in self.tasks.values() if t.parent_id == parent_id}

    def overdue(self) -> Iterator[Event]:
        """What the scheduler finds when messages between jobs are lost."""
        for task in self.tasks.values():
            if task.state is TaskState.RUNNING and task.subjob_id is not None:
                sub = self.jobs[task.subjob_id]
                if sub.parent is not None and sub.parent.dispatch < task.dispatch:
                    yield SubJobResumed(sub.id, task.dispatch)
                elif sub.state.is_final:
                    yield _ended(sub, task.job_id, task.id, task.dispatch)
            elif task.state is TaskState.RUNNING and is_stalled(task):
                yield FamilyContinued(task.job_id, task.id)
        for job in self.jobs.values():
            if job.state.is_final or job.parent is None or not job.parent.dispatch:
                continue
            if self.tasks[job.parent.task_id].state is not TaskState.RUNNING:
                yield SubJobAbandoned(job.id, job.parent.dispatch)

    def listed(self, job_id: str) -> Spec:
        return self._lists[job_id]

    def _add(self, job_id: str, listed: Spec, parent: Parent | None) -> Job:
        self._lists[job_id] = listed
        self._done[job_id] = set()
        return Job(
            id=job_id,
            state=JobState.PENDING,
            task_count=len(listed.inner),
            created_at=self.now,
            has_output=bool(listed.output),
            timeout=listed.timeout,
            is_graph=listed.needs is not None,
            parent=parent,
        )

    def _decide(self, event: Event) -> None:
        job = event.job if isinstance(event, JobSubmitted) else self.jobs.get(event.job_id)
        assert job is not None
        task = self.tasks.get(event.task_id) if isinstance(event, TaskEvent) else None
        outcome: Decision | Ignored = decide(job, task, event, self.now)
        for watch in self.watchers:
            watch(job, task, event, outcome)
        if isinstance(outcome, Decision):
            self.jobs[outcome.job.id] = outcome.job
            for new in outcome.new_tasks:
                assert new.id not in self.tasks, "a task was made twice"
            self.tasks.update({t.id: t for t in (*outcome.tasks, *outcome.new_tasks)})
        for command in outcome.commands:
            self._sort(command)

    def _sort(self, command: Command) -> None:
        match command:
            case Tell(event):
                self._decide(event)
            case SubmitSubJob(subjob):
                self._decide(JobSubmitted(subjob.job))
            case GrantClaim(node_id, _, task_id, dispatch):
                holder = self.granted.setdefault((task_id, dispatch), node_id)
                assert holder == node_id, "one dispatch was granted to two workers"
            case PlanTask() | PlanReady() | PlanDependents() | BeginChildren():
                self._questions.append(command)
            case EvaluateOutput() | CancelTasks():
                self._questions.append(command)
            case _:
                self._send(command)

    def _send(self, command: Command) -> None:
        match command:
            case ReportToParent(job):
                if job.parent is not None:
                    parent = job.parent
                    end = _ended(job, parent.job_id, parent.task_id, parent.dispatch)
                    self.messages.append(end)
            case ResumeSubJob(subjob_id, dispatch):
                self.messages.append(SubJobResumed(subjob_id, dispatch))
            case CancelSubJob(subjob_id, dispatch):
                self.messages.append(SubJobAbandoned(subjob_id, dispatch))
            case ContinueFamily(job_id, task_id):
                self.messages.append(FamilyContinued(job_id, task_id))

    def _take(self, *kinds: type) -> list[Command]:
        taken = [q for q in self._questions if isinstance(q, kinds)]
        self._questions = [q for q in self._questions if not isinstance(q, kinds)]
        return taken

    def _cancel(self, cancel: Command) -> None:
        assert isinstance(cancel, CancelTasks)
        meant = [
            t
            for t in self.tasks.values()
            if t.job_id == cancel.job_id and cancel.parent_id in (None, t.parent_id)
        ]
        for task in meant:
            if task.state is TaskState.CREATED:
                self.tasks[task.id] = replace(task, state=TaskState.CANCELLED)
            elif not self.tasks[task.id].state.is_final:
                self._decide(TaskCancelled(task.job_id, task.id))

    def _listed(self) -> list[Event]:
        fresh: dict[Place, None] = {}
        again: dict[Place, None] = {}
        asked = self._take(PlanTask, PlanReady, PlanDependents)
        for question in asked:
            match question:
                case PlanDependents(job_id, position):
                    self._done[job_id].add(position)
                    fresh |= {(job_id, p): None for p in self._ready(job_id, position)}
                case PlanReady(job_id, is_restart):
                    places = {(job_id, p): None for p in self._ready(job_id)}
                    (again if is_restart else fresh).update(places)
                case PlanTask(job_id, position, is_restart):
                    (again if is_restart else fresh)[job_id, position] = None
        return [self._plan(*place) for place in [*fresh, *self._restarted(list(again))]]

    def _ready(self, job_id: str, needed: int | None = None) -> Iterator[int]:
        """Positions that wait for nothing (any more, once `needed` is done)."""
        needs = self._lists[job_id].needs or ()
        done = self._done[job_id]
        for place, own in enumerate(needs):
            position = place + 1
            is_free = all(n + 1 in done for n in own) and position not in done
            if is_free and (needed is None or needed - 1 in own):
                yield position

    def _restarted(self, places: Sequence[Place]) -> Iterator[Place]:
        for job_id, position in places:
            if self.jobs[job_id].state.is_final:
                continue
            rows = [
                t
                for t in self.tasks.values()
                if (t.job_id, t.position, t.parent_id) == (job_id, position, None)
            ]
            if rows and _is_unfinished(rows[-1]):
                self._reopen(rows[-1])
            else:
                yield job_id, position

    def _reopen(self, task: Task) -> None:
        left = 0
        for child in self.of_parent(task.id).values() if task.children else ():
            state = child.state
            if state is TaskState.CANCELLED or (
                state is TaskState.FAILED and not child.plan.allow_failure
            ):
                left += 1
                self._wait_again(child)
        self._decide(TaskReopened(task.job_id, task.id, left))

    def _wait_again(self, child: Task) -> None:
        never_began = child.scheduled_at is None and child.state is TaskState.CANCELLED
        if child.children or child.subjob_id or (never_began and not child.attempt):
            waiting = replace(child, state=TaskState.CREATED, error=None, failed_at=None)
            self.tasks[child.id] = waiting
            return
        again = Task(
            id=child.id + "'",
            job_id=child.job_id,
            position=child.position,
            plan=NOT_PLANNED,
            state=TaskState.CREATED,
            created_at=self.now,
            parent_id=child.parent_id,
            child_index=child.child_index,
        )
        self.tasks[again.id] = again

    def _plan(self, job_id: str, position: int) -> Event:
        spec = self._lists[job_id].inner[position - 1]
        task_id = f"{job_id}/{position}.{self.jobs[job_id].restarts}"
        match spec.plans_as:
            case "skipped":
                return TaskSkipped(job_id, position, spec.planned)
            case "failed":
                return TaskPlanFailed(job_id, position, spec.planned, "an expression fails")
            case _:
                return TaskPlanned(job_id, position, self._made(spec, job_id, task_id))

    def _children(self) -> list[Event]:
        events: list[Event] = []
        for question in self._take(BeginChildren):
            assert isinstance(question, BeginChildren)
            parent = self.tasks[question.task_id]
            spec = parent.plan.definition["spec"]
            assert isinstance(spec, Spec)
            # Those that an earlier question has found are still CREATED, and not to be found again.
            found = {e.task_id for e in events if isinstance(e, TaskEvent)}
            waiting = [
                c
                for _, c in sorted(self.of_parent(parent.id).items())
                if c.state is TaskState.CREATED and c.id not in found
            ]
            count = min(question.count, self._left)
            self._left -= count
            if count < question.count:
                left = question.count - count
                self._decide(ChildrenPutOff(parent.job_id, parent.id, left))
            for child in waiting[:count]:
                if child.children or child.subjob_id:
                    self._reopen(child)
                else:
                    events.append(self._plan_child(spec.child(child.child_index or 0), child))
        return events

    def _plan_child(self, spec: Spec, child: Task) -> Event:
        match spec.plans_as:
            case "skipped":
                return ChildSkipped(child.job_id, child.id, spec.planned)
            case "failed":
                return ChildPlanFailed(child.job_id, child.id, spec.planned, "it fails")
            case _:
                made = self._made(spec, child.job_id, child.id)
                return ChildPlanned(child.job_id, child.id, made)

    def _made(self, spec: Spec, job_id: str, task_id: str) -> Planned:
        match spec.kind:
            case TaskKind.PARALLEL | TaskKind.EACH:
                total = len(spec.inner) if spec.kind is TaskKind.PARALLEL else spec.items
                offspring = Offspring(
                    scopes=[None] * total, concurrency=spec.concurrency, required=spec.required
                )
                return Planned(task=spec.planned, offspring=offspring)
            case TaskKind.SUBJOB:
                parent = None
                if not spec.is_detached:
                    parent = Parent(job_id=job_id, task_id=self._row_id(task_id), dispatch=1)
                job = self._add(f"{task_id}>", spec, parent)
                made = SubJob(job=job, is_detached=spec.is_detached)
                return Planned(task=spec.planned, subjob=made)
            case _:
                return Planned(task=spec.planned)

    def _row_id(self, task_id: str) -> str:
        """The id that the core gives the task of a job's own list."""
        if task_id in self.tasks:
            return task_id
        job_id, _, place = task_id.rpartition("/")
        position, _, restarts = place.partition(".")
        return derived_id(job_id, int(position), int(restarts))

    def _outputs(self) -> list[Event]:
        asked = [q for q in self._take(EvaluateOutput) if isinstance(q, EvaluateOutput)]
        return [self._output(question.job_id) for question in asked]

    def _output(self, job_id: str) -> Event:
        if self._lists[job_id].output == "fails":
            return OutputFailed(job_id, "the output fails")
        return OutputEvaluated(job_id, "done")


def is_stalled(parent: Task) -> bool:
    """Nothing of it is active: it goes on by the message that it has sent itself."""
    counts = parent.children
    return counts is not None and counts.begun == counts.ended < counts.total


def _is_unfinished(task: Task) -> bool:
    made_of_others = task.children is not None or task.subjob_id is not None
    return made_of_others and task.state in (TaskState.FAILED, TaskState.CANCELLED)


def _ended(sub: Job, job_id: str, task_id: str, dispatch: int) -> SubJobEnded:
    error = None if sub.state is JobState.COMPLETED else sub.error or "cancelled"
    return SubJobEnded(job_id, task_id, dispatch, sub.result, error)
