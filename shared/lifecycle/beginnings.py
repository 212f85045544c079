"""How a task begins, once it is planned: sent to a worker, opened into children, or as a job."""

from collections.abc import Iterator
from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import events as e
from shared.lifecycle import family_events as f
from shared.lifecycle.decision import Decision, DecisionBuilder, Ignored
from shared.lifecycle.endings import COUNTED, counts_as_done, task_done, task_failed
from shared.lifecycle.keys import TaskKey, TaskPosition, derived_id, earliest
from shared.lifecycle.planned import EarlierEnd, Offspring, Planned, SubJob
from shared.lifecycle.progressions import progression_of
from shared.lifecycle.replacing import replace
from shared.lifecycle.states import JobState, TaskKind, TaskState
from shared.lifecycle.values import NOT_PLANNED, Children, Job, PlannedTask, Task

Begun = tuple[DecisionBuilder, Task]


def on_planned(
    job: Job, task: Task | None, event: e.PlanEvent, now: datetime
) -> Decision | Ignored:
    """Its expressions were evaluated: it begins, or has come to its end already."""
    begun = _turn_of(job, task, event.task, now)
    if isinstance(begun, Ignored):
        return begun
    builder, task = begun
    match event:
        case e.TaskPlanned(planned=planned):
            version = max(task.spec_version, planned.spec_version)
            plan = prioritized(job, planned.task)
            begun_task = replace(task, plan=plan, spec_version=version)
            begin(builder, begun_task, planned, now)
        case e.TaskPlanFailed(plan=plan, error=error):
            failed = replace(task, plan=plan, state=TaskState.FAILED, failed_at=now, error=error)
            builder.begin_task(task, failed)
            task_failed(builder, failed, error, now, was_claimed=False)
        case e.TaskReused(plan=plan, end=end):
            _end_as(builder, replace(task, plan=plan), end, now)
        case e.TaskSkipped(plan=plan):
            skipped = replace(task, plan=plan, state=TaskState.SKIPPED, completed_at=now)
            builder.begin_task(task, skipped)
            task_done(builder, skipped, now, was_claimed=False)
    return builder.build()


def _end_as(builder: DecisionBuilder, task: Task, end: EarlierEnd, now: datetime) -> None:
    """Nothing of it runs."""
    builder.job = replace(builder.job, kept_bytes=builder.job.kept_bytes + end.kept_bytes)
    done = replace(
        task,
        state=TaskState.COMPLETED,
        completed_at=now,
        progress=100.0,
        result=end.result,
        exit_code=end.exit_code,
        log_parts=0,
        reused_from=end.task_id,
    )
    builder.begin_task(task, done)
    if task.plan.var and end.result is not None:
        builder.send(c.SetVariable(task.job_id, task.plan.var, end.result))
    task_done(builder, task, now, was_claimed=False)  # with the progress it had


def begin(builder: DecisionBuilder, task: Task, planned: Planned, now: datetime) -> None:
    if builder.job.state is JobState.PENDING:
        builder.move_job(replace(builder.job, state=JobState.SCHEDULED))
    if planned.offspring is not None:
        _open_children(builder, task, planned.offspring, now)
    elif planned.subjob is not None:
        _open_job(builder, task, planned.subjob, now)
    else:
        ready = ready_or_held_back(builder.job, task, now)
        builder.begin_task(task, ready)
        builder.send(*request_worker(ready))


def ready_or_held_back(job: Job, task: Task, now: datetime) -> Task:
    """As `queued`, or as it waits for the limits of its job."""
    opens_at = now if job.slots is None else job.slots.opens_at(now)
    # A gang has its slots with its nodes: the round that places it sees to them.
    if opens_at == now or task.plan.is_in_gang:
        return queued(task, now)
    # The next alone has a time: others would come to find that it has taken its turn.
    is_next = job.slots is not None and job.slots.next_id in (None, task.id)
    due_at = opens_at if is_next else None
    return replace(
        task, state=TaskState.PENDING, due_at=due_at, deadline_at=None, is_held_back=True
    )


def prioritized(job: Job, plan: PlannedTask) -> PlannedTask:
    """With the priority that the job has been given, if any."""
    if (priority := job.priority) is None:
        return plan
    placement = plan.placement and replace(plan.placement, priority=priority)
    return replace(plan, priority=priority, placement=placement)


def queued(task: Task, now: datetime) -> Task:
    """As the task goes to its queue, or as the execution waits for a node."""
    limit = task.plan.queue_timeout
    if task.plan.is_execution:
        state, deadline_at = TaskState.PENDING, None if limit is None else now + limit
    else:
        state, deadline_at = TaskState.SCHEDULED, now + limit if limit else None
    return replace(
        task,
        state=state,
        scheduled_at=now,
        deadline_at=deadline_at,
        due_at=None,
        is_held_back=False,
    )


def request_worker(task: Task) -> tuple[c.Command, ...]:
    """For a task that is `queued`, or held back."""
    if task.is_held_back:
        return ()
    return (c.AskPlacement() if task.plan.is_execution else c.RunTask(task),)


def begin_more(builder: DecisionBuilder, parent: Task, children: Children) -> Task:
    """Have as many further children begin as have a free slot; the parent as it then is."""
    is_placed = parent.plan.placement is not None
    slots = children.executions_to_plan if is_placed else children.free_slots
    if slots:
        by_sequence = parent.plan.kind is TaskKind.SPAWN
        builder.send(c.BeginChildren(parent.job_id, parent.id, slots, by_sequence))
        children = replace(children, begun=children.begun + slots, waiting=children.waiting + slots)
    if is_placed and children.executions_to_plan:  # no worker's claim will have them begin
        builder.send(c.ContinueChildren(parent.job_id, parent.id))
    return replace(parent, children=children)


def settle_children(builder: DecisionBuilder, task: Task, now: datetime) -> None:
    """All children of `task`, which has just begun or been reopened, may have ended: then so has
    it, unless it is kept running or waits for nodes that match."""
    children, placement = task.children, task.plan.placement
    assert children is not None  # noqa: S101 - for the type checker
    if placement is not None and placement.type.is_kept_running:
        is_up = placement.type.is_on_every_node or not children.total
        if is_up and task.progress < COUNTED:
            counts_as_done(builder, task, now)
    elif placement is not None and not children.total and placement.type.is_on_every_node:
        pass  # until nodes have matched, or none has
    elif children.all_ended:
        end_children(builder, task, children, now)
    elif children.is_sequence_over:
        builder.send(c.OpenSequence(task.job_id, task.id))
    if placement is not None and placement.type.is_on_every_node:
        builder.send(c.AskPlacement())


def end_children(builder: DecisionBuilder, task: Task, children: Children, now: datetime) -> None:
    """As many as must have succeeded. Their results are gathered only where somebody reads them."""
    if task.plan.var:
        by_sequence = task.plan.kind is TaskKind.SPAWN
        builder.send(c.CollectResults(task.job_id, task.id, children.total, by_sequence))
    else:
        complete_composite(builder, task, None, now)


def complete_composite(
    builder: DecisionBuilder, task: Task, result: str | None, now: datetime
) -> None:
    """All that the RUNNING `task` stands for has come to a good end."""
    done = replace(task, state=TaskState.COMPLETED, completed_at=now, progress=100.0, result=result)
    builder.move_task(task, done)
    if task.plan.var and result is not None:
        builder.send(c.SetVariable(task.job_id, task.plan.var, result))
    # with the progress it had: the rest was missing
    task_done(builder, task, now, was_claimed=False)


def start_job(builder: DecisionBuilder, now: datetime) -> None:
    """The first of its tasks runs."""
    job = builder.job
    timed_out_at = now + job.timeout if job.timeout else None
    builder.move_job(
        replace(
            job,
            state=JobState.RUNNING,
            started_at=job.started_at or now,
            run_started_at=now,
            deadline_at=earliest(job.deadline_at, timed_out_at),
        )
    )


def _turn_of(
    job: Job, task: Task | None, named: TaskKey | TaskPosition, now: datetime
) -> Begun | Ignored:
    """The task that may begin now, and its job come to it."""
    if job.state.is_final:
        return Ignored(f"job is {job.state}")
    if isinstance(named, TaskPosition):
        return _next_of_list(job, named.position, now)
    if task is None:
        return Ignored("no such task")
    if task.state is not TaskState.CREATED:
        return Ignored(f"task is {task.state}")
    return DecisionBuilder(job), task


def _next_of_list(job: Job, position: int, now: datetime) -> Begun | Ignored:
    progression = progression_of(job)
    if (reason := progression.not_awaited(job, position)) is not None:
        return Ignored(reason)
    task = Task(
        id=derived_id(job.id, position, job.restarts),
        job_id=job.id,
        position=position,
        plan=NOT_PLANNED,
        state=TaskState.CREATED,
        created_at=now,
        spec_version=job.spec_version,
    )
    return DecisionBuilder(progression.at(job, position)), task


def _open_children(
    builder: DecisionBuilder, task: Task, offspring: Offspring, now: datetime
) -> None:
    total = len(offspring.scopes)
    required = total if offspring.required is None else min(offspring.required, total)
    spawns = offspring.spawns
    children = Children(
        total=total,
        required=required,
        concurrency=offspring.concurrency,
        finishes=offspring.finishes,
        most=spawns.most if spawns else 0,
        opened=total if spawns and spawns.has_barrier else None,
    )
    _tell_parent_of_start(builder, task)
    opened = begin_more(builder, _running(task, now), children)
    builder.begin_task(task, opened)
    for child in _children(task, offspring, now):
        builder.add_task(child)
    settle_children(builder, opened, now)


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
            sequence=None if offspring.spawns is None else 0,
        )


def _open_job(builder: DecisionBuilder, task: Task, subjob: SubJob, now: datetime) -> None:
    _tell_parent_of_start(builder, task)
    waiting = replace(_running(task, now), subjob_id=subjob.job.id)
    builder.begin_task(task, waiting)
    if not subjob.is_detached:
        subjob = replace(subjob, job=replace(subjob.job, priority=builder.job.priority))
    builder.send(c.SubmitSubJob(subjob))
    if builder.job.state is JobState.SCHEDULED:
        start_job(builder, now)
    if subjob.is_detached:
        complete_composite(builder, waiting, None, now)


def _running(task: Task, now: datetime) -> Task:
    """A composite task runs as soon as it begins."""
    return replace(task, state=TaskState.RUNNING, scheduled_at=now, started_at=now)


def _tell_parent_of_start(builder: DecisionBuilder, task: Task) -> None:
    if task.parent_id is not None:
        builder.send(c.Tell(f.ChildStarted(task.job_id, task.parent_id, via_worker=False)))
