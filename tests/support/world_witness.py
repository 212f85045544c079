"""Watches each decision in a world in memory: what no event may ever change, and what was said."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from shared.lifecycle import (
    Decision,
    Event,
    GrantClaim,
    Ignored,
    Job,
    JobCancelled,
    JobRestarted,
    JobStartDue,
    JobState,
    JobTimedOut,
    LeaseExpired,
    QueueTimedOut,
    RunTask,
    SubJobEnded,
    SubJobResumed,
    Task,
    TaskFailed,
    TaskKind,
    TaskProgressed,
    TaskReopened,
    TaskReturned,
    TaskState,
    TaskSucceeded,
    TaskTimedOut,
)
from tests.support.family_world import World

_MEDDLING = (JobCancelled, JobRestarted, JobTimedOut, TaskTimedOut, QueueTimedOut)


@dataclass
class Witness:
    """`queue` and `grants` are what workers were sent."""

    world: World
    queue: list[RunTask] = field(default_factory=list)
    grants: list[GrantClaim] = field(default_factory=list)
    _meddled_with: list[Job] = field(default_factory=list)

    def see(self, job: Job, task: Task | None, event: Event, outcome: Decision | Ignored) -> None:
        if isinstance(outcome, Decision):
            if not job.state.is_final:  # then whatever is found due is cancelled
                self._check_who_says_it(job, task, event)
            self._check_job(job, event, outcome.job)
            for changed in outcome.tasks:
                assert task is not None
                assert task.id == changed.id, "an event changed another task than its own"
                _check_task(task, event, changed)
            if isinstance(event, _MEDDLING) or _was_lost_for_good(event, outcome):
                self._meddled_with.append(job)
        self.queue += [c for c in outcome.commands if isinstance(c, RunTask)]
        self.grants += [c for c in outcome.commands if isinstance(c, GrantClaim)]

    def meddled_with(self) -> set[str]:
        """The jobs at the top of those that somebody cancelled or restarted, or whose time ran
        out."""
        return {self._top(job).id for job in self._meddled_with}

    def _top(self, job: Job) -> Job:
        while job.parent is not None:
            job = self.world.jobs[job.parent.job_id]
        return job

    def tops(self) -> Iterator[Job]:
        return (job for job in self.world.jobs.values() if job.parent is None)

    def _check_who_says_it(self, job: Job, task: Task | None, event: Event) -> None:
        """What has changed something came from the one that had a say in it at that moment."""
        match event:
            case TaskSucceeded() | TaskFailed():
                assert task is not None
                held = (task.dispatch, task.node_id)
                assert held == (event.dispatch, event.node_id), "a worker spoke for another"
            case JobTimedOut():
                assert job.deadline_at is not None
                assert job.deadline_at <= self.world.now, "a job's time ended early"
            case JobStartDue():
                assert job.due_at is not None
                assert job.due_at <= self.world.now, "a job began before its time"
            case TaskReturned() | TaskTimedOut() | QueueTimedOut() | TaskProgressed():
                assert task is not None
                assert task.dispatch == event.dispatch, "it was about a dispatch that is over"
            case SubJobEnded():
                assert task is not None
                assert task.dispatch == event.dispatch, "a sub-job's earlier end counted"
            case LeaseExpired():
                assert task is not None
                assert task.lease_expires_at is not None
                assert task.lease_expires_at <= self.world.now, "a lease ended early"

    def _check_job(self, before: Job, event: Event, after: Job) -> None:
        assert after.version >= before.version, "the numbers of changes go back"
        if not before.state.is_final:
            return
        if after.state is before.state:
            as_before = replace(
                after,
                parent=before.parent,
                version=before.version,
                is_cancelling=before.is_cancelling,
                usage=before.usage,  # attempts that were cancelled with it end later
            )
            assert as_before == before, "a job that had ended has changed"
            return
        is_rewound = isinstance(event, JobRestarted) and event.from_position is not None
        is_completed = before.state is JobState.COMPLETED
        assert is_rewound or not is_completed, "a completed job was opened again"
        assert isinstance(event, JobRestarted | SubJobResumed), "a job has left its end by itself"
        assert after.state is JobState.PENDING


def _check_task(before: Task, event: Event, after: Task) -> None:
    if before.state.is_final:
        if isinstance(event, TaskSucceeded | TaskFailed | TaskReturned):
            assert replace(after, log_parts=before.log_parts) == before, "last words changed a task"
            return
        is_opened_again = isinstance(event, TaskReopened) and before.plan.kind is not TaskKind.TASK
        assert is_opened_again, "a task that had ended has changed"
        assert before.state in (TaskState.FAILED, TaskState.CANCELLED)
        return
    assert after.dispatch >= before.dispatch, "a dispatch that was over counts again"
    assert after.attempt == before.attempt, "an attempt became another"
    if before.state is TaskState.RUNNING and after.state is TaskState.SCHEDULED:
        assert after.dispatch == before.dispatch + 1, "two workers hold the same dispatch"
    if after.state is TaskState.RUNNING and before.state is TaskState.SCHEDULED:
        assert after.dispatch == before.dispatch, "a worker was given what it did not ask for"


def _was_lost_for_good(event: Event, outcome: Decision) -> bool:
    failed = any(task.state is TaskState.FAILED for task in outcome.tasks)
    is_loss = isinstance(event, LeaseExpired) or (isinstance(event, TaskReturned) and event.is_lost)
    return is_loss and failed
