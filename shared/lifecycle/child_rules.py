"""What the events of children and sub-jobs make of a task: one function for each."""

from dataclasses import replace
from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import events as e
from shared.lifecycle.beginnings import (
    begin,
    begin_more,
    complete_made_of_others,
    fail_to_begin,
    skip,
    start_job,
)
from shared.lifecycle.decision import Change, Decision, Ignored
from shared.lifecycle.endings import spread_progress, task_failed
from shared.lifecycle.states import REOPENED, JobState, TaskState
from shared.lifecycle.values import Job, Task


def on_child_planned(
    job: Job, task: Task, event: e.ChildPlanned, now: datetime
) -> Decision | Ignored:
    if task.state is not TaskState.CREATED:
        return Ignored(f"task is {task.state}")
    change = Change(job)
    begin(change, task, event.planned, now, is_new=False)
    return change.done()


def on_child_plan_failed(
    job: Job, task: Task, event: e.ChildPlanFailed, now: datetime
) -> Decision | Ignored:
    if task.state is not TaskState.CREATED:
        return Ignored(f"task is {task.state}")
    change = Change(job)
    fail_to_begin(change, task, event.plan, event.error, now, is_new=False)
    return change.done()


def on_child_skipped(
    job: Job, task: Task, event: e.ChildSkipped, now: datetime
) -> Decision | Ignored:
    if task.state is not TaskState.CREATED:
        return Ignored(f"task is {task.state}")
    change = Change(job)
    skip(change, task, event.plan, now, is_new=False)
    return change.done()


def on_child_started(
    job: Job, task: Task, event: e.ChildStarted, now: datetime
) -> Decision | Ignored:
    del now
    children = task.children
    if task.state is not TaskState.RUNNING or children is None:
        return Ignored(f"task is {task.state}")
    if not event.by_worker and not children.concurrency:
        # All would begin: nothing but their ends says how many are enough.
        return Ignored("nobody has said how many may be active")
    if children.begun == children.total:
        return Ignored("all of its children have begun")
    change = Change(job)
    taken = replace(children, waiting=max(children.waiting - 1, 0))
    change.tasks[task.id] = begin_more(change, replace(task, children=taken))
    return change.done()


def on_children_put_off(
    job: Job, task: Task, event: e.ChildrenPutOff, now: datetime
) -> Decision | Ignored:
    del now
    children = task.children
    if task.state is not TaskState.RUNNING or children is None:
        return Ignored(f"task is {task.state}")
    change = Change(job)
    begun, waiting = children.begun - event.count, max(children.waiting - event.count, 0)
    fewer = replace(children, begun=begun, waiting=waiting)
    change.tasks[task.id] = replace(task, children=fewer)
    change.send(c.ContinueFamily(job.id, task.id))
    return change.done()


def on_family_continued(
    job: Job, task: Task, event: e.FamilyContinued, now: datetime
) -> Decision | Ignored:
    del event, now
    if task.state is not TaskState.RUNNING or task.children is None:
        return Ignored(f"task is {task.state}")
    if not task.children.room:
        return Ignored("no further child may begin now")
    change = Change(job)
    change.tasks[task.id] = begin_more(change, task)
    return change.done()


def on_child_progressed(
    job: Job, task: Task, event: e.ChildProgressed, now: datetime
) -> Decision | Ignored:
    del now
    if task.state is not TaskState.RUNNING or task.children is None:
        return Ignored(f"task is {task.state}")
    change = Change(job)
    _add_progress(change, task, event.delta)
    return change.done()


def on_child_ended(job: Job, task: Task, event: e.ChildEnded, now: datetime) -> Decision | Ignored:
    if task.state is not TaskState.RUNNING or task.children is None:
        return Ignored(f"task is {task.state}")
    change = Change(job)
    waiting = task.children.waiting - (not event.was_taken)
    children = replace(
        task.children,
        ended=task.children.ended + 1,
        failed=task.children.failed + (event.error is not None),
        waiting=max(waiting, 0),
    )
    task = replace(task, children=children)
    if not children.can_succeed:
        _fail_family(change, task, event.error or "too many children failed", now)
        return change.done()
    task = _add_progress(change, task, event.delta)
    if children.all_ended:
        complete_made_of_others(change, task, None, now)
    else:
        change.tasks[task.id] = begin_more(change, task)
    return change.done()


def on_reopened(job: Job, task: Task, event: e.TaskReopened, now: datetime) -> Decision | Ignored:
    if task.state not in REOPENED or job.state.is_final:
        return Ignored(f"task is {task.state}")
    change = Change(job if task.parent_id or job.is_graph else replace(job, position=task.position))
    if job.state is JobState.PENDING:
        change.move_job(JobState.SCHEDULED, change.job)
    again = replace(task, error=None, failed_at=None, started_at=now, progress=0.0)
    if task.children is None:
        _resume_job(change, task, again, now)
        return change.done()
    ended = task.children.total - event.left
    children = replace(task.children, begun=ended, ended=ended, failed=0, waiting=0)
    again = replace(again, children=children, state=TaskState.RUNNING)
    again = _come_to(change, again, ended / max(children.total, 1) * 100)
    again = change.reopen_task(task, begin_more(change, again))
    if children.all_ended:
        complete_made_of_others(change, again, None, now)
    return change.done()


def on_subjob_ended(
    job: Job, task: Task, event: e.SubJobEnded, now: datetime
) -> Decision | Ignored:
    if task.state is not TaskState.RUNNING or task.subjob_id is None:
        return Ignored(f"task is {task.state}")
    if task.dispatch != event.dispatch:
        return Ignored(f"it waits for dispatch {task.dispatch}, not {event.dispatch}")
    change = Change(job)
    if event.error is None:
        complete_made_of_others(change, task, event.result, now)
    else:
        _fail(change, task, event.error, now)
    return change.done()


def _add_progress(change: Change, task: Task, delta: float) -> Task:
    """`delta` percent of one child."""
    assert task.children is not None  # noqa: S101 - every caller has looked
    return _come_to(change, task, task.progress + delta / task.children.total)


def _come_to(change: Change, task: Task, progress: float) -> Task:
    progress = min(max(progress, 0.0), 100.0)
    further = replace(task, progress=progress)
    change.tasks[task.id] = further
    spread_progress(change, further, progress - task.progress)
    return further


def _fail_family(change: Change, task: Task, error: str, now: datetime) -> None:
    change.send(c.CancelTasks(task.job_id, task.id))
    _fail(change, task, error, now)


def _fail(change: Change, task: Task, error: str, now: datetime) -> None:
    change.move_task(task, TaskState.FAILED, replace(task, failed_at=now, error=error))
    task_failed(change, task, error, now, was_taken=False)


def _resume_job(change: Change, before: Task, again: Task, now: datetime) -> None:
    """A new dispatch: what the sub-job said of its last end no longer counts."""
    waiting = change.reopen_task(before, replace(again, dispatch=before.dispatch + 1))
    assert waiting.subjob_id is not None  # noqa: S101 - a task made of others has children or a job
    change.send(c.ResumeSubJob(waiting.subjob_id, waiting.dispatch))
    if change.job.state is JobState.SCHEDULED:
        start_job(change, now)
