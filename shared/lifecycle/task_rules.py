"""What the events of a task make of it and of its job: one function for each."""

from dataclasses import replace
from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import events as e
from shared.lifecycle.beginnings import queued, start_job
from shared.lifecycle.decision import Change, Decision, Ignored
from shared.lifecycle.endings import spread_progress, task_done, task_failed
from shared.lifecycle.ids import derived_chance, derived_id
from shared.lifecycle.states import JobState, TaskState
from shared.lifecycle.values import Failure, Job, Task

MAX_LOST_DISPATCHES = 5
MAX_ENGINE_REJECTIONS = 10
"""So many that a worker or two in trouble that they can't tell of don't use them up alone; each
takes some seconds, as a worker pauses after it, so that who waits for the task soon knows."""


def on_claimed(job: Job, task: Task, event: e.TaskClaimed, now: datetime) -> Decision | Ignored:
    if task.dispatch != event.dispatch:
        return _refused(event, f"dispatch {event.dispatch} is not the current {task.dispatch}")
    if task.state is TaskState.RUNNING and task.node_id == event.node_id:
        return Ignored("claimed already", (_grant(event),))
    if task.state is not TaskState.SCHEDULED:
        return _refused(event, f"task is {task.state}")
    change = Change(job)
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
        start_job(change, now)
    if task.parent_id is not None and task.attempt == 0:
        change.send(c.Tell(e.ChildStarted(job.id, task.parent_id)))
    change.send(_grant(event))
    return change.done()


def on_succeeded(job: Job, task: Task, event: e.TaskSucceeded, now: datetime) -> Decision | Ignored:
    if (ignored := _not_its_worker(task, event)) is not None:
        return ignored
    change = Change(job)
    done = replace(
        task,
        completed_at=now,
        result=event.result,
        progress=100.0,
        log_parts=event.log_parts,
        exit_code=0,
        last_return_reason=None,
        lease_expires_at=None,
        deadline_at=None,
    )
    change.move_task(task, TaskState.COMPLETED, done)
    if task.plan.var and event.result is not None:
        change.send(c.SetVariable(job.id, task.plan.var, event.result))
    task_done(change, task, now)  # with the progress it had: the rest was missing
    return change.done()


def on_failed(job: Job, task: Task, event: e.TaskFailed, now: datetime) -> Decision | Ignored:
    if (ignored := _not_its_worker(task, event)) is not None:
        return ignored
    change = Change(job)
    failed = replace(task, log_parts=event.log_parts, exit_code=event.exit_code)
    _fail_task(change, failed, Failure(event.error, event.cause, event.exit_code), now)
    return change.done()


def on_returned(job: Job, task: Task, event: e.TaskReturned, now: datetime) -> Decision | Ignored:
    if task.state is TaskState.SCHEDULED and task.dispatch == event.dispatch:
        # Handed back before its claim arrived. The claim may still come, and must then be refused:
        # so this is a new dispatch as well.
        lost = event.is_lost
        return _lost(job, task, event.node_id, now) if lost else _dispatch_again(job, task, now)
    if (ignored := _not_its_worker(task, event)) is not None:
        return ignored
    if event.is_lost:
        return _lost(job, task, event.node_id, now)
    rejections = task.engine_rejections + event.is_declined
    returned = replace(task, last_return_reason=event.error, engine_rejections=rejections)
    if event.is_declined and rejections >= MAX_ENGINE_REJECTIONS:
        change = Change(job)
        error = f"{event.error or 'no reason given'}; handed back {rejections} times"
        _fail_task(change, returned, Failure(error), now)
        return change.done()
    return _dispatch_again(job, returned, now)


def on_progressed(
    job: Job, task: Task, event: e.TaskProgressed, now: datetime
) -> Decision | Ignored:
    del now
    if task.state is not TaskState.RUNNING or task.dispatch != event.dispatch:
        return Ignored(f"task is {task.state}, dispatch {task.dispatch}")
    if task.progress == event.progress:
        return Ignored("no news")
    change = Change(job)
    change.progress_task(replace(task, progress=event.progress))
    spread_progress(change, task, event.progress - task.progress)
    return change.done()


def on_task_cancelled(
    job: Job, task: Task, event: e.TaskCancelled, now: datetime
) -> Decision | Ignored:
    del event, now
    if task.state.is_final:
        return Ignored(f"task is {task.state}")
    change = Change(job)
    ended = replace(task, lease_expires_at=None, deadline_at=None, due_at=None)
    change.move_task(task, TaskState.CANCELLED, ended)
    if task.children is not None:
        change.send(c.CancelTasks(job.id, task.id))
    elif task.subjob_id is not None:
        change.send(c.CancelSubJob(task.subjob_id, task.dispatch))
    else:
        _stop(change, task, "cancelled")
    return change.done()


def on_lease_expired(
    job: Job, task: Task, event: e.LeaseExpired, now: datetime
) -> Decision | Ignored:
    if task.state is not TaskState.RUNNING or task.dispatch != event.dispatch:
        return Ignored(f"task is {task.state}, dispatch {task.dispatch}")
    if task.lease_expires_at is not None and task.lease_expires_at > now:
        return Ignored("renewed in the meantime")
    decision = _lost(job, task, task.node_id, now)
    if task.lost + 1 >= MAX_LOST_DISPATCHES:
        return decision
    stop = _stop_command(task, "lease expired")
    return replace(decision, commands=(*stop, *decision.commands))


def on_timed_out(job: Job, task: Task, event: e.TaskTimedOut, now: datetime) -> Decision | Ignored:
    if task.state is not TaskState.RUNNING or task.dispatch != event.dispatch:
        return Ignored(f"task is {task.state}, dispatch {task.dispatch}")
    change = Change(job)
    _stop(change, task, "timed out")
    _fail_task(change, task, Failure("timed out", "timeout"), now)
    return change.done()


def on_queue_timed_out(
    job: Job, task: Task, event: e.QueueTimedOut, now: datetime
) -> Decision | Ignored:
    if task.state is not TaskState.SCHEDULED or task.dispatch != event.dispatch:
        return Ignored(f"task is {task.state}, dispatch {task.dispatch}")
    limit = task.plan.queue_timeout
    if limit is None or task.deadline_at is None or task.deadline_at > now:
        return Ignored("sent again in the meantime")
    change = Change(job)
    seconds = f"{limit.total_seconds():g}s"
    error = f"no worker took it from queue {task.plan.queue!r} within {seconds}"
    _fail_task(change, task, Failure(error, "queue"), now)
    return change.done()


def on_retry_due(job: Job, task: Task, event: e.RetryDue, now: datetime) -> Decision | Ignored:
    del event
    if task.state is not TaskState.PENDING:
        return Ignored(f"task is {task.state}")
    change = Change(job)
    sent = change.move_task(task, TaskState.SCHEDULED, replace(queued(task, now), due_at=None))
    change.send(c.RunTask(sent))
    return change.done()


def on_dispatch_missing(
    job: Job, task: Task, event: e.DispatchMissing, now: datetime
) -> Decision | Ignored:
    if task.state is not TaskState.SCHEDULED or task.dispatch != event.dispatch:
        return Ignored(f"task is {task.state}, dispatch {task.dispatch}")
    # The same dispatch number: should the first message still exist, whichever is claimed first
    # runs and the other is refused.
    sent = replace(task, scheduled_at=now)  # its time in the queue goes on
    return Decision(job, tasks=(sent,), commands=(c.RunTask(sent),))


def _not_its_worker(
    task: Task, event: e.TaskSucceeded | e.TaskFailed | e.TaskReturned
) -> Ignored | None:
    if task.state is not TaskState.RUNNING:
        return Ignored(f"task is {task.state}")
    if (task.dispatch, task.node_id) != (event.dispatch, event.node_id):
        return Ignored(f"dispatch {task.dispatch} runs on {task.node_id}")
    return None


def _failed(task: Task, error: str, now: datetime) -> Task:
    return replace(task, failed_at=now, error=error, lease_expires_at=None, deadline_at=None)


def _fail_task(change: Change, task: Task, failure: Failure, now: datetime) -> None:
    change.move_task(task, TaskState.FAILED, _failed(task, failure.error, now))
    policy = task.plan.retry
    if task.attempt >= policy.limit or not policy.covers(failure):
        was_taken = task.state is TaskState.RUNNING
        task_failed(change, task, failure.error, now, was_taken=was_taken)
        return
    spread_progress(change, task, -task.progress)
    retry = _retry(task, now)
    change.add_task(retry)
    if retry.state is TaskState.SCHEDULED:
        change.send(c.RunTask(retry))


def _retry(task: Task, now: datetime) -> Task:
    """The next attempt: a new task, at once or after a wait."""
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
        parent_id=task.parent_id,
        child_index=task.child_index,
        scope=task.scope,
    )
    return retry if delay else queued(retry, now)


def _lost(job: Job, task: Task, node_id: str | None, now: datetime) -> Decision:
    """Its worker is gone: once more, unless too many went with it. It may be what ends them."""
    lost = replace(task, lost=task.lost + 1)
    if lost.lost < MAX_LOST_DISPATCHES:
        return _dispatch_again(job, lost, now)
    change = Change(job)
    error = f"lost {lost.lost} workers in a row; the last was {node_id}"
    _fail_task(change, lost, Failure(error, "lost"), now)
    return change.done()


def _dispatch_again(job: Job, task: Task, now: datetime) -> Decision:
    """Send the same attempt once more, under a new dispatch number; no retry is spent."""
    change = Change(job)
    again = replace(
        queued(task, now),
        dispatch=task.dispatch + 1,
        node_id=None,
        started_at=None,
        lease_expires_at=None,
        progress=0.0,
    )
    spread_progress(change, task, -task.progress)
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


def _stop(change: Change, task: Task, reason: str) -> None:
    change.send(*_stop_command(task, reason))


def _grant(event: e.TaskClaimed) -> c.GrantClaim:
    return c.GrantClaim(event.node_id, event.job_id, event.task_id, event.dispatch)


def refusal(event: e.Event, reason: str) -> tuple[c.Command, ...]:
    if not isinstance(event, e.TaskClaimed):
        return ()
    return (c.RefuseClaim(event.node_id, event.job_id, event.task_id, event.dispatch, reason),)


def _refused(event: e.TaskClaimed, reason: str) -> Ignored:
    return Ignored(reason, refusal(event, reason))
