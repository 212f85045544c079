"""What deciding gives: new values and commands, or why nothing changes."""

from dataclasses import dataclass, field, replace

from shared.lifecycle import commands as c
from shared.lifecycle.states import JOB_MOVES, TASK_MOVES, JobState, TaskState
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
    new_tasks: list[Task] = field(default_factory=list)
    commands: list[c.Command] = field(default_factory=list)

    def done(self) -> Decision:
        return Decision(
            self.job, tuple(self.tasks.values()), tuple(self.new_tasks), tuple(self.commands)
        )

    def send(self, *commands: c.Command) -> None:
        self.commands.extend(commands)

    def move_job(self, state: JobState, job: Job) -> None:
        assert state in JOB_MOVES[self.job.state], f"job {self.job.state} -> {state}"  # noqa: S101 - a bug here must not be saved
        self.job = replace(job, state=state, version=job.version + 1)
        if job.has_webhooks:
            self.send(c.AnnounceJob(self.job))

    def move_task(self, before: Task, state: TaskState, task: Task) -> Task:
        assert state in TASK_MOVES[before.state], f"task {before.state} -> {state}"  # noqa: S101 - as above
        task = replace(task, state=state)
        self.tasks[task.id] = task
        self._announce(task)
        return task

    def add_task(self, task: Task) -> None:
        self.new_tasks.append(task)
        self._announce(task)

    def _announce(self, task: Task) -> None:
        self.job = replace(self.job, version=self.job.version + 1)
        if self.job.has_webhooks:
            self.send(c.AnnounceTask(task, self.job.version))
