"""A batch's jobs and tasks as decided so far: decide → questions → answers → writes.

`apply_event` decides one event and keeps the new values. Its commands are sorted: questions wait in
`take_questions` to be answered within the transaction, all others for `finish`, which makes
messages of them beside the rows that have changed.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast

from shared.files.names import task_prefix
from shared.lifecycle import (
    NO_SUCH_JOB,
    BudgetSpent,
    Command,
    Decision,
    Event,
    ForgetAttempts,
    Ignored,
    Job,
    JobReleased,
    JobSubmitted,
    Question,
    SetVariable,
    SubmitSubJob,
    Task,
    TaskState,
    Tell,
    decide,
    task_id_of,
)
from shared.lifecycle.metering import Charge, charge_of
from shared.lifecycle.replacing import replace
from shared.messages import KeptArtifact
from shared.planning.images import KnownImages
from shared.planning.new_job import NewGraph, NewJob, UnsavedJob
from shared.planning.terms import FREE, Terms
from shared.process.garbage import in_thread
from shared.store.artifacts import NOTHING, Replaced, artifact_row
from shared.store.object_removals import Removal, removals_of
from shared.store.outgoing import feed_of, messages_for, schedule_ends_of, webhook_events_of
from shared.store.writing import JsonRow, Writes


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
    updated_jobs: dict[str, UnsavedJob] = field(default_factory=dict)
    """The last versions of jobs that have rows."""
    resealed: dict[str, str] = field(default_factory=dict)
    """Job id to its secrets."""
    artifacts: list[JsonRow] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    """Attempts whose artifacts go."""
    removals: list[Removal] = field(default_factory=list)
    forgotten: list[ForgetAttempts] = field(default_factory=list)

    def take(
        self,
        jobs: Mapping[str, Job],
        tasks: Mapping[str, Task],
        unsaved: Mapping[str, UnsavedJob],
    ) -> Writes:
        """Their values as they are now; nothing is unwritten afterwards."""
        new_jobs = [unsaved[id_] for id_ in self.new_jobs]
        changed = self.tasks - self.new_tasks
        updated = self.updated_jobs.items()
        writes = Writes(
            updated_jobs=[(jobs[id_], u.new, u.sealed, u.graph) for id_, u in updated],
            new_jobs=[(jobs[u.new.job.id], u.new, u.sealed, u.graph) for u in new_jobs],
            jobs=[jobs[id_] for id_ in self.jobs - self.new_jobs],
            tasks=[tasks[id_] for id_ in changed - self.begun_tasks],
            begun_tasks=[tasks[id_] for id_ in changed & self.begun_tasks],
            new_tasks=[tasks[id_] for id_ in self.new_tasks],
            variables=[
                SetVariable(job_id, name, value) for (job_id, name), value in self.variables.items()
            ],
            resealed=dict(self.resealed),
            artifacts=self.artifacts,
            replaced=self.replaced,
            removals=self.removals,
            forgotten=self.forgotten,
        )
        self.artifacts, self.replaced, self.removals, self.forgotten = [], [], [], []
        for taken in (self.new_jobs, self.jobs, self.new_tasks, self.tasks, self.begun_tasks):
            taken.clear()
        self.variables.clear()
        self.resealed.clear()
        self.updated_jobs.clear()
        return writes


_MUCH = 50
"""Commands, or tasks that are new: to be made messages or rows of in a thread."""

Outcome = Decision | Ignored
Decide = Callable[[Job, Task | None, Event, datetime], Outcome]
Q = TypeVar("Q")


@dataclass(slots=True, kw_only=True)
class Workspace:
    now: datetime
    jobs: dict[str, Job]
    tasks: dict[str, Task]
    partial: Collection[str] = ()
    """Ids of tasks whose definition was not read."""
    kept: Callable[[NewJob], tuple[NewJob, str | None]]
    """A new job as it is stored, and its secrets sealed."""
    decide: Decide = decide
    terms: Terms = FREE
    most_kept_bytes: int | None = None
    """What a job may keep in the store of files."""
    images: KnownImages = field(default_factory=KnownImages)
    ran_images: dict[str, str] = field(default_factory=dict)
    """Those that were new to `images`."""
    earlier: Mapping[str, Replaced] = field(default_factory=dict)
    """What was kept by attempts before those that end here, by the id of the later one."""
    unsaved: dict[str, UnsavedJob] = field(default_factory=dict)
    """The jobs that were submitted in this transaction."""
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    """Those that were set in this transaction: job id, name, value."""
    resealed: dict[str, str] = field(default_factory=dict)
    """The secrets of jobs that have come to more: their rows may be older."""
    commands: list[Command] = field(default_factory=list)
    """Those that leave the service."""
    has_late_webhooks: bool = False
    """Webhooks are to be called for what no command tells."""
    _questions: list[Question] = field(default_factory=list)
    _created: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """For each parent the children made here that still wait for their turn."""
    _unwritten: Unwritten = field(default_factory=Unwritten)

    def submit(self, new: NewJob) -> Outcome:
        graph = NewGraph.of(new.needs) if new.needs is not None else None
        self.unsaved[new.job.id] = UnsavedJob(*self.kept(new), graph)
        job = self.terms.agreed(new.job, new.created_by)
        self.jobs[job.id] = job
        self._unwritten.new_jobs.add(job.id)
        return self.apply_event(JobSubmitted(job))

    def update(self, new: NewJob, sealed: str | None, graph: NewGraph | None) -> None:
        """Its job has this new version."""
        self._unwritten.updated_jobs[new.job.id] = UnsavedJob(new, sealed, graph)
        self.resealed.pop(new.job.id, None)

    def forget_run(self, job_id: str, keeping: Iterable[str]) -> None:
        """The job begins anew; the attempts of `keeping` had kept something."""
        self.variables.pop(job_id, None)
        for task_id in keeping:
            self.remove_objects(task_prefix(job_id, task_id))

    def apply_event(self, event: Event) -> Outcome:
        job = self.jobs.get(event.job_id)
        if job is None:
            return NO_SUCH_JOB
        if isinstance(event, JobReleased) and job.is_held:
            job = self.terms.agreed_again(job)
        task_id = task_id_of(event)
        task = self.tasks.get(task_id) if task_id is not None else None
        outcome = self.decide(job, task, event, self.now)
        if isinstance(outcome, Decision):
            self._keep(outcome)
        # What a parent is told comes after the whole decision: it is numbered after it as well.
        for command in sorted(outcome.commands, key=_is_for_parent):
            self._take_in(command)
        return outcome

    @property
    def has_questions(self) -> bool:
        return bool(self._questions)

    def fail_overspent(self) -> None:
        """The jobs that go on though they have cost what they may."""
        for job in [job for job in self.jobs.values() if job.has_spent_its_budget]:
            self.apply_event(BudgetSpent(job.id))

    def take_questions(self, kind: type[Q]) -> list[Q]:
        """The open questions of that kind, which are the caller's to answer now."""
        taken = [cast(Q, q) for q in self._questions if isinstance(q, kind)]
        self._questions = [q for q in self._questions if not isinstance(q, kind)]
        return taken

    def add_locked(self, tasks: Iterable[Task]) -> None:
        """Rows that were just read under lock. What is decided already is newer and stays."""
        for task in tasks:
            self.tasks.setdefault(task.id, task)

    def forget(self, ids: Iterable[str]) -> None:
        """Rows that were changed by a statement of their own: they are read again when needed."""
        for id_ in ids:
            self.tasks.pop(id_, None)

    def reseal(self, job_id: str, sealed: str) -> None:
        """The job has come to more secrets."""
        self.resealed[job_id] = sealed
        if job_id in self.unsaved:
            self.unsaved[job_id].sealed = sealed
        if job_id not in self._unwritten.new_jobs:
            self._unwritten.resealed[job_id] = sealed

    def keep(self, attempt: Task, kept: Iterable[KeptArtifact]) -> None:
        """It has kept these, in place of what earlier attempts have kept."""
        self._unwritten.artifacts += [artifact_row(attempt, artifact) for artifact in kept]
        for id_ in self.earlier.get(attempt.id, NOTHING).attempts:
            self._unwritten.replaced.append(id_)
            self.remove_objects(task_prefix(attempt.job_id, id_))

    def keep_again(self, job_id: str, task_id: str, kept: Iterable[KeptArtifact]) -> None:
        """A task that does not run names what another has kept."""
        of_task = {"job_id": job_id, "task_id": task_id, "attempt": 0}
        self._unwritten.artifacts += [of_task | artifact.model_dump() for artifact in kept]

    def forget_variables(self, job_id: str) -> None:
        """They were written, and some of them are gone."""
        self.variables.pop(job_id, None)

    def remove_objects(self, prefix: str) -> None:
        """All that no row names of those whose names start with it."""
        self._unwritten.removals.append(Removal(prefix))

    def may_replace(self, task: Task) -> bool:
        """Whether there may have been attempts before this one."""
        return task.attempt > 0 or self.jobs[task.job_id].restarts > 0

    def take_created(self, parent_id: str, count: int) -> list[Task]:
        """Up to `count` children that were made here and still wait for their turn."""
        waiting = self._created.get(parent_id, [])
        found = waiting[:count]
        del waiting[:count]
        return [t for id_ in found if (t := self.tasks[id_]).state is TaskState.CREATED]

    def put_back(self, tasks: Iterable[Task]) -> None:
        """Children that were taken and don't begin yet, in their order."""
        for task in reversed(list(tasks)):
            if task.id in self._unwritten.new_tasks:
                self._created[str(task.parent_id)].insert(0, task.id)

    def unsaved_graph(self, job_id: str) -> NewGraph | None:
        """That of a job which has no row yet: later its graph is in the database alone."""
        return self.unsaved[job_id].graph if job_id in self._unwritten.new_jobs else None

    def take_changes(self) -> Writes:
        """The values that were decided since this was last asked for."""
        self._created.clear()
        writes = self._unwritten.take(self.jobs, self.tasks, self.unsaved)
        writes.images = self.images.new_of(writes.tasks, self.now)
        self.ran_images |= writes.images
        return writes

    async def finish(self) -> Writes:
        """As `take_changes`, with all messages: once, so that a transaction adds one row for each
        job to the feed and sends one message to each receiver."""
        is_much = len(self.commands) + len(self._unwritten.new_tasks) > _MUCH
        return await in_thread(self._finished) if is_much else self._finished()

    async def forget_all(self, written: Writes) -> None:
        """Let go of all tasks: of tens of thousands even that would take the event loop's time."""
        if len(self.tasks) > _MUCH:
            written.new_tasks.clear()
            await in_thread(self.tasks.clear)

    def _finished(self) -> Writes:
        charges = list(self._charges())
        writes = self.take_changes()
        writes.charges = charges
        writes.feed = feed_of(self.commands, self.now)
        writes.webhook_events = webhook_events_of(self.commands, self.now)
        writes.schedule_ends = schedule_ends_of(self.commands)
        writes.removals += removals_of(self.commands, self.jobs)
        writes.messages = messages_for(
            self.commands, self._files_left, self._origin, has_webhooks=self.has_late_webhooks
        )
        return writes

    def _charges(self) -> Iterator[Charge]:
        for owed in filter(None, map(charge_of, list(self.jobs.values()))):
            self.jobs[owed.job_id] = replace(self.jobs[owed.job_id], charged=owed.total)
            self._unwritten.jobs.add(owed.job_id)
            yield owed

    def _files_left(self, task: Task) -> int | None:
        """How much it may keep at most. Where it may take the place of what was kept before, only
        its end tells what is too much."""
        most = self.most_kept_bytes
        if most is None or self.may_replace(task):
            return most
        return max(most - self.jobs[task.job_id].kept_bytes, 0)

    def _origin(self, task: Task) -> str | None:
        job = self.jobs[task.job_id]
        return job.schedule_id or (job.parent.job_id if job.parent else None)

    def _keep(self, decision: Decision) -> None:
        self.jobs[decision.job.id] = decision.job
        self._unwritten.jobs.add(decision.job.id)
        for task in decision.tasks:
            if (before := self.tasks.get(task.id)) and before.plan is not task.plan:
                self._unwritten.begun_tasks.add(task.id)
            self.tasks[task.id] = task
            self._unwritten.tasks.add(task.id)
        for task in decision.new_tasks:
            self.tasks[task.id] = task
            self._unwritten.new_tasks.add(task.id)
            if task.state is TaskState.CREATED and task.parent_id is not None:
                self._created[task.parent_id].append(task.id)

    def _take_in(self, command: Command) -> None:
        match command:
            case _ if isinstance(command, Question):
                self._questions.append(command)
            case ForgetAttempts():
                self._unwritten.forgotten.append(command)
            case Tell(event):
                self.apply_event(event)
            case SubmitSubJob(subjob):
                self.submit(replace(cast(NewJob, subjob.submission), job=subjob.job))
            case SetVariable(job_id, name, value):
                self.variables.setdefault(job_id, {})[name] = value
                self._unwritten.variables[job_id, name] = value
            case _:
                self.commands.append(command)


def _is_for_parent(command: Command) -> bool:
    return isinstance(command, Tell)
