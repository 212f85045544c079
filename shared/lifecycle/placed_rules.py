"""What events make of placed tasks and of their executions: one function for each.

Of an execution that is recalled nothing runs elsewhere before its worker has let go of it, and
until then its node has no room for another.
"""

from datetime import datetime

from shared.lifecycle import commands as c
from shared.lifecycle import placed_events as p
from shared.lifecycle.attempts import fail_attempt, next_attempt, send_again, stop_order
from shared.lifecycle.beginnings import begin_more, start_job
from shared.lifecycle.decision import Decision, DecisionBuilder, Ignored, refused
from shared.lifecycle.endings import COUNTED, counts_as_done, task_failed
from shared.lifecycle.family_events import ChildEnded, ChildStarted
from shared.lifecycle.keys import derived_id
from shared.lifecycle.policies import Failure
from shared.lifecycle.replacing import replace
from shared.lifecycle.states import JobState, PlacementType, TaskState
from shared.lifecycle.values import NOT_PLANNED, Children, Job, Task


def on_placed(job: Job, task: Task, event: p.ExecutionPlaced, now: datetime) -> Decision | Ignored:
    if (ignored := _not_waiting(task)) is not None:
        return ignored
    if task.dispatch != event.dispatch:
        return Ignored(f"it waits as dispatch {task.dispatch}")
    builder = DecisionBuilder(job)
    placed = replace(
        task,
        state=TaskState.SCHEDULED,
        node_id=event.node_id,
        scheduled_at=now,
        deadline_at=None,
        last_return_reason=None,
    )
    builder.move_task(task, placed)
    builder.send(c.RunTask(placed))
    return builder.build()


def on_nodes_matched(
    job: Job, task: Task, event: p.NodesMatched, now: datetime
) -> Decision | Ignored:
    children = _of_every_node(task)
    if isinstance(children, Ignored):
        return children
    if children.total != event.total:
        return Ignored(f"it has {children.total} executions by now")
    builder = DecisionBuilder(job)
    for index, node_id in enumerate(event.node_ids, start=children.total):
        builder.add_task(_execution_on(task, index, node_id, now))
    more = len(event.node_ids)
    grown = replace(children, total=children.total + more, required=children.required + more)
    builder.tasks[task.id] = begin_more(builder, task, grown)
    return builder.build()


def on_placement_failed(
    job: Job, task: Task, event: p.PlacementFailed, now: datetime
) -> Decision | Ignored:
    builder = DecisionBuilder(job)
    if task.plan.is_execution:
        if (ignored := _not_waiting(task)) is not None:
            return ignored
        fail_attempt(builder, task, Failure(event.error, "queue"), now)
        return builder.build()
    children = _of_every_node(task)
    if isinstance(children, Ignored):
        return children
    if children.total:
        return Ignored(f"it has {children.total} executions by now")
    failed = replace(task, state=TaskState.FAILED, failed_at=now, error=event.error)
    builder.move_task(task, failed)
    task_failed(builder, task, event.error, now, was_claimed=False)
    return builder.build()


def on_recalled(
    job: Job, task: Task, event: p.ExecutionRecalled, now: datetime
) -> Decision | Ignored:
    if task.state is TaskState.CREATED and event.reason == "scale":
        builder = DecisionBuilder(job)
        builder.move_task(task, replace(task, state=TaskState.CANCELLED, recall=event.reason))
        return builder.build()
    if not task.plan.is_execution or task.state.is_final:
        return Ignored(f"task is {task.state}")
    if task.dispatch != event.dispatch:
        return Ignored(f"it is dispatch {task.dispatch} by now")
    builder = DecisionBuilder(job)
    if task.state is TaskState.RUNNING:
        if task.recall == event.reason:
            return Ignored("its worker was asked already")
        builder.tasks[task.id] = replace(task, recall=event.reason)
    elif task.state is TaskState.PENDING and event.reason == "drain":
        return Ignored("it is on no node")
    else:
        _let_go(builder, task, event.reason, now)
    builder.send(*stop_order(task, f"recalled: {event.reason}"))
    return builder.build()


def on_ended(job: Job, task: Task, failure: Failure, now: datetime) -> Decision:
    """An attempt at an execution that was recalled, or should have been kept running, has ended."""
    builder = DecisionBuilder(job)
    if task.recall is not None:
        _let_go(builder, task, task.recall, now)
    else:
        fail_attempt(builder, task, failure, now)
    return builder.build()


def on_let_go(job: Job, task: Task, reason: str, now: datetime) -> Decision:
    """Its worker has handed it back, or is lost, after it was recalled."""
    builder = DecisionBuilder(job)
    _let_go(builder, task, reason, now)
    return builder.build()


def on_adopted(
    job: Job, task: Task, event: p.ExecutionAdopted, now: datetime
) -> Decision | Ignored:
    """By the dispatch that its container was started as, also where that was given up since: no
    worker was ever sent the one that waits for a node."""
    ref = event.job_id, event.task_id, event.dispatch, event.node_id
    is_running = task.state is TaskState.RUNNING and task.dispatch == event.dispatch
    if is_running and task.node_id == event.node_id:
        return Ignored("adopted already", (c.GrantClaim(*ref),))
    is_left = is_running and task.node_id == event.from_node_id
    is_waiting = _not_waiting(task) is None and task.dispatch == event.dispatch + 1
    if not task.plan.is_execution or not (is_left or is_waiting):
        return refused(event, f"task is {task.state}, dispatch {task.dispatch}")
    builder = DecisionBuilder(job)
    adopted = replace(
        task,
        state=TaskState.RUNNING,
        node_id=event.node_id,
        dispatch=event.dispatch,
        lease_expires_at=now + event.lease,
    )
    if is_left:
        builder.change_task(adopted)
    else:
        _run_again(builder, task, adopted, now)
    builder.send(c.GrantClaim(*ref))
    return builder.build()


def on_execution_started(
    job: Job, task: Task, children: Children, now: datetime
) -> Decision | Ignored:
    if not task.plan.is_kept_running:
        return Ignored("its executions begin without waiting for one another")
    builder = DecisionBuilder(job)
    running = replace(children, running=children.running + 1)
    task = builder.tasks[task.id] = replace(task, children=running)
    if is_up(task, running):
        counts_as_done(builder, task, now)
    return builder.build()


def is_up(task: Task, children: Children) -> bool:
    """Whether all executions of the service run, and it was not counted as done before."""
    return children.running >= children.total and task.progress < COUNTED


def on_execution_stopped(job: Job, task: Task, _: p.ExecutionStopped) -> Decision | Ignored:
    children = executions_of(task)
    if isinstance(children, Ignored):
        return children
    fewer = replace(children, running=max(children.running - 1, 0))
    return Decision(job, tasks=(replace(task, children=fewer),))


def on_execution_renewed(job: Job, task: Task, _: p.ExecutionRenewed) -> Decision | Ignored:
    children = executions_of(task)
    if isinstance(children, Ignored):
        return children
    builder = DecisionBuilder(job)
    fewer = replace(children, begun=children.begun - 1)
    builder.tasks[task.id] = begin_more(builder, task, fewer)
    return builder.build()


def on_execution_removed(job: Job, task: Task, event: p.ExecutionRemoved) -> Decision | Ignored:
    children = executions_of(task)
    if isinstance(children, Ignored):
        return children
    builder = DecisionBuilder(job)
    if _type_of(task) is PlacementType.DAEMON:
        builder.tasks[task.id] = replace(task, children=replace(children, ended=children.ended + 1))
    elif (event.successor.child_index or 0) < children.total:
        builder.add_task(event.successor)
        fewer = replace(children, begun=children.begun - 1)
        builder.tasks[task.id] = begin_more(builder, task, fewer)
    else:
        return Ignored("it has not been counted since there were too many")
    return builder.build()


def _let_go(builder: DecisionBuilder, task: Task, reason: str, now: datetime) -> None:
    if reason == "drain":
        send_again(builder, task, now)
        return
    gone = replace(
        task,
        state=TaskState.CANCELLED,
        recall=reason,
        lease_expires_at=None,
        deadline_at=None,
        due_at=None,
    )
    builder.move_task(task, gone)
    parent = task.job_id, str(task.parent_id)
    successor = replace(next_attempt(task, now, task.attempt + 1), plan=NOT_PLANNED)
    if reason == "scale" and _type_of(task) is PlacementType.OPS:
        missing = 100.0 - task.progress
        builder.send(c.Tell(ChildEnded(*parent, missing, was_claimed=False)))
    elif reason == "scale":
        builder.send(c.Tell(p.ExecutionRemoved(*parent, successor)))
    else:
        builder.add_task(successor)
        builder.send(c.Tell(p.ExecutionRenewed(*parent)))


def _run_again(builder: DecisionBuilder, before: Task, adopted: Task, now: datetime) -> None:
    timeout = adopted.plan.timeout
    deadline_at = now + timeout if timeout else None
    builder.move_task(before, replace(adopted, started_at=now, deadline_at=deadline_at))
    if builder.job.state is JobState.SCHEDULED:
        start_job(builder, now)
    if before.plan.is_kept_running and before.parent_id is not None:
        builder.send(c.Tell(ChildStarted(before.job_id, before.parent_id)))


def _execution_on(parent: Task, index: int, node_id: str, now: datetime) -> Task:
    return Task(
        id=derived_id(parent.id, index),
        job_id=parent.job_id,
        position=parent.position,
        plan=NOT_PLANNED,
        state=TaskState.CREATED,
        created_at=now,
        parent_id=parent.id,
        child_index=index,
        scope=parent.scope,
        pinned_to=node_id,
    )


def _type_of(task: Task) -> PlacementType | None:
    return task.plan.placement.type if task.plan.placement is not None else None


def executions_of(task: Task) -> Children | Ignored:
    if task.state is not TaskState.RUNNING or task.children is None:
        return Ignored(f"task is {task.state}")
    if task.plan.placement is None:
        return Ignored(f"task is {task.plan.kind}, and not placed")
    return task.children


def _of_every_node(task: Task) -> Children | Ignored:
    placement = task.plan.placement
    if placement is not None and not placement.type.is_on_every_node:
        return Ignored(f"a {placement.type} has executions for partitions, not for nodes")
    return executions_of(task)


def _not_waiting(task: Task) -> Ignored | None:
    is_waiting = task.state is TaskState.PENDING and task.due_at is None
    if task.plan.is_execution and is_waiting and not task.is_held_back:
        return None
    return Ignored(f"task is {task.state}, and waits for no node")
