"""What the events of children and sub-jobs make of their parent: one function for each."""

from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import events as e
from shared.lifecycle import family_events as f
from shared.lifecycle import placed_rules
from shared.lifecycle.beginnings import (
    begin_more,
    complete_composite,
    end_children,
    settle_children,
    start_job,
)
from shared.lifecycle.decision import Decision, DecisionBuilder, Ignored
from shared.lifecycle.endings import has_counted, spread_progress, task_failed
from shared.lifecycle.progressions import progression_of
from shared.lifecycle.replacing import replace
from shared.lifecycle.states import REOPENED, JobState, PlacementType, TaskState
from shared.lifecycle.values import Children, Job, Task


def on_child_started(
    job: Job, task: Task, event: f.ChildStarted, now: datetime
) -> Decision | Ignored:
    children = open_children(task)
    if isinstance(children, Ignored):
        return children
    if task.plan.placement is not None:
        return placed_rules.on_execution_started(job, task, children, now)
    if not event.via_worker and not children.concurrency:
        # All would begin: nothing but their ends says how many are enough.
        return Ignored("nobody has said how many may be active")
    if children.begun == children.total:
        return Ignored("all of its children have begun")
    builder = DecisionBuilder(job)
    claimed = replace(children, waiting=max(children.waiting - 1, 0))
    builder.tasks[task.id] = begin_more(builder, task, claimed)
    return builder.build()


def on_children_put_off(job: Job, task: Task, event: f.ChildrenPutOff) -> Decision | Ignored:
    children = open_children(task)
    if isinstance(children, Ignored):
        return children
    builder = DecisionBuilder(job)
    begun, waiting = children.begun - event.count, max(children.waiting - event.count, 0)
    fewer = replace(children, begun=begun, waiting=waiting)
    builder.tasks[task.id] = replace(task, children=fewer)
    builder.send(c.ContinueChildren(job.id, task.id))
    return builder.build()


def on_children_continued(job: Job, task: Task, _: f.ChildrenContinued) -> Decision | Ignored:
    children = open_children(task)
    if isinstance(children, Ignored):
        return children
    has_free = children.executions_to_plan if task.plan.placement else children.free_slots
    if not has_free:
        return Ignored("no further child may begin now")
    builder = DecisionBuilder(job)
    builder.tasks[task.id] = begin_more(builder, task, children)
    return builder.build()


def on_child_progressed(job: Job, task: Task, event: f.ChildProgressed) -> Decision | Ignored:
    children = open_children(task)
    if isinstance(children, Ignored):
        return children
    if task.plan.is_kept_running:
        return Ignored("it is kept running, however far its executions are")
    builder = DecisionBuilder(job)
    come_to(builder, task, task.progress + event.delta / children.total)
    return builder.build()


def on_child_ended(job: Job, task: Task, event: f.ChildEnded, now: datetime) -> Decision | Ignored:
    before = open_children(task)
    if isinstance(before, Ignored):
        return before
    builder = DecisionBuilder(job)
    children = replace(
        before,
        ended=before.ended + 1,
        failed=before.failed + (event.error is not None),
        waiting=max(before.waiting - (not event.was_claimed), 0),
    )
    task = replace(task, children=children)
    if _has_failed(task, children):
        builder.send(c.CancelTasks(task.job_id, task.id))
        first = None if children.finishes else event.error
        _fail(builder, task, first or _too_many(children), now)
        return builder.build()
    task = come_to(builder, task, task.progress + event.delta / children.total)
    if children.all_ended:
        end_children(builder, task, children, now)
    elif children.is_sequence_over:
        builder.send(c.OpenSequence(job.id, task.id))
    else:
        builder.tasks[task.id] = begin_more(builder, task, children)
    return builder.build()


def on_results_collected(
    job: Job, task: Task, event: f.ResultsCollected, now: datetime
) -> Decision | Ignored:
    if (ignored := _still_open(task)) is not None:
        return ignored
    builder = DecisionBuilder(job)
    complete_composite(builder, task, event.results, now)
    return builder.build()


def on_results_too_large(
    job: Job, task: Task, event: f.ResultsTooLarge, now: datetime
) -> Decision | Ignored:
    if (ignored := _still_open(task)) is not None:
        return ignored
    builder = DecisionBuilder(job)
    _fail(builder, task, event.error, now)
    return builder.build()


def on_reopened(job: Job, task: Task, event: e.TaskReopened, now: datetime) -> Decision | Ignored:
    has_tolerated = task.children is not None and task.children.failed > 0
    is_done = task.state is TaskState.COMPLETED and not has_tolerated
    if task.state not in REOPENED or is_done or job.state.is_final:
        return Ignored(f"task is {task.state}")
    is_counted = has_counted(task)
    builder = DecisionBuilder(job)
    if task.parent_id is None and not is_counted:
        builder.job = progression_of(job).at(job, task.position)
    if job.state is JobState.PENDING:
        builder.move_job(replace(builder.job, state=JobState.SCHEDULED))
    progress = task.progress if is_counted else 0.0
    again = replace(
        task,
        state=TaskState.RUNNING,
        result=None,
        error=None,
        completed_at=None,
        failed_at=None,
        started_at=now,
        progress=progress,
    )
    if task.children is not None:
        ended = task.children.total - event.left
        children = replace(task.children, begun=ended, ended=ended, failed=0, waiting=0, running=0)
        if children.opened is not None:
            children = replace(children, opened=ended)  # all that are left wait for their sequence
        _resume_children(builder, task, again, children, now)
    elif task.subjob_id is not None:
        _resume_job(builder, task, again, task.subjob_id, now)
    else:
        return Ignored(f"task is {task.plan.kind}, and nothing of it goes on")
    return builder.build()


def on_subjob_ended(
    job: Job, task: Task, event: e.SubJobEnded, now: datetime
) -> Decision | Ignored:
    if task.state is not TaskState.RUNNING or task.subjob_id is None:
        return Ignored(f"task is {task.state}")
    if task.dispatch != event.dispatch:
        return Ignored(f"it waits for dispatch {task.dispatch}, not {event.dispatch}")
    builder = DecisionBuilder(job)
    if event.error is None:
        complete_composite(builder, task, event.result, now)
    else:
        _fail(builder, task, event.error, now)
    return builder.build()


def open_children(task: Task) -> Children | Ignored:
    if task.state is TaskState.RUNNING and task.children is not None:
        return task.children
    return Ignored(f"task is {task.state}")


def _still_open(task: Task) -> Ignored | None:
    children = open_children(task)
    if isinstance(children, Ignored):
        return children
    return None if children.all_ended else Ignored("some of its children have not ended")


def _has_failed(task: Task, children: Children) -> bool:
    """What runs on every node that matches does so to its end on each."""
    placement = task.plan.placement
    is_on_every_node = placement is not None and placement.type is PlacementType.OPS
    waits = children.finishes or is_on_every_node
    return not children.can_succeed and (children.all_ended or not waits)


def _too_many(children: Children) -> str:
    return f"{children.failed} of its {children.total} tasks failed"


def come_to(builder: DecisionBuilder, task: Task, progress: float) -> Task:
    progress = min(max(progress, 0.0), 100.0)
    further = replace(task, progress=progress)
    builder.tasks[task.id] = further
    spread_progress(builder, further, progress - task.progress)
    return further


def _fail(builder: DecisionBuilder, task: Task, error: str, now: datetime) -> None:
    failed = replace(task, state=TaskState.FAILED, failed_at=now, error=error)
    builder.move_task(task, failed)
    task_failed(builder, task, error, now, was_claimed=False)


def _resume_children(
    builder: DecisionBuilder,
    before: Task,
    again: Task,
    children: Children,
    now: datetime,
) -> None:
    if not again.plan.is_kept_running:
        again = come_to(builder, again, children.ended / max(children.total, 1) * 100)
    again = begin_more(builder, again, children)
    builder.reopen_task(before, again)
    settle_children(builder, again, now)


def _resume_job(
    builder: DecisionBuilder, before: Task, again: Task, subjob_id: str, now: datetime
) -> None:
    """A new dispatch: what the sub-job said of its last end no longer counts."""
    waiting = replace(again, dispatch=before.dispatch + 1)
    builder.reopen_task(before, waiting)
    builder.send(c.ResumeSubJob(subjob_id, waiting.dispatch))
    if builder.job.state is JobState.SCHEDULED:
        start_job(builder, now)
