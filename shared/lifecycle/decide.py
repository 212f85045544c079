"""The transition table: for each kind of event one function, and nothing else decides.

Reading guide: `_ON_JOB` and `_ON_TASK` at the bottom are the table. Each function either returns a
`Decision` or says with `Ignored` why the event no longer fits. `_Change` collects the new values
and commands of one decision and numbers its announcements.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import events as e
from shared.lifecycle.ids import derived_chance, derived_id
from shared.lifecycle.states import JOB_MOVES, TASK_MOVES, JobState, TaskState
from shared.lifecycle.values import Job, PlannedTask, Task

MAX_LOST_DISPATCHES = 5


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
class _Change:
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
        self.send(c.AnnounceTask(task, self.job.version))


def decide(job: Job, task: Task | None, event: e.Event, now: datetime) -> Decision | Ignored:
    """What `event` makes of `job` and `task` at `now` (aware UTC).

    `task` is the one the event names, or None for events of the job itself and for a task that
    has no row. Pure: the same arguments always give the same answer.
    """
    on_job = _ON_JOB.get(type(event))
    if on_job is not None:
        return on_job(job, event, now)
    if task is None:
        return Ignored("no such task", _refusal(event, "no such task"))
    return _ON_TASK[type(event)](job, task, event, now)


# Jobs


def _on_submitted(job: Job, event: e.JobSubmitted, now: datetime) -> Decision | Ignored:
    del event, now
    return Decision(job, commands=(c.AnnounceJob(job), c.PlanTask(job.id, 1)))


def _on_planned(job: Job, event: e.TaskPlanned, now: datetime) -> Decision | Ignored:
    if (ignored := _not_awaited(job, event.position)) is not None:
        return ignored
    change = _Change(replace(job, position=event.position))
    task = replace(
        _new_task(job, event.position, event.plan, now),
        state=TaskState.SCHEDULED,
        scheduled_at=now,
    )
    if job.state is JobState.PENDING:
        change.move_job(JobState.SCHEDULED, change.job)
    change.add_task(task)
    change.send(c.RunTask(task))
    return change.done()


def _on_plan_failed(job: Job, event: e.TaskPlanFailed, now: datetime) -> Decision | Ignored:
    if (ignored := _not_awaited(job, event.position)) is not None:
        return ignored
    change = _Change(replace(job, position=event.position))
    task = _new_task(job, event.position, event.plan, now)
    change.add_task(replace(task, state=TaskState.FAILED, failed_at=now, error=event.error))
    _fail_job(change, event.error, now)
    return change.done()


def _on_skipped(job: Job, event: e.TaskSkipped, now: datetime) -> Decision | Ignored:
    if (ignored := _not_awaited(job, event.position)) is not None:
        return ignored
    change = _Change(replace(job, position=event.position))
    task = _new_task(job, event.position, event.plan, now)
    change.add_task(replace(task, state=TaskState.SKIPPED, completed_at=now))
    _advance(change, now)
    return change.done()


def _on_output_evaluated(job: Job, event: e.OutputEvaluated, now: datetime) -> Decision | Ignored:
    if job.state.is_final:
        return Ignored(f"job is {job.state}")
    change = _Change(job)
    _complete_job(change, event.result, now)
    return change.done()


def _on_output_failed(job: Job, event: e.OutputFailed, now: datetime) -> Decision | Ignored:
    if job.state.is_final:
        return Ignored(f"job is {job.state}")
    change = _Change(job)
    _fail_job(change, event.error, now)
    return change.done()


def _on_job_cancelled(job: Job, event: e.JobCancelled, now: datetime) -> Decision | Ignored:
    del event, now
    if job.state.is_final:
        return Ignored(f"job is {job.state}")
    change = _Change(job)
    change.move_job(JobState.CANCELLED, job)
    change.send(c.CancelActiveTasks(job.id))
    return change.done()


def _on_job_restarted(job: Job, event: e.JobRestarted, now: datetime) -> Decision | Ignored:
    del event, now
    if not job.state.may_restart:
        return Ignored(f"job is {job.state}")
    change = _Change(job)
    again = replace(job, restarts=job.restarts + 1, error=None, failed_at=None, delete_at=None)
    change.move_job(JobState.PENDING, again)
    position = max(job.position, 1)
    # One step back, so that `TaskPlanned` for the failed position is the awaited one again.
    change.job = replace(change.job, position=position - 1)
    change.send(c.PlanTask(job.id, position))
    return change.done()


# Tasks


def _on_claimed(job: Job, task: Task, event: e.TaskClaimed, now: datetime) -> Decision | Ignored:
    if task.dispatch != event.dispatch:
        return _refused(event, f"dispatch {event.dispatch} is not the current {task.dispatch}")
    if task.state is TaskState.RUNNING and task.node_id == event.node_id:
        return Ignored("claimed already", (_grant(event),))
    if task.state is not TaskState.SCHEDULED:
        return _refused(event, f"task is {task.state}")
    change = _Change(job)
    change.move_task(
        task,
        TaskState.RUNNING,
        replace(
            task,
            node_id=event.node_id,
            started_at=now,
            lease_expires_at=now + event.lease,
            deadline_at=now + task.plan.timeout if task.plan.timeout else None,
        ),
    )
    if job.state is JobState.SCHEDULED:
        change.move_job(JobState.RUNNING, replace(change.job, started_at=job.started_at or now))
    change.send(_grant(event))
    return change.done()


def _on_succeeded(
    job: Job, task: Task, event: e.TaskSucceeded, now: datetime
) -> Decision | Ignored:
    if (ignored := _not_its_worker(task, event)) is not None:
        return ignored
    change = _Change(job)
    done = replace(
        task,
        completed_at=now,
        result=event.result,
        progress=100.0,
        log_parts=event.log_parts,
        lease_expires_at=None,
        deadline_at=None,
    )
    change.move_task(task, TaskState.COMPLETED, done)
    if task.plan.var and event.result is not None:
        change.send(c.SetVariable(job.id, task.plan.var, event.result))
    _advance(change, now)
    return change.done()


def _on_failed(job: Job, task: Task, event: e.TaskFailed, now: datetime) -> Decision | Ignored:
    if (ignored := _not_its_worker(task, event)) is not None:
        return ignored
    change = _Change(job)
    _fail_task(change, replace(task, log_parts=event.log_parts), event.error, now)
    return change.done()


def _on_returned(job: Job, task: Task, event: e.TaskReturned, now: datetime) -> Decision | Ignored:
    if task.state is TaskState.SCHEDULED and task.dispatch == event.dispatch:
        # Handed back before its claim arrived: the same message again would be refused to nobody,
        # but a claim still on its way must be, so this too is a new dispatch.
        return _dispatch_again(job, task, now)
    if (ignored := _not_its_worker(task, event)) is not None:
        return ignored
    return _dispatch_again(job, task, now)


def _on_progressed(
    job: Job, task: Task, event: e.TaskProgressed, now: datetime
) -> Decision | Ignored:
    del now
    if task.state is not TaskState.RUNNING or task.dispatch != event.dispatch:
        return Ignored(f"task is {task.state}, dispatch {task.dispatch}")
    if task.progress == event.progress:
        return Ignored("no news")
    moved = replace(task, progress=event.progress)
    done = (task.position - 1 + event.progress / 100) / job.task_count * 100
    return Decision(replace(job, progress=round(done, 2)), tasks=(moved,))


def _on_task_cancelled(
    job: Job, task: Task, event: e.TaskCancelled, now: datetime
) -> Decision | Ignored:
    del event, now
    if task.state.is_final:
        return Ignored(f"task is {task.state}")
    change = _Change(job)
    ended = replace(task, lease_expires_at=None, deadline_at=None, due_at=None)
    change.move_task(task, TaskState.CANCELLED, ended)
    _stop(change, task, "cancelled")
    return change.done()


def _on_lease_expired(
    job: Job, task: Task, event: e.LeaseExpired, now: datetime
) -> Decision | Ignored:
    if task.state is not TaskState.RUNNING or task.dispatch != event.dispatch:
        return Ignored(f"task is {task.state}, dispatch {task.dispatch}")
    if task.lease_expires_at is not None and task.lease_expires_at > now:
        return Ignored("renewed in the meantime")
    lost = replace(task, lost=task.lost + 1)
    if lost.lost >= MAX_LOST_DISPATCHES:
        change = _Change(job)
        error = f"lost {lost.lost} workers in a row; the last was {task.node_id}"
        change.move_task(task, TaskState.FAILED, _failed(lost, error, now))
        _fail_job(change, error, now)
        return change.done()
    decision = _dispatch_again(job, lost, now)
    stop = _stop_command(task, "lease expired")
    return replace(decision, commands=(*stop, *decision.commands))


def _on_timed_out(job: Job, task: Task, event: e.TaskTimedOut, now: datetime) -> Decision | Ignored:
    if task.state is not TaskState.RUNNING or task.dispatch != event.dispatch:
        return Ignored(f"task is {task.state}, dispatch {task.dispatch}")
    change = _Change(job)
    _stop(change, task, "timed out")
    _fail_task(change, task, "timed out", now)
    return change.done()


def _on_retry_due(job: Job, task: Task, event: e.RetryDue, now: datetime) -> Decision | Ignored:
    del event
    if task.state is not TaskState.PENDING:
        return Ignored(f"task is {task.state}")
    change = _Change(job)
    sent = change.move_task(task, TaskState.SCHEDULED, replace(task, due_at=None, scheduled_at=now))
    change.send(c.RunTask(sent))
    return change.done()


def _on_dispatch_missing(
    job: Job, task: Task, event: e.DispatchMissing, now: datetime
) -> Decision | Ignored:
    if task.state is not TaskState.SCHEDULED or task.dispatch != event.dispatch:
        return Ignored(f"task is {task.state}, dispatch {task.dispatch}")
    # The same dispatch number: should the first message still exist, whichever is claimed first
    # runs and the other is refused.
    sent = replace(task, scheduled_at=now)
    return Decision(job, tasks=(sent,), commands=(c.RunTask(sent),))


# Shared steps


def _new_task(job: Job, position: int, plan: PlannedTask, now: datetime) -> Task:
    return Task(
        id=derived_id(job.id, position, job.restarts),
        job_id=job.id,
        position=position,
        plan=plan,
        state=TaskState.CREATED,
        created_at=now,
    )


def _not_awaited(job: Job, position: int) -> Ignored | None:
    if job.state.is_final:
        return Ignored(f"job is {job.state}")
    if position != job.position + 1:
        return Ignored(f"position {position} is not the next after {job.position}")
    return None


def _not_its_worker(
    task: Task, event: e.TaskSucceeded | e.TaskFailed | e.TaskReturned
) -> Ignored | None:
    if task.state is not TaskState.RUNNING:
        return Ignored(f"task is {task.state}")
    if (task.dispatch, task.node_id) != (event.dispatch, event.node_id):
        return Ignored(f"dispatch {task.dispatch} runs on {task.node_id}")
    return None


def _advance(change: _Change, now: datetime) -> None:
    """The task at the job's position is done: on to the next, or to the end."""
    job = change.job
    progress = round(job.position / job.task_count * 100, 2)
    change.job = replace(job, progress=progress)
    if job.position < job.task_count:
        change.send(c.PlanTask(job.id, job.position + 1))
    elif job.has_output:
        change.send(c.EvaluateOutput(job.id))
    else:
        _complete_job(change, None, now)


def _complete_job(change: _Change, result: str | None, now: datetime) -> None:
    job = change.job
    after = job.auto_delete_after
    change.move_job(
        JobState.COMPLETED,
        replace(
            job,
            completed_at=now,
            progress=100.0,
            result=result,
            delete_at=now + after if after else None,
        ),
    )


def _fail_job(change: _Change, error: str, now: datetime) -> None:
    change.move_job(JobState.FAILED, replace(change.job, failed_at=now, error=error))


def _failed(task: Task, error: str, now: datetime) -> Task:
    return replace(task, failed_at=now, error=error, lease_expires_at=None, deadline_at=None)


def _fail_task(change: _Change, task: Task, error: str, now: datetime) -> None:
    change.move_task(task, TaskState.FAILED, _failed(task, error, now))
    if task.attempt >= task.plan.retry.limit:
        _fail_job(change, error, now)
        return
    retry_id = derived_id(task.id, "retry")
    delay = task.plan.retry.delay(task.attempt, derived_chance(retry_id))
    retry = Task(
        id=retry_id,
        job_id=task.job_id,
        position=task.position,
        plan=task.plan,
        state=TaskState.PENDING if delay else TaskState.SCHEDULED,
        created_at=now,
        attempt=task.attempt + 1,
        due_at=now + delay if delay else None,
        scheduled_at=None if delay else now,
    )
    change.add_task(retry)
    if not delay:
        change.send(c.RunTask(retry))


def _dispatch_again(job: Job, task: Task, now: datetime) -> Decision:
    """Send the same attempt once more, under a new dispatch number; no retry is spent."""
    change = _Change(job)
    again = replace(
        task,
        dispatch=task.dispatch + 1,
        node_id=None,
        started_at=None,
        lease_expires_at=None,
        deadline_at=None,
        scheduled_at=now,
        progress=0.0,
    )
    if task.state is TaskState.SCHEDULED:
        change.tasks[again.id] = again
    else:
        again = change.move_task(task, TaskState.SCHEDULED, again)
    change.send(c.RunTask(again))
    return change.done()


def _stop_command(task: Task, reason: str) -> tuple[c.Command, ...]:
    if task.node_id is None:
        return ()
    return (c.StopTask(task.node_id, task.job_id, task.id, task.dispatch, reason),)


def _stop(change: _Change, task: Task, reason: str) -> None:
    change.send(*_stop_command(task, reason))


def _grant(event: e.TaskClaimed) -> c.GrantClaim:
    return c.GrantClaim(event.node_id, event.job_id, event.task_id, event.dispatch)


def _refusal(event: e.Event, reason: str) -> tuple[c.Command, ...]:
    if not isinstance(event, e.TaskClaimed):
        return ()
    return (c.RefuseClaim(event.node_id, event.job_id, event.task_id, event.dispatch, reason),)


def _refused(event: e.TaskClaimed, reason: str) -> Ignored:
    return Ignored(reason, _refusal(event, reason))


# The table. Each function is declared with the one event type it is listed under, which a dict
# of callables cannot express; hence the ignored argument types.

_ON_JOB: dict[type, Callable[[Job, e.Event, datetime], Decision | Ignored]] = {
    e.JobSubmitted: _on_submitted,  # type: ignore[dict-item]
    e.TaskPlanned: _on_planned,  # type: ignore[dict-item]
    e.TaskPlanFailed: _on_plan_failed,  # type: ignore[dict-item]
    e.TaskSkipped: _on_skipped,  # type: ignore[dict-item]
    e.OutputEvaluated: _on_output_evaluated,  # type: ignore[dict-item]
    e.OutputFailed: _on_output_failed,  # type: ignore[dict-item]
    e.JobCancelled: _on_job_cancelled,  # type: ignore[dict-item]
    e.JobRestarted: _on_job_restarted,  # type: ignore[dict-item]
}

_ON_TASK: dict[type, Callable[[Job, Task, e.Event, datetime], Decision | Ignored]] = {
    e.TaskClaimed: _on_claimed,  # type: ignore[dict-item]
    e.TaskSucceeded: _on_succeeded,  # type: ignore[dict-item]
    e.TaskFailed: _on_failed,  # type: ignore[dict-item]
    e.TaskReturned: _on_returned,  # type: ignore[dict-item]
    e.TaskProgressed: _on_progressed,  # type: ignore[dict-item]
    e.TaskCancelled: _on_task_cancelled,  # type: ignore[dict-item]
    e.LeaseExpired: _on_lease_expired,  # type: ignore[dict-item]
    e.TaskTimedOut: _on_timed_out,  # type: ignore[dict-item]
    e.RetryDue: _on_retry_due,  # type: ignore[dict-item]
    e.DispatchMissing: _on_dispatch_missing,  # type: ignore[dict-item]
}
