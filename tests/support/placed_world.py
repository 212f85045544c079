"""Jobs of placed tasks in a world in memory: made, updated, checked, and brought to rest."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from shared.apply.apply import Work
from shared.definition import JobDefinition, TaskDefinition
from shared.lifecycle import (
    ChildrenContinued,
    Event,
    ExecutionPlaced,
    ExecutionRecalled,
    JobCancelled,
    JobSubmitted,
    JobUpdated,
    NodesMatched,
    PlacementType,
    Task,
    TaskClaimed,
    TaskKind,
    TaskReturned,
    TaskState,
)
from shared.planning.new_job import NewJob
from shared.planning.submission import new_job
from tests.support.family_world import World
from tests.support.world_workers import LEASE, NODES, honest_events

_ACTIVE = (TaskState.PENDING, TaskState.SCHEDULED, TaskState.RUNNING)


def submit(world: World, tasks: Sequence[TaskDefinition]) -> None:
    new = _made(world, tasks)
    world.apply(Work(JobSubmitted(new.job), new_job=new))


def update(world: World, tasks: Sequence[TaskDefinition], *, is_forced: bool) -> None:
    new = _made(world, tasks)
    world.apply(Work(JobUpdated("job", is_forced=is_forced), new_version=new))


def _made(world: World, tasks: Sequence[TaskDefinition]) -> NewJob:
    return new_job(JobDefinition(name="a job", tasks=tuple(tasks)), "job", world.now)


def check(world: World) -> None:
    job = world.jobs["job"]
    assert 0 <= job.progress <= 100
    assert 0 <= job.position <= job.task_count
    for task in world.tasks.values():
        has_worker = task.state is TaskState.RUNNING and task.plan.kind is TaskKind.TASK
        assert has_worker == (task.lease_expires_at is not None)
        assert task.state is TaskState.PENDING or task.due_at is None
        assert (task.state is TaskState.FAILED) == (task.error is not None)
        is_left = job.is_cancelling or not job.state.is_final or task.state.is_final
        assert is_left, "a task is left behind in a final job"
        if task.parent_id is not None and not task.state.is_final and not job.is_cancelling:
            assert world.tasks[task.parent_id].state is TaskState.RUNNING, "its family has ended"
        if task.state is TaskState.RUNNING and task.children is not None and not job.state.is_final:
            _check_executions(world, task)


def _check_executions(world: World, parent: Task) -> None:
    counts, last = parent.children, world.rows.children(parent.id)
    assert counts is not None
    older = [t for t in world.tasks.values() if t.parent_id == parent.id and t not in last]
    assert all(t.state.is_final for t in older), "an execution is active twice"
    wanted = last if _is_on_every_node(parent) else last[: counts.total]
    assert [t.child_index for t in wanted] == list(range(counts.total))
    assert counts.begun == sum(t.state is not TaskState.CREATED for t in wanted)
    if not world.jobs["job"].is_cancelling:
        assert counts.ended == sum(t.state.is_final for t in wanted)
    failed = sum(t.state is TaskState.FAILED for t in wanted)
    assert counts.failed == failed
    if parent.plan.is_kept_running:
        assert counts.running == sum(t.state is TaskState.RUNNING for t in last)


def _is_on_every_node(task: Task) -> bool:
    return task.plan.placement is not None and task.plan.placement.type.is_on_every_node


def finish(world: World) -> None:
    """Until nothing is left to do; then services and daemons run as they should, are cancelled with
    their job, and all is final."""
    _settle(world)
    job = world.jobs["job"]
    if not job.state.is_final:
        assert job.kept_running == job.task_count, "it does not end"
        for task in world.tasks.values():
            if task.plan.kind is TaskKind.PLACED and task.state is TaskState.RUNNING:
                _check_up_to_date(world, task)
        world.happen(JobCancelled("job"))
        _settle(world)
    assert world.jobs["job"].state.is_final
    check(world)


def _check_up_to_date(world: World, parent: Task) -> None:
    active = [t for t in world.rows.children(parent.id) if not t.state.is_final]
    assert all(t.state is TaskState.RUNNING and t.recall is None for t in active)
    assert {t.spec_version for t in active} <= {parent.spec_version}
    if parent.plan.placement and parent.plan.placement.type is PlacementType.SERVICE:
        assert parent.children is not None
        assert [t.child_index for t in active] == list(range(parent.children.total))


def _settle(world: World) -> None:
    for _ in range(200):
        world.now += timedelta(minutes=1)
        batch = [*world.messages, *world.lost_signals()]
        world.messages.clear()
        for task in world.tasks.values():
            batch += _honest(world, task)
        if not batch:
            return
        world.happen(*batch)
        check(world)
    raise AssertionError("it does not come to rest")


def _honest(world: World, task: Task) -> Iterator[Event]:
    ref = task.job_id, task.id
    if task.state not in _ACTIVE or world.jobs["job"].state.is_final:
        return
    if task.plan.kind is TaskKind.PLACED:
        yield from _of_parent(task)
    elif not task.plan.is_execution:
        yield from honest_events(task)
    elif task.state is TaskState.PENDING and task.due_at is None:
        yield ExecutionPlaced(*ref, task.dispatch, NODES[0])
    elif task.state is TaskState.SCHEDULED:
        yield TaskClaimed(*ref, task.dispatch, task.node_id or "", LEASE)
    elif task.recall is not None:
        yield TaskReturned(*ref, task.dispatch, task.node_id or "")
    elif task.spec_version < world.tasks[str(task.parent_id)].spec_version:
        yield ExecutionRecalled(*ref, task.dispatch, "update")
    elif not task.plan.is_kept_running or task.state is TaskState.PENDING:
        yield from honest_events(task)


def _of_parent(task: Task) -> Iterator[Event]:
    assert task.children is not None
    if task.children.begun < task.children.total:
        yield ChildrenContinued(task.job_id, task.id)
    is_ops = task.plan.placement is not None and task.plan.placement.type is PlacementType.OPS
    if is_ops and not task.children.total:
        yield NodesMatched(task.job_id, task.id, NODES, 0)
