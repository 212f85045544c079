"""How an attempt at a task ends, or goes to another worker: what several rules come to."""

from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle.beginnings import prioritized, queued, ready_or_held_back, request_worker
from shared.lifecycle.decision import Decision, DecisionBuilder
from shared.lifecycle.endings import spread_progress, task_failed
from shared.lifecycle.keys import derived_chance, derived_id
from shared.lifecycle.policies import Failure
from shared.lifecycle.replacing import replace
from shared.lifecycle.states import TaskState
from shared.lifecycle.values import Job, Task

MAX_LOST_DISPATCHES = 5
KEPT_ATTEMPTS = 20
"""So many of an execution that is kept running, however often it is restarted."""


def fail_attempt(builder: DecisionBuilder, task: Task, failure: Failure, now: datetime) -> None:
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
    policy, retries_from = task.plan.retry, _retries_from(task, now)
    if task.attempt - retries_from >= policy.limit or not policy.covers(failure):
        was_claimed = task.state is TaskState.RUNNING
        task_failed(builder, task, failure.error, now, was_claimed=was_claimed)
        return
    spread_progress(builder, task, -task.progress)
    retried = _for_next(replace(task, plan=prioritized(builder.job, task.plan)), failure)
    retry = _retry(builder.job, retried, retries_from, now)
    builder.add_task(retry)
    if task.plan.is_kept_running and retry.attempt >= KEPT_ATTEMPTS and retry.parent_id is not None:
        last = retry.attempt - KEPT_ATTEMPTS
        builder.send(c.ForgetAttempts(retry.parent_id, retry.child_index or 0, last))
    if retry.due_at is None:
        builder.send(*request_worker(retry))


def _retries_from(task: Task, now: datetime) -> int:
    """The attempt from which retries count: this one, if it was healthy."""
    healthy_after, started_at = task.plan.retry.reset_after, task.started_at
    if healthy_after is None or started_at is None or now - started_at < healthy_after:
        return task.retries_from
    return task.attempt


def _for_next(task: Task, failure: Failure) -> Task:
    """What is placed keeps to the room that it was given."""
    policy = task.plan.retry.after(failure)
    if policy is task.plan.retry or task.plan.placement is not None:
        return task
    return replace(task, plan=replace(task.plan, retry=policy))


def _retry(job: Job, task: Task, retries_from: int, now: datetime) -> Task:
    """The next attempt: a new task, at once or after a wait."""
    retry = next_attempt(task, now, retries_from)
    chance = derived_chance(retry.id)
    delay = task.plan.retry.delay(task.attempt - retries_from, chance)
    if not delay:
        return ready_or_held_back(job, retry, now)
    return replace(retry, state=TaskState.PENDING, due_at=now + delay)


def next_attempt(task: Task, now: datetime, retries_from: int) -> Task:
    """A new task, as it is planned already."""
    return Task(
        id=derived_id(task.id, "retry"),
        job_id=task.job_id,
        position=task.position,
        plan=task.plan,
        state=TaskState.CREATED,
        created_at=now,
        attempt=task.attempt + 1,
        parent_id=task.parent_id,
        child_index=task.child_index,
        scope=task.scope,
        pinned_to=task.pinned_to,
        retries_from=retries_from,
        spec_version=task.spec_version,
        sequence=task.sequence,
    )


def lost_worker(job: Job, task: Task, node_id: str | None, now: datetime) -> Decision:
    """Its worker is gone: once more, unless too many went with it. It may be what ends them, but
    what is kept running sees many workers go."""
    lost = replace(task, lost=task.lost + 1)
    if lost.lost < MAX_LOST_DISPATCHES or task.plan.is_kept_running:
        return dispatch_again(job, lost, now)
    builder = DecisionBuilder(job)
    error = f"lost {lost.lost} workers in a row; the last was {node_id}"
    fail_attempt(builder, lost, Failure(error, "lost"), now)
    return builder.build()


def dispatch_again(job: Job, task: Task, now: datetime) -> Decision:
    """The same attempt once more, under a new dispatch number; no retry is spent."""
    builder = DecisionBuilder(job)
    send_again(builder, task, now)
    return builder.build()


def send_again(builder: DecisionBuilder, task: Task, now: datetime) -> None:
    again = replace(
        queued(task, now),
        dispatch=task.dispatch + 1,
        node_id=None,
        started_at=None,
        lease_expires_at=None,
        progress=0.0,
        recall=None,
    )
    spread_progress(builder, task, -task.progress)
    if again.state is task.state:
        builder.tasks[again.id] = again
    else:
        builder.move_task(task, again)
    builder.send(*request_worker(again))


def stop_order(task: Task, reason: str, *, at_once: bool = False) -> tuple[c.Command, ...]:
    if task.node_id is None:
        return ()
    return (c.StopTask(task.job_id, task.id, task.dispatch, task.node_id, reason, at_once),)
