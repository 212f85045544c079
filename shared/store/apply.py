"""`apply`: the only code that changes a job or a task.

One transaction for a whole batch: lock what the events name, decide in memory, write the new
values and each message beside them, commit. Questions that a decision asks (what is the next
task?) are answered in rounds inside the transaction, and the answers are events like any other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.lifecycle import (
    NO_SUCH_JOB,
    CancelActiveTasks,
    Command,
    Decision,
    EvaluateOutput,
    Event,
    Ignored,
    Job,
    JobSubmitted,
    PlanTask,
    SetVariable,
    Task,
    TaskCancelled,
    TaskEvent,
    decide,
)
from shared.messages import LogPart
from shared.postgres.errors import translated_errors
from shared.postgres.pool import Connection
from shared.store.new_job import NewJob
from shared.store.outbox import OutboxRow
from shared.store.outgoing import messages_for
from shared.store.planning import Planner
from shared.store.sources import Question, answer
from shared.store.statements import (
    Writes,
    add_log_parts,
    lock_active_tasks,
    lock_jobs,
    lock_tasks,
    write,
)


@dataclass(frozen=True, slots=True)
class Work:
    """One event, with what must be stored in the same transaction.

    `new_job` belongs to `JobSubmitted`; `logs` is the end of a finished task's log.
    """

    event: Event
    new_job: NewJob | None = None
    logs: Sequence[LogPart] = ()


Outcome = Decision | Ignored


async def apply(
    connection: Connection, planner: Planner, batch: Sequence[Work], sent: list[int]
) -> tuple[list[Outcome], list[OutboxRow]]:
    """Apply `batch` in one transaction; the outcome of each event, and the messages to send now.

    `sent` are outbox rows that the broker has confirmed: they are deleted on the way. Raises
    DatabaseUnavailable, and then nothing of the batch has happened.
    """
    with translated_errors():
        async with connection.transaction():
            workspace = await _load(connection, batch)
            outcomes = [workspace.perform(work) for work in batch]
            await _answer_questions(connection, planner, workspace)
            writes = workspace.writes()
            writes.sent = sent
            rows = await write(connection, writes)
            await add_log_parts(connection, [part for work in batch for part in work.logs])
    return outcomes, rows


@dataclass(slots=True)
class _Workspace:
    """The batch's jobs and tasks as decided so far."""

    now: datetime
    jobs: dict[str, Job]
    tasks: dict[str, Task]
    new_jobs: dict[str, NewJob] = field(default_factory=dict)
    sealed: dict[str, str | None] = field(default_factory=dict)
    changed_jobs: set[str] = field(default_factory=set)
    changed_tasks: set[str] = field(default_factory=set)
    new_tasks: set[str] = field(default_factory=set)
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    to_cancel: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)

    def perform(self, work: Work) -> Outcome:
        if work.new_job is not None:
            self.new_jobs[work.new_job.job.id] = work.new_job
            self.jobs[work.new_job.job.id] = work.new_job.job
        return self.happen(work.event)

    def happen(self, event: Event) -> Outcome:
        job = self.jobs.get(event.job_id)
        if job is None:
            return NO_SUCH_JOB
        task = self.tasks.get(event.task_id) if isinstance(event, TaskEvent) else None
        outcome = decide(job, task, event, self.now)
        if isinstance(outcome, Decision):
            self._absorb(outcome)
        for command in outcome.commands:
            self._sort(command)
        return outcome

    def _absorb(self, decision: Decision) -> None:
        self.jobs[decision.job.id] = decision.job
        self.changed_jobs.add(decision.job.id)
        for task in decision.tasks:
            self.tasks[task.id] = task
            self.changed_tasks.add(task.id)
        for task in decision.new_tasks:
            self.tasks[task.id] = task
            self.new_tasks.add(task.id)

    def _sort(self, command: Command) -> None:
        match command:
            case PlanTask() | EvaluateOutput():
                self.questions.append(command)
            case CancelActiveTasks(job_id):
                self.to_cancel.append(job_id)
            case SetVariable(job_id, name, value):
                self.variables.setdefault(job_id, {})[name] = value
            case _:
                self.commands.append(command)

    def take_questions(self) -> list[Question]:
        questions, self.questions = self.questions, []
        return questions

    def writes(self) -> Writes:
        return Writes(
            new_jobs=[
                (self.jobs[job_id], new, self.sealed[job_id])
                for job_id, new in self.new_jobs.items()
            ],
            jobs=[self.jobs[job_id] for job_id in self.changed_jobs - self.new_jobs.keys()],
            tasks=[self.tasks[task_id] for task_id in self.changed_tasks - self.new_tasks],
            new_tasks=[self.tasks[task_id] for task_id in self.new_tasks],
            variables=[
                SetVariable(job_id, name, value)
                for job_id, named in self.variables.items()
                for name, value in named.items()
            ],
            messages=messages_for(self.commands, self.now),
        )


async def _load(connection: Connection, batch: Iterable[Work]) -> _Workspace:
    events = [work.event for work in batch if not isinstance(work.event, JobSubmitted)]
    jobs = await lock_jobs(connection, {event.job_id for event in events})
    task_ids = {event.task_id for event in events if isinstance(event, TaskEvent)}
    tasks, now = await lock_tasks(connection, task_ids)
    return _Workspace(now, jobs, tasks)


async def _answer_questions(
    connection: Connection, planner: Planner, workspace: _Workspace
) -> None:
    for job_id, new in workspace.new_jobs.items():
        workspace.sealed[job_id] = planner.seal_secrets(new.secrets)
    new_jobs = {id_: (new, workspace.sealed[id_]) for id_, new in workspace.new_jobs.items()}
    while (questions := workspace.take_questions()) or workspace.to_cancel:
        await _cancel_active(connection, workspace)
        for event in await answer(connection, planner, questions, new_jobs, workspace.variables):
            workspace.happen(event)


async def _cancel_active(connection: Connection, workspace: _Workspace) -> None:
    job_ids = set(workspace.to_cancel)
    workspace.to_cancel.clear()
    if not job_ids:
        return
    for task in await lock_active_tasks(connection, job_ids):
        workspace.tasks.setdefault(task.id, task)
    active = [t for t in workspace.tasks.values() if t.job_id in job_ids and not t.state.is_final]
    for task in active:
        workspace.happen(TaskCancelled(task.job_id, task.id))
