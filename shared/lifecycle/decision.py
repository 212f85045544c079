"""What deciding gives: new values and commands, or why nothing changes."""

from dataclasses import dataclass, field, replace

from shared.lifecycle import commands as c
from shared.lifecycle.states import JOB_MOVES, REOPENED, TASK_MOVES, JobState, TaskKind, TaskState
from shared.lifecycle.values import Job, Task


@dataclass(frozen=True, slots=True)
class Ignored:
    """The event changes nothing. A claim still needs its answer, hence the commands."""

    reason: str
    commands: tuple[c.Command, ...] = ()


NO_SUCH_JOB = Ignored("no such job")


@dataclass(frozen=True, slots=True)
class Decision:
    """`job` and `tasks` as they must be saved (`new_tasks` have no row yet), and what to do."""

    job: Job
    tasks: tuple[Task, ...] = ()
    new_tasks: tuple[Task, ...] = ()
    commands: tuple[c.Command, ...] = ()


@dataclass(slots=True)
class Change:
    """Collects what one decision comes to, and numbers its announcements."""

    job: Job
    tasks: dict[str, Task] = field(default_factory=dict)
    new_tasks: dict[str, Task] = field(default_factory=dict)
    commands: list[c.Command] = field(default_factory=list)

    def done(self) -> Decision:
        return Decision(
            self.job,
            tuple(self.tasks.values()),
            tuple(self.new_tasks.values()),
            tuple(self.commands),
        )

    def send(self, *commands: c.Command) -> None:
        self.commands.extend(commands)

    def move_job(self, state: JobState, job: Job) -> None:
        assert state in JOB_MOVES[self.job.state], f"job {self.job.state} -> {state}"  # noqa: S101 - a bug here must not be saved
        if state.is_final:
            job = replace(job, deadline_at=None)
        self.job = replace(job, state=state, version=job.version + 1)
        self.send(c.AnnounceJob(self.job))
        if state.is_final and job.parent is not None:
            self.send(c.ReportToParent(self.job))

    def move_task(self, before: Task, state: TaskState, task: Task) -> Task:
        assert state in TASK_MOVES[before.state], f"task {before.state} -> {state}"  # noqa: S101 - as above
        return self._keep(replace(task, state=state))

    def reopen_task(self, before: Task, task: Task) -> Task:
        made_of_others = task.plan.kind is not TaskKind.TASK
        assert made_of_others and before.state in REOPENED, f"{before.state} reopened"  # noqa: S101, PT018 - as above
        return self._keep(replace(task, state=TaskState.RUNNING))

    def add_task(self, task: Task) -> None:
        """A task in its first state. One that only waits for its turn is no news yet."""
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

    def _keep(self, task: Task) -> Task:
        kept = self.new_tasks if task.id in self.new_tasks else self.tasks
        kept[task.id] = task
        self._announce(task)
        return task

    def _announce(self, task: Task, *, is_progress: bool = False) -> None:
        self.job = replace(self.job, version=self.job.version + 1)
        self.send(c.AnnounceTask(task, self.job, is_progress))
