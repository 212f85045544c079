"""What the events of a task make of it and of its job: one function for each."""

from datetime import datetime, timedelta

from shared.lifecycle import attempt_events as a
from shared.lifecycle import commands as c
from shared.lifecycle import events as e
from shared.lifecycle import family_events as f
from shared.lifecycle import placed_rules
from shared.lifecycle.attempts import (
    MAX_LOST_DISPATCHES,
    dispatch_again,
    fail_attempt,
    lost_worker,
    stop_order,
)
from shared.lifecycle.beginnings import ready_or_held_back, request_worker, start_job
from shared.lifecycle.decision import Decision, DecisionBuilder, Ignored, refused
from shared.lifecycle.endings import spread_progress, task_done
from shared.lifecycle.keys import DispatchOnNode, DispatchRef
from shared.lifecycle.policies import Failure
from shared.lifecycle.replacing import replace
from shared.lifecycle.spawn_events import ChildrenSpawned
from shared.lifecycle.states import JobState, TaskState
from shared.lifecycle.values import Job, Task

LAST_WORDS = timedelta(seconds=60)
"""So long is the end of a log waited for whose task was ended while its worker had it."""
_ENDED_BY_ITSELF = Failure("ended, and is kept running", "exit", 0)
MAX_ENGINE_REJECTIONS = 10
"""So many that a worker or two in trouble that they can't tell of don't use them up alone; each
takes some seconds, as a worker pauses after it, so that who waits for the task soon knows."""


def on_claimed(job: Job, task: Task, event: a.TaskClaimed, now: datetime) -> Decision | Ignored:
    if task.dispatch != event.dispatch:
        return refused(event, f"dispatch {event.dispatch} is not the current {task.dispatch}")
    if task.state is TaskState.RUNNING and task.node_id == event.node_id:
        return Ignored("claimed already", (_grant(event),))
    if task.state is not TaskState.SCHEDULED:
        return refused(event, f"task is {task.state}")
    if task.node_id is not None and task.node_id != event.node_id:
        return refused(event, f"it is placed on {task.node_id}")
    builder = DecisionBuilder(job)
    claimed = replace(
        task,
        state=TaskState.RUNNING,
        node_id=event.node_id,
        started_at=now,
        lease_expires_at=now + event.lease,
        token_digest=event.token_digest,
        deadline_at=now + task.plan.timeout if task.plan.timeout else None,
    )
    builder.move_task(task, claimed)
    if job.state is JobState.SCHEDULED:
        start_job(builder, now)
    if task.parent_id is not None and (task.attempt == 0 or task.plan.is_kept_running):
        builder.send(c.Tell(f.ChildStarted(job.id, task.parent_id)))
    builder.send(_grant(event))
    return builder.build()


def on_succeeded(job: Job, task: Task, event: a.TaskSucceeded, now: datetime) -> Decision | Ignored:
    if (ignored := _not_its_worker(task, event)) is not None:
        return ignored
    if task.plan.is_kept_running or task.recall not in (None, "drain"):
        ended = replace(
            task,
            log_parts=event.log_parts,
            exit_code=0,
            timings=event.timings,
            image_digest=event.image_digest,
        )
        return placed_rules.on_ended(_keeping(job, event), ended, _ENDED_BY_ITSELF, now)
    builder = DecisionBuilder(_keeping(job, event))
    done = replace(
        task,
        state=TaskState.COMPLETED,
        completed_at=now,
        result=event.result,
        progress=100.0,
        log_parts=event.log_parts,
        exit_code=event.exit_code,
        timings=event.timings,
        image_digest=event.image_digest,
        last_return_reason=None,
        lease_expires_at=None,
        deadline_at=None,
    )
    builder.move_task(task, done)
    if task.plan.var and event.result is not None:
        builder.send(c.SetVariable(job.id, task.plan.var, event.result))
    if event.spawned and task.parent_id is not None:
        # Before its end, which may be that of all that there were.
        builder.send(c.Tell(ChildrenSpawned(job.id, task.parent_id, event.spawned)))
    task_done(builder, task, now)  # with the progress it had: the rest was missing
    return builder.build()


def on_failed(job: Job, task: Task, event: a.TaskFailed, now: datetime) -> Decision | Ignored:
    if (ignored := _not_its_worker(task, event)) is not None:
        return ignored
    failed = replace(
        task,
        log_parts=event.log_parts,
        exit_code=event.exit_code,
        timings=event.timings,
        image_digest=event.image_digest,
    )
    failure = Failure(event.error, event.cause, event.exit_code, event.is_out_of_memory)
    if task.recall is not None:
        return placed_rules.on_ended(_keeping(job, event), failed, failure, now)
    builder = DecisionBuilder(_keeping(job, event))
    fail_attempt(builder, failed, failure, now)
    return builder.build()


def on_returned(job: Job, task: Task, event: a.TaskReturned, now: datetime) -> Decision | Ignored:
    if _not_current(task, TaskState.SCHEDULED, event) is None:
        # Handed back before its claim arrived. The claim may still come, and must then be refused:
        # so this is a new dispatch as well.
        lost = event.is_lost
        return (
            lost_worker(job, task, event.node_id, now) if lost else dispatch_again(job, task, now)
        )
    if (ignored := _not_its_worker(task, event)) is not None:
        return ignored
    if task.recall is not None:
        return placed_rules.on_let_go(job, task, task.recall, now)
    if event.is_lost:
        return lost_worker(job, task, event.node_id, now)
    rejections = task.engine_rejections + event.is_declined
    returned = replace(task, last_return_reason=event.error, engine_rejections=rejections)
    if event.is_declined and rejections >= MAX_ENGINE_REJECTIONS:
        builder = DecisionBuilder(job)
        error = f"{event.error or 'no reason given'}; handed back {rejections} times"
        fail_attempt(builder, returned, Failure(error), now)
        return builder.build()
    return dispatch_again(job, returned, now)


def on_progressed(job: Job, task: Task, event: a.TaskProgressed) -> Decision | Ignored:
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
        deadline_at=now + LAST_WORDS if task.state is TaskState.RUNNING and task.node_id else None,
        due_at=None,
    )
    builder.move_task(task, ended)
    if task.children is not None:
        builder.send(c.CancelTasks(job.id, task.id))
    elif task.subjob_id is not None:
        builder.send(c.CancelSubJob(task.subjob_id, task.dispatch))
    else:
        builder.send(*stop_order(task, "cancelled"))
    return builder.build()


def on_last_words(
    job: Job, task: Task, event: a.TaskSucceeded | a.TaskFailed | a.TaskReturned
) -> Decision | Ignored:
    """It was ended, and then its worker has let go of it: how long its log is, and its phases."""
    is_its_worker = (task.dispatch, task.node_id) == (event.dispatch, event.node_id)
    if not is_its_worker or task.log_parts is not None:
        return Ignored(f"task is {task.state}")
    if isinstance(event, a.TaskReturned):
        ended = replace(task, log_parts=0)
    else:
        ended = replace(
            task, log_parts=event.log_parts, timings=event.timings, image_digest=event.image_digest
        )
    return Decision(job, tasks=(ended,))


def on_lease_expired(
    job: Job, task: Task, event: a.LeaseExpired, now: datetime
) -> Decision | Ignored:
    if (ignored := _not_current(task, TaskState.RUNNING, event)) is not None:
        return ignored
    if task.lease_expires_at is not None and task.lease_expires_at > now:
        return Ignored("renewed in the meantime")
    if task.recall is not None:
        return placed_rules.on_let_go(job, task, task.recall, now)
    decision = lost_worker(job, task, task.node_id, now)
    if task.lost + 1 >= MAX_LOST_DISPATCHES and not task.plan.is_kept_running:
        return decision
    return replace(
        decision, commands=(*stop_order(task, "lease expired", at_once=True), *decision.commands)
    )


def on_timed_out(job: Job, task: Task, event: a.TaskTimedOut, now: datetime) -> Decision | Ignored:
    if (ignored := _not_current(task, TaskState.RUNNING, event)) is not None:
        return ignored
    builder = DecisionBuilder(job)
    builder.send(*stop_order(task, "timed out"))
    fail_attempt(builder, task, Failure("timed out", "timeout"), now)
    return builder.build()


def on_queue_timed_out(
    job: Job, task: Task, event: a.QueueTimedOut, now: datetime
) -> Decision | Ignored:
    is_placed = task.plan.is_execution
    waits_in = TaskState.PENDING if is_placed else TaskState.SCHEDULED
    if (ignored := _not_current(task, waits_in, event)) is not None:
        return ignored
    limit = task.plan.queue_timeout
    if limit is None or task.deadline_at is None or task.deadline_at > now:
        return Ignored("sent again in the meantime")
    builder = DecisionBuilder(job)
    waited = f"within {limit.total_seconds():g}s" if limit else "at once, as its queue timeout is 0"
    if is_placed:
        error = f"no node for it {waited}" + (f": {event.reason}" if event.reason else "")
    else:
        error = f"no worker took it from queue {task.plan.queue!r} {waited}"
    fail_attempt(builder, task, Failure(error, "queue"), now)
    return builder.build()


def on_retry_due(job: Job, task: Task, _: a.RetryDue, now: datetime) -> Decision | Ignored:
    if task.state is not TaskState.PENDING:
        return Ignored(f"task is {task.state}")
    if task.due_at is None:
        return Ignored("it waits for a node, or for a slot")
    builder = DecisionBuilder(job)
    ready = ready_or_held_back(job, task, now)
    builder.move_task(task, ready)
    builder.send(*request_worker(ready))
    return builder.build()


def on_dispatch_missing(
    job: Job, task: Task, event: a.DispatchMissing, now: datetime
) -> Decision | Ignored:
    if (ignored := _not_current(task, TaskState.SCHEDULED, event)) is not None:
        return ignored
    # The same dispatch number: should the first message still exist, whichever is claimed first
    # runs and the other is refused.
    sent = replace(task, scheduled_at=now)  # its time in the queue goes on
    return Decision(job, tasks=(sent,), commands=(c.RunTask(sent),))


def _keeping(job: Job, event: a.TaskSucceeded | a.TaskFailed) -> Job:
    """The job with what the attempt has kept."""
    kept = event.kept_bytes
    return replace(job, kept_bytes=job.kept_bytes + kept) if kept else job


def _grant(event: a.TaskClaimed) -> c.GrantClaim:
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
