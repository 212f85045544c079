"""What a new version makes of a job and of its placed tasks.

A final job begins anew. One that goes on keeps what has begun: its services and daemons take on the
new version, an execution at a time; a batch that differs is cancelled and begins again.
"""

from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import update_events as u
from shared.lifecycle.beginnings import begin, begin_more
from shared.lifecycle.decision import Decision, DecisionBuilder, Ignored
from shared.lifecycle.endings import counts_as_done, spread_progress, task_failed
from shared.lifecycle.job_rules import as_not_ended, enter, entering, not_yet_again, waited_for
from shared.lifecycle.keys import derived_id, earliest
from shared.lifecycle.lock_rules import locked_out
from shared.lifecycle.placed_rules import executions_of, is_up
from shared.lifecycle.planned import Planned
from shared.lifecycle.progressions import progression_of
from shared.lifecycle.replacing import replace
from shared.lifecycle.slots import with_limits_of
from shared.lifecycle.states import JobState, TaskState
from shared.lifecycle.values import NOT_PLANNED, Job, Task


def on_updated(job: Job, event: u.JobUpdated, now: datetime) -> Decision | Ignored:
    change = event.change
    if change is None:
        return Ignored("nothing is known of its new version")
    if event.base_version not in (None, job.spec_version):
        return Ignored(f"job is at version {job.spec_version}, not {event.base_version}")
    is_free = event.overrides_lock or not change.alters_work
    if not is_free and (ignored := locked_out(job, event.lock_key, now)) is not None:
        return ignored
    if job.state.is_final:
        return not_yet_again(job, now) or _begun_anew(job, change.job, now)
    if not job.has_entered:
        return not_yet_again(job, now) or enter(_as_submitted(job, change.job, now), now)
    if change.refused is not None:
        return Ignored(change.refused)
    return _gone_on(job, change, now)


def on_replanned(job: Job, task: Task, event: u.TaskReplanned, now: datetime) -> Decision | Ignored:
    children = executions_of(task)
    if isinstance(children, Ignored):
        return children
    builder = DecisionBuilder(job)
    planned = event.planned
    if planned is None:
        error = event.error or "it can't be planned"
        failed = replace(task, state=TaskState.FAILED, failed_at=now, error=error)
        builder.move_task(task, failed)
        builder.send(c.CancelTasks(job.id, task.id))
        task_failed(builder, task, error, now, was_claimed=False)
    elif event.keeps or task.plan.is_kept_running:
        _take_on(builder, task, planned, keeps=event.keeps)
    else:
        _begin_again(builder, task, planned, now)
    return builder.build()


def on_executions_counted(
    job: Job, task: Task, event: u.ExecutionsCounted, now: datetime
) -> Decision | Ignored:
    children = executions_of(task)
    if isinstance(children, Ignored):
        return children
    builder = DecisionBuilder(job)
    for index in event.missing:
        builder.add_task(_execution(job, task, index, now))
    counted = replace(children, begun=event.begun, running=event.running, ended=0, failed=0)
    task = builder.tasks[task.id] = begin_more(builder, task, counted)
    if is_up(task, counted):
        counts_as_done(builder, task, now)
    return builder.build()


def _begun_anew(job: Job, new: Job, now: datetime) -> Decision:
    again = _as_submitted(job if job.parent is None else waited_for(job, job.parent, 0), new, now)
    entered, begins = entering(replace(again, is_held=new.is_held), now)
    builder = DecisionBuilder(job)
    anew = as_not_ended(entered)
    builder.move_job(replace(anew, position=0, progress=0.0, kept_running=0, kept_bytes=0))
    builder.send(*begins)
    return builder.build()


def _gone_on(job: Job, change: u.JobChange, now: datetime) -> Decision:
    builder = DecisionBuilder(_as_submitted(job, change.job, now))
    new = builder.job
    if job.slots is None and new.slots is not None:
        builder.send(c.CountSlots(job.id))  # nobody has, so far
    builder.progress_job(min(job.progress * job.task_count / new.task_count, 100.0))
    if change.replanned:
        builder.send(c.ReplanPlaced(job.id, tuple(change.replanned), change.kept))
    builder.send(*progression_of(job).extended(job, new.task_count, change.ready))
    return builder.build()


def _as_submitted(job: Job, new: Job, now: datetime) -> Job:
    """The job with what a submission says of it."""
    began, timeout = job.run_started_at, new.timeout
    is_running = job.state is JobState.RUNNING and began is not None
    timed_out_at = began + timeout if is_running and began and timeout else None
    return replace(
        job,
        spec_version=job.spec_version + 1,
        task_count=new.task_count,
        has_output=new.has_output,
        has_webhooks=job.has_webhooks or new.has_webhooks,  # of submissions that have joined
        is_graph=new.is_graph,
        keeps_files=job.keeps_files or new.keeps_files,
        timeout=timeout,
        start_at=new.start_at,
        must_end_at=new.must_end_at,
        budget=new.budget,
        slots=with_limits_of(job.slots, new.slots),
        deadline_at=earliest(new.must_end_after(now), timed_out_at),
        auto_delete_after=new.auto_delete_after,
        priority=None,
    )


def _take_on(builder: DecisionBuilder, task: Task, planned: Planned, *, keeps: bool) -> None:
    """Executions that are older than it are recalled by the scheduler, some at a time."""
    job, children = builder.job, task.children
    again = replace(
        task, plan=planned.task, spec_version=task.spec_version if keeps else job.spec_version
    )
    placement, offspring = planned.task.placement, planned.offspring
    if placement and children and offspring and not placement.type.is_on_every_node:
        total = len(offspring.scopes)
        again = replace(again, children=replace(children, total=total, required=total))
        if task.plan.is_kept_running:
            builder.send(c.CountExecutions(job.id, task.id))
    builder.change_task(again)
    builder.send(c.AskPlacement())


def _begin_again(builder: DecisionBuilder, task: Task, planned: Planned, now: datetime) -> None:
    job = builder.job
    builder.move_task(task, replace(task, state=TaskState.CANCELLED))
    builder.send(c.CancelTasks(job.id, task.id))
    spread_progress(builder, task, -task.progress)
    again = Task(
        id=derived_id(job.id, task.position, job.restarts, f"version {job.spec_version}"),
        job_id=job.id,
        position=task.position,
        plan=planned.task,
        state=TaskState.CREATED,
        created_at=now,
        spec_version=job.spec_version,
    )
    begin(builder, again, planned, now)


def _execution(job: Job, parent: Task, index: int, now: datetime) -> Task:
    return Task(
        id=derived_id(parent.id, index, f"version {job.spec_version}"),
        job_id=job.id,
        position=parent.position,
        plan=NOT_PLANNED,
        state=TaskState.CREATED,
        created_at=now,
        parent_id=parent.id,
        child_index=index,
        scope=parent.scope,
    )
