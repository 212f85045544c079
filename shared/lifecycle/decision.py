"""What deciding gives: new values and commands, or why nothing changes."""

from dataclasses import dataclass, field

from shared.lifecycle import commands as c
from shared.lifecycle import placed_events as p
from shared.lifecycle.keys import DispatchOnNode
from shared.lifecycle.replacing import replace
from shared.lifecycle.states import JOB_MOVES, REOPENED, TASK_MOVES, TaskState
from shared.lifecycle.values import Job, Task


@dataclass(frozen=True, slots=True)
class Ignored:
    """The event changes nothing. A claim still needs its answer, hence the commands."""

    reason: str
    commands: tuple[c.Command, ...] = ()


def refused(claim: DispatchOnNode, reason: str) -> Ignored:
    """The worker may not run what it asks for."""
    ref = claim.job_id, claim.task_id, claim.dispatch, claim.node_id
    return Ignored(reason, (c.RefuseClaim(*ref, reason),))


NO_SUCH_JOB = Ignored("no such job")


@dataclass(frozen=True, slots=True)
class Decision:
    """`job` and `tasks` as they must be saved (`new_tasks` have no row yet), and what to do."""

    job: Job
    tasks: tuple[Task, ...] = ()
    new_tasks: tuple[Task, ...] = ()
    commands: tuple[c.Command, ...] = ()


class IllegalMoveError(Exception):
    """A rule asked for a move that its table does not have: a bug, and nothing of it is saved."""


@dataclass(slots=True)
class DecisionBuilder:
    """Collects what one decision comes to, and numbers its announcements."""

    job: Job
    tasks: dict[str, Task] = field(default_factory=dict)
    new_tasks: dict[str, Task] = field(default_factory=dict)
    commands: list[c.Command] = field(default_factory=list)

    def build(self) -> Decision:
        return Decision(
            self.job,
            tuple(self.tasks.values()),
            tuple(self.new_tasks.values()),
            tuple(self.commands),
        )

    def send(self, *commands: c.Command) -> None:
        self.commands.extend(commands)

    def move_job(self, job: Job) -> None:
        """The job goes to the state that `job` has."""
        if job.state not in JOB_MOVES[self.job.state]:
            raise IllegalMoveError(f"job {self.job.state} -> {job.state}")
        if job.state.is_final:
            job = replace(job, is_held=False, due_at=None, deadline_at=None, lock=None)
        self.job = replace(job, version=job.version + 1)
        self.send(c.AnnounceJob(self.job))
        if job.state.is_final and job.parent is not None:
            self.send(c.ReportToParent(self.job))

    def begin_task(self, before: Task, task: Task) -> None:
        """`before` is CREATED. A child has its row already; a task of the job's own list gets it
        only now."""
        if before.parent_id is None:
            self.add_task(task)
        else:
            self.move_task(before, task)

    def move_task(self, before: Task, task: Task) -> None:
        """The task goes from the state of `before` to its own."""
        if task.state not in TASK_MOVES[before.state]:
            raise IllegalMoveError(f"task {before.state} -> {task.state}")
        if task.is_held_back and task.state is not TaskState.PENDING:
            task = replace(task, is_held_back=False)
        self._count(before, task)
        self._keep(task)
        if before.node_id is not None and not task.state.is_on_node:
            self._tell_of_room(before)

    def change_task(self, task: Task) -> None:
        """The task, as given, is in the state that it was in: it is news all the same."""
        self._keep(task)

    def reopen_task(self, before: Task, task: Task) -> None:
        """A composite task is RUNNING again."""
        is_legal = task.plan.kind.is_composite and task.state is TaskState.RUNNING
        if not is_legal or before.state not in REOPENED:
            raise IllegalMoveError(f"{task.plan.kind} {before.state} reopened as {task.state}")
        self._keep(task)

    def add_task(self, task: Task) -> None:
        """A task in its first state. One that only waits for its turn is no news yet."""
        self._count(None, task)
        self.new_tasks[task.id] = task
        if task.state is not TaskState.CREATED:
            self._announce(task)

    def progress_task(self, task: Task) -> None:
        """The task, as given, has come further."""
        self.tasks[task.id] = task
        self._announce(task, is_progress=True)

    def progress_job(self, progress: float) -> None:
        """The job has come as far as `progress`, 0 to 100."""
        self.job = replace(self.job, progress=progress, version=self.job.version + 1)
        self.send(c.AnnounceJob(self.job, is_progress=True))

    def _keep(self, task: Task) -> None:
        kept = self.new_tasks if task.id in self.new_tasks else self.tasks
        kept[task.id] = task
        self._announce(task)

    def _count(self, before: Task | None, task: Task) -> None:
        """What the task has come to, as far as its job has limits."""
        slots = self.job.slots
        if slots is None:
            return
        had_slot = before is not None and before.has_slot
        if task.has_slot and not had_slot:
            slots = slots.started(task.scheduled_at or task.created_at)
        elif had_slot and not task.has_slot:
            slots = slots.ended()
        was_held_back = before is not None and before.is_held_back
        held_back = max(slots.held_back + task.is_held_back - was_held_back, 0)
        next_id = None if slots.next_id == task.id else slots.next_id
        if task.is_held_back and task.due_at is not None:
            next_id = task.id
        self.job = replace(self.job, slots=replace(slots, held_back=held_back, next_id=next_id))

    def _tell_of_room(self, left: Task) -> None:
        """The task, as it was, is no longer on its node."""
        if left.plan.is_execution or left.plan.resources is not None:
            self.send(c.AskPlacement())
        is_running = left.state is TaskState.RUNNING
        if is_running and left.plan.is_kept_running and left.parent_id is not None:
            self.send(c.Tell(p.ExecutionStopped(left.job_id, left.parent_id)))

    def _announce(self, task: Task, *, is_progress: bool = False) -> None:
        self.job = replace(self.job, version=self.job.version + 1)
        self.send(c.AnnounceTask(task, self.job, is_progress))
