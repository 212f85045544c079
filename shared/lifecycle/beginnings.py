"""How a task begins, once it is planned: sent to a worker, opened into children, or as a job."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import events as e
from shared.lifecycle.children import Children
from shared.lifecycle.decision import Change
from shared.lifecycle.endings import task_done, task_failed
from shared.lifecycle.ids import derived_id
from shared.lifecycle.states import JobState, TaskKind, TaskState
from shared.lifecycle.values import NOT_PLANNED, Offspring, Planned, PlannedTask, Task


def new_task(job_id: str, position: int, restarts: int, now: datetime) -> Task:
    """A task of the job's own list, about to begin."""
    return Task(
        id=derived_id(job_id, position, restarts),
        job_id=job_id,
        position=position,
        plan=NOT_PLANNED,
        state=TaskState.CREATED,
        created_at=now,
    )


def begin(change: Change, task: Task, planned: Planned, now: datetime, *, is_new: bool) -> None:
    """`task` is CREATED; `is_new` when it has no row yet."""
    task = replace(task, plan=planned.task)
    if planned.task.kind is TaskKind.TASK:
        ready = queued(task, now)
        _put(change, task, TaskState.SCHEDULED, ready, is_new=is_new)
        change.send(c.RunTask(replace(ready, state=TaskState.SCHEDULED)))
        return
    if task.parent_id is not None:
        change.send(c.Tell(e.ChildStarted(task.job_id, task.parent_id, by_worker=False)))
    if planned.offspring is not None:
        _open_family(change, task, planned.offspring, now, is_new=is_new)
    else:
        _open_job(change, task, planned, now, is_new=is_new)


def fail_to_begin(
    change: Change, task: Task, plan: PlannedTask, error: str, now: datetime, *, is_new: bool
) -> None:
    failed = replace(task, plan=plan, failed_at=now, error=error)
    _put(change, task, TaskState.FAILED, failed, is_new=is_new)
    task_failed(change, failed, error, now, was_taken=False)


def skip(change: Change, task: Task, plan: PlannedTask, now: datetime, *, is_new: bool) -> None:
    skipped = replace(task, plan=plan, completed_at=now)
    _put(change, task, TaskState.SKIPPED, skipped, is_new=is_new)
    task_done(change, skipped, now, was_taken=False)


def queued(task: Task, now: datetime) -> Task:
    """As the task goes to its queue; its state is the caller's to set."""
    limit = task.plan.queue_timeout
    return replace(task, scheduled_at=now, deadline_at=now + limit if limit else None)


def begin_more(change: Change, parent: Task) -> Task:
    """Have as many further children begin as there is room for; the parent as it then is."""
    children = parent.children
    assert children is not None  # noqa: S101 - only tasks with children come here
    room = children.room
    if not room:
        return parent
    change.send(c.BeginChildren(parent.job_id, parent.id, room))
    more = replace(children, begun=children.begun + room, waiting=children.waiting + room)
    return replace(parent, children=more)


def complete_made_of_others(change: Change, task: Task, result: str | None, now: datetime) -> None:
    """All that the RUNNING `task` stands for has come to a good end."""
    done = replace(task, completed_at=now, progress=100.0, result=result)
    change.move_task(task, TaskState.COMPLETED, done)
    if task.plan.var and result is not None:
        change.send(c.SetVariable(task.job_id, task.plan.var, result))
    task_done(change, task, now, was_taken=False)  # with the progress it had: the rest was missing


def _put(change: Change, before: Task, state: TaskState, task: Task, *, is_new: bool) -> None:
    if is_new:
        change.add_task(replace(task, state=state))
    else:
        change.move_task(before, state, task)


def _open_family(
    change: Change, task: Task, offspring: Offspring, now: datetime, *, is_new: bool
) -> None:
    total = len(offspring.scopes)
    required = total if offspring.required is None else min(offspring.required, total)
    children = Children(total=total, required=required, concurrency=offspring.concurrency)
    running = replace(task, scheduled_at=now, started_at=now, children=children)
    opened = begin_more(change, replace(running, state=TaskState.RUNNING))
    _put(change, task, TaskState.RUNNING, opened, is_new=is_new)
    for child in _children(task, offspring, now):
        change.add_task(child)
    if not total:
        complete_made_of_others(change, opened, None, now)


def _children(task: Task, offspring: Offspring, now: datetime) -> Iterator[Task]:
    for child_index, scope in enumerate(offspring.scopes):
        yield Task(
            id=derived_id(task.id, child_index),
            job_id=task.job_id,
            position=task.position,
            plan=NOT_PLANNED,
            state=TaskState.CREATED,
            created_at=now,
            parent_id=task.id,
            child_index=child_index,
            scope=scope,
        )


def _open_job(change: Change, task: Task, planned: Planned, now: datetime, *, is_new: bool) -> None:
    subjob = planned.subjob
    assert subjob is not None and planned.task.kind is TaskKind.SUBJOB  # noqa: S101, PT018 - as `begin` found
    running = replace(task, scheduled_at=now, started_at=now, subjob_id=subjob.job.id)
    _put(change, task, TaskState.RUNNING, running, is_new=is_new)
    change.send(c.SubmitSubJob(subjob))
    if change.job.state is JobState.SCHEDULED:
        start_job(change, now)
    if subjob.is_detached:
        complete_made_of_others(change, replace(running, state=TaskState.RUNNING), None, now)


def start_job(change: Change, now: datetime) -> None:
    """The first of its tasks runs."""
    job = change.job
    deadline = now + job.timeout if job.timeout else None
    started = replace(job, started_at=job.started_at or now, deadline_at=deadline)
    change.move_job(JobState.RUNNING, started)
