"""What the events of a task make of it and of its job: one function for each."""

from datetime import datetime, timedelta

from shared.lifecycle import commands as c
from shared.lifecycle import events as e
from shared.lifecycle.beginnings import queued, start_job
from shared.lifecycle.decision import Decision, DecisionBuilder, Ignored
from shared.lifecycle.endings import spread_progress, task_done, task_failed
from shared.lifecycle.replacing import replace
from shared.lifecycle.states import JobState, TaskState
from shared.lifecycle.values import (
    DispatchOnNode,
    DispatchRef,
    Failure,
    Job,
    Task,
    derived_chance,
    derived_id,
)

MAX_LOST_DISPATCHES = 5
LAST_WORDS = timedelta(seconds=60)
"""So long is the end of a log waited for whose task was ended while its worker had it."""
MAX_ENGINE_REJECTIONS = 10
"""So many that a worker or two in trouble that they can't tell of don't use them up alone; each
takes some seconds, as a worker pauses after it, so that who waits for the task soon knows."""


def on_claimed(job: Job, task: Task, event: e.TaskClaimed, now: datetime) -> Decision | Ignored:
    if task.dispatch != event.dispatch:
        return refused(event, f"dispatch {event.dispatch} is not the current {task.dispatch}")
    if task.state is TaskState.RUNNING and task.node_id == event.node_id:
        return Ignored("claimed already", (_grant(event),))
    if task.state is not TaskState.SCHEDULED:
        return refused(event, f"task is {task.state}")
    builder = DecisionBuilder(job)
    claimed = replace(
        task,
        state=TaskState.RUNNING,
        node_id=event.node_id,
        started_at=now,
        lease_expires_at=now + event.lease,
        deadline_at=now + task.plan.timeout if task.plan.timeout else None,
    )
    builder.move_task(task, claimed)
    if job.state is JobState.SCHEDULED:
        start_job(builder, now)
    if task.parent_id is not None and task.attempt == 0:
        builder.send(c.Tell(e.ChildStarted(job.id, task.parent_id)))
    builder.send(_grant(event))
    return builder.build()


def on_succeeded(job: Job, task: Task, event: e.TaskSucceeded, now: datetime) -> Decision | Ignored:
    if (ignored := _not_its_worker(task, event)) is not None:
        return ignored
    builder = DecisionBuilder(_keeping(job, event))
    done = replace(
        task,
        state=TaskState.COMPLETED,
        completed_at=now,
        result=event.result,
        progress=100.0,
        log_parts=event.log_parts,
        exit_code=0,
        last_return_reason=None,
        lease_expires_at=None,
        deadline_at=None,
    )
    builder.move_task(task, done)
    if task.plan.var and event.result is not None:
        builder.send(c.SetVariable(job.id, task.plan.var, event.result))
    task_done(builder, task, now)  # with the progress it had: the rest was missing
    return builder.build()


def on_failed(job: Job, task: Task, event: e.TaskFailed, now: datetime) -> Decision | Ignored:
    if (ignored := _not_its_worker(task, event)) is not None:
        return ignored
    builder = DecisionBuilder(_keeping(job, event))
    failed = replace(task, log_parts=event.log_parts, exit_code=event.exit_code)
    _fail_task(builder, failed, Failure(event.error, event.cause, event.exit_code), now)
    return builder.build()


def on_returned(job: Job, task: Task, event: e.TaskReturned, now: datetime) -> Decision | Ignored:
    if _not_current(task, TaskState.SCHEDULED, event) is None:
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
        builder = DecisionBuilder(job)
        error = f"{event.error or 'no reason given'}; handed back {rejections} times"
        _fail_task(builder, returned, Failure(error), now)
        return builder.build()
    return _dispatch_again(job, returned, now)


def on_progressed(job: Job, task: Task, event: e.TaskProgressed) -> Decision | Ignored:
    if (ignored := _not_current(task, TaskState.RUNNING, event)) is not None:
        return ignored
    if task.progress == event.progress:
        return Ignored("no news")
    builder = DecisionBuilder(job)
    builder.progress_task(replace(task, progress=event.progress))
    spread_progress(builder, task, event.progress - task.progress)
    return builder.build()


def on_cancelled(job: Job, task: Task, _: e.TaskCancelled, now: datetime) -> Decision | Ignored:
    if task.state.is_final:
        return Ignored(f"task is {task.state}")
    builder = DecisionBuilder(job)
    ended = replace(
        task,
        state=TaskState.CANCELLED,
        lease_expires_at=None,
        deadline_at=now + LAST_WORDS if task.node_id else None,
        due_at=None,
    )
    builder.move_task(task, ended)
    if task.children is not None:
        builder.send(c.CancelTasks(job.id, task.id))
    elif task.subjob_id is not None:
        builder.send(c.CancelSubJob(task.subjob_id, task.dispatch))
    else:
        builder.send(*_stop(task, "cancelled"))
    return builder.build()


def on_last_words(
    job: Job, task: Task, event: e.TaskSucceeded | e.TaskFailed | e.TaskReturned
) -> Decision | Ignored:
    """It was ended, and then its worker has let go of it: how long its log is."""
    is_its_worker = (task.dispatch, task.node_id) == (event.dispatch, event.node_id)
    if not is_its_worker or task.log_parts is not None:
        return Ignored(f"task is {task.state}")
    parts = 0 if isinstance(event, e.TaskReturned) else event.log_parts
    return Decision(job, tasks=(replace(task, log_parts=parts),))


def on_lease_expired(
    job: Job, task: Task, event: e.LeaseExpired, now: datetime
) -> Decision | Ignored:
    if (ignored := _not_current(task, TaskState.RUNNING, event)) is not None:
        return ignored
    if task.lease_expires_at is not None and task.lease_expires_at > now:
        return Ignored("renewed in the meantime")
    decision = _lost(job, task, task.node_id, now)
    if task.lost + 1 >= MAX_LOST_DISPATCHES:
        return decision
    return replace(
        decision, commands=(*_stop(task, "lease expired", at_once=True), *decision.commands)
    )


def on_timed_out(job: Job, task: Task, event: e.TaskTimedOut, now: datetime) -> Decision | Ignored:
    if (ignored := _not_current(task, TaskState.RUNNING, event)) is not None:
        return ignored
    builder = DecisionBuilder(job)
    builder.send(*_stop(task, "timed out"))
    _fail_task(builder, task, Failure("timed out", "timeout"), now)
    return builder.build()


def on_queue_timed_out(
    job: Job, task: Task, event: e.QueueTimedOut, now: datetime
) -> Decision | Ignored:
    if (ignored := _not_current(task, TaskState.SCHEDULED, event)) is not None:
        return ignored
    limit = task.plan.queue_timeout
    if limit is None or task.deadline_at is None or task.deadline_at > now:
        return Ignored("sent again in the meantime")
    builder = DecisionBuilder(job)
    seconds = f"{limit.total_seconds():g}s"
    error = f"no worker took it from queue {task.plan.queue!r} within {seconds}"
    _fail_task(builder, task, Failure(error, "queue"), now)
    return builder.build()


def on_retry_due(job: Job, task: Task, _: e.RetryDue, now: datetime) -> Decision | Ignored:
    if task.state is not TaskState.PENDING:
        return Ignored(f"task is {task.state}")
    builder = DecisionBuilder(job)
    sent = replace(queued(task, now), due_at=None)
    builder.move_task(task, sent)
    builder.send(c.RunTask(sent))
    return builder.build()


def on_dispatch_missing(
    job: Job, task: Task, event: e.DispatchMissing, now: datetime
) -> Decision | Ignored:
    if (ignored := _not_current(task, TaskState.SCHEDULED, event)) is not None:
        return ignored
    # The same dispatch number: should the first message still exist, whichever is claimed first
    # runs and the other is refused.
    sent = replace(task, scheduled_at=now)  # its time in the queue goes on
    return Decision(job, tasks=(sent,), commands=(c.RunTask(sent),))


def refused(event: e.TaskClaimed, reason: str) -> Ignored:
    refusal = c.RefuseClaim(event.job_id, event.task_id, event.dispatch, event.node_id, reason)
    return Ignored(reason, (refusal,))


def _keeping(job: Job, event: e.TaskSucceeded | e.TaskFailed) -> Job:
    """The job with what the attempt has kept."""
    kept = event.kept_bytes
    return replace(job, kept_bytes=job.kept_bytes + kept) if kept else job


def _grant(event: e.TaskClaimed) -> c.GrantClaim:
    return c.GrantClaim(event.job_id, event.task_id, event.dispatch, event.node_id)


def _not_current(task: Task, state: TaskState, event: DispatchRef) -> Ignored | None:
    """The event is about one dispatch of the task, while that is in `state`."""
    if task.state is state and task.dispatch == event.dispatch:
        return None
    return Ignored(f"task is {task.state}, dispatch {task.dispatch}")


def _not_its_worker(task: Task, event: DispatchOnNode) -> Ignored | None:
    if task.state is not TaskState.RUNNING:
        return Ignored(f"task is {task.state}")
    if (task.dispatch, task.node_id) != (event.dispatch, event.node_id):
        return Ignored(f"dispatch {task.dispatch} runs on {task.node_id}")
    return None


def _fail_task(builder: DecisionBuilder, task: Task, failure: Failure, now: datetime) -> None:
    failed = replace(
        task,
        state=TaskState.FAILED,
        failed_at=now,
        error=failure.error,
        failure_cause=failure.cause,
        lease_expires_at=None,
        deadline_at=None,
    )
    builder.move_task(task, failed)
    policy = task.plan.retry
    if task.attempt >= policy.limit or not policy.covers(failure):
        was_claimed = task.state is TaskState.RUNNING
        task_failed(builder, task, failure.error, now, was_claimed=was_claimed)
        return
    spread_progress(builder, task, -task.progress)
    retry = _retry(task, now)
    builder.add_task(retry)
    if retry.state is TaskState.SCHEDULED:
        builder.send(c.RunTask(retry))


def _retry(task: Task, now: datetime) -> Task:
    """The next attempt: a new task, at once or after a wait."""
    retry_id = derived_id(task.id, "retry")
    delay = task.plan.retry.delay(task.attempt, derived_chance(retry_id))
    retry = Task(
        id=retry_id,
        job_id=task.job_id,
        position=task.position,
        plan=task.plan,
        state=TaskState.PENDING,
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
    builder = DecisionBuilder(job)
    error = f"lost {lost.lost} workers in a row; the last was {node_id}"
    _fail_task(builder, lost, Failure(error, "lost"), now)
    return builder.build()


def _dispatch_again(job: Job, task: Task, now: datetime) -> Decision:
    """Send the same attempt once more, under a new dispatch number; no retry is spent."""
    builder = DecisionBuilder(job)
    again = replace(
        queued(task, now),
        dispatch=task.dispatch + 1,
        node_id=None,
        started_at=None,
        lease_expires_at=None,
        progress=0.0,
    )
    spread_progress(builder, task, -task.progress)
    if task.state is TaskState.SCHEDULED:
        builder.tasks[again.id] = again
    else:
        builder.move_task(task, again)
    builder.send(c.RunTask(again))
    return builder.build()


def _stop(task: Task, reason: str, *, at_once: bool = False) -> tuple[c.Command, ...]:
    if task.node_id is None:
        return ()
    return (c.StopTask(task.job_id, task.id, task.dispatch, task.node_id, reason, at_once),)
