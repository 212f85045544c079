"""A batch's jobs and tasks as decided so far, and what is still to be asked, written and said."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast

from shared.lifecycle import (
    NO_SUCH_JOB,
    BeginChildren,
    CancelTasks,
    Command,
    Decision,
    EvaluateOutput,
    Event,
    Ignored,
    Job,
    JobSubmitted,
    PlanDependents,
    PlanReady,
    PlanTask,
    SetVariable,
    SubmitSubJob,
    Task,
    TaskEvent,
    TaskState,
    Tell,
    decide,
)
from shared.planning.new_graph import NewGraph
from shared.planning.new_job import NewJob, UnsavedJob
from shared.store.outgoing import feed_of, messages_for, webhook_events_of
from shared.store.writing import Writes

Outcome = Decision | Ignored
Question = PlanTask | PlanReady | PlanDependents | BeginChildren | EvaluateOutput | CancelTasks
Q = TypeVar("Q")


@dataclass(slots=True)
class Workspace:
    now: datetime
    jobs: dict[str, Job]
    tasks: dict[str, Task]
    seal: Callable[[Mapping[str, str]], str | None]
    outlined: Collection[str] = ()
    """Tasks whose definition was not read."""
    fresh: dict[str, UnsavedJob] = field(default_factory=dict)
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    _questions: list[Question] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    """Those that leave the service: `take_last_writes` makes messages and feed rows of them."""
    _unwritten_jobs: set[str] = field(default_factory=set)
    _changed_jobs: set[str] = field(default_factory=set)
    _changed_tasks: set[str] = field(default_factory=set)
    _begun_tasks: set[str] = field(default_factory=set)
    _new_tasks: set[str] = field(default_factory=set)
    _unwritten_variables: dict[str, dict[str, str]] = field(default_factory=dict)
    _created: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def submit(self, new: NewJob) -> Outcome:
        graph = NewGraph.of(new.needs) if new.needs is not None else None
        self.fresh[new.job.id] = UnsavedJob(new, self.seal(new.secrets), graph)
        self.jobs[new.job.id] = new.job
        self._unwritten_jobs.add(new.job.id)
        return self.happen(JobSubmitted(new.job))

    def happen(self, event: Event) -> Outcome:
        job = self.jobs.get(event.job_id)
        if job is None:
            return NO_SUCH_JOB
        task = self.tasks.get(event.task_id) if isinstance(event, TaskEvent) else None
        outcome = decide(job, task, event, self.now)
        if isinstance(outcome, Decision):
            self._absorb(outcome)
        # What a parent is told comes after the whole decision: it is numbered after it as well.
        for command in sorted(outcome.commands, key=_is_told):
            self._sort(command)
        return outcome

    def take(self, kind: type[Q]) -> list[Q]:
        """The open questions of that kind, which are the caller's to answer now."""
        taken = [cast(Q, q) for q in self._questions if isinstance(q, kind)]
        self._questions = [q for q in self._questions if not isinstance(q, kind)]
        return taken

    @property
    def has_questions(self) -> bool:
        return bool(self._questions)

    def add(self, tasks: list[Task]) -> None:
        """Rows that were just read under lock. What is decided already is newer and stays."""
        for task in tasks:
            self.tasks.setdefault(task.id, task)

    def forget(self, ids: Iterable[str]) -> None:
        """Rows that were changed by a statement of their own: they are read again when needed."""
        for id_ in ids:
            self.tasks.pop(id_, None)

    def next_created(self, parent_id: str, count: int) -> list[Task]:
        """Up to `count` children that were made here and still wait for their turn."""
        waiting = self._created.get(parent_id, [])
        found = waiting[:count]
        del waiting[:count]
        return [t for id_ in found if (t := self.tasks[id_]).state is TaskState.CREATED]

    def wait_again(self, tasks: Iterable[Task]) -> None:
        """Children that were found and don't begin yet, in their order."""
        for task in reversed(list(tasks)):
            if task.id in self._new_tasks:
                self._created[str(task.parent_id)].insert(0, task.id)

    def take_writes(self) -> Writes:
        """The values that were decided since this was last asked for."""
        unwritten = [self.fresh[job_id] for job_id in self._unwritten_jobs]
        changed = self._changed_tasks - self._new_tasks
        writes = Writes(
            new_jobs=[(self.jobs[f.new.job.id], f.new, f.sealed, f.graph) for f in unwritten],
            jobs=[self.jobs[id_] for id_ in self._changed_jobs - self._unwritten_jobs],
            tasks=[self.tasks[id_] for id_ in changed - self._begun_tasks],
            begun_tasks=[self.tasks[id_] for id_ in changed & self._begun_tasks],
            new_tasks=[self.tasks[id_] for id_ in self._new_tasks],
            variables=[
                SetVariable(job_id, name, value)
                for job_id, named in self._unwritten_variables.items()
                for name, value in named.items()
            ],
        )
        self._unwritten_jobs.clear()
        self._changed_jobs.clear()
        self._changed_tasks.clear()
        self._begun_tasks.clear()
        self._new_tasks.clear()
        self._created.clear()
        self._unwritten_variables.clear()
        return writes

    def take_last_writes(self) -> Writes:
        """As `take_writes`, with all that is to be said: once, so that a transaction adds one row
        for each job to the feed and sends one message to each receiver."""
        writes = self.take_writes()
        writes.feed = feed_of(self.commands, self.now)
        writes.webhook_events = webhook_events_of(self.commands, self.now)
        writes.messages = messages_for(self.commands, self.now)
        return writes

    def has_no_row(self, job_id: str) -> bool:
        return job_id in self._unwritten_jobs

    def _absorb(self, decision: Decision) -> None:
        self.jobs[decision.job.id] = decision.job
        self._changed_jobs.add(decision.job.id)
        for task in decision.tasks:
            if (before := self.tasks.get(task.id)) and before.plan is not task.plan:
                self._begun_tasks.add(task.id)
            self.tasks[task.id] = task
            self._changed_tasks.add(task.id)
        for task in decision.new_tasks:
            self.tasks[task.id] = task
            self._new_tasks.add(task.id)
            if task.state is TaskState.CREATED and task.parent_id is not None:
                self._created[task.parent_id].append(task.id)

    def _sort(self, command: Command) -> None:
        if isinstance(command, Question):
            self._questions.append(command)
            return
        match command:
            case Tell(event):
                self.happen(event)
            case SubmitSubJob(subjob):
                self.submit(cast(NewJob, subjob.submission))
            case SetVariable(job_id, name, value):
                self.variables.setdefault(job_id, {})[name] = value
                self._unwritten_variables.setdefault(job_id, {})[name] = value
            case _:
                self.commands.append(command)


def _is_told(command: Command) -> bool:
    return isinstance(command, Tell)
