"""What holds of the jobs and tasks of a world in memory at any moment."""

from shared.lifecycle import Task, TaskKind, TaskState
from tests.support.family_world import World, is_stalled

ACTIVE = (TaskState.PENDING, TaskState.SCHEDULED, TaskState.RUNNING)


def check(world: World) -> None:
    for task in world.tasks.values():
        job = world.jobs[task.job_id]
        assert 0 <= task.progress <= 100
        check_columns(task)
        if task.state is TaskState.CREATED or task.state in ACTIVE:
            is_left = job.is_cancelling
            assert is_left or not job.state.is_final, "a task is left behind in a final job"
            if task.parent_id is not None:
                parent = world.tasks[task.parent_id]
                waits = parent.state is TaskState.CREATED and task.state is TaskState.CREATED
                assert is_left or parent.state is TaskState.RUNNING or waits, "its family has ended"
        if task.state is TaskState.RUNNING and task.children is not None and not job.state.is_final:
            check_family(world, task)
    for job in world.jobs.values():
        assert 0 <= job.progress <= 100
        assert 0 <= job.position <= job.task_count
        is_moved = any(
            t.job_id == job.id and t.state in ACTIVE and (t.children is None or is_stalled(t))
            for t in world.tasks.values()
        )
        listed = [t for t in world.tasks.values() if t.job_id == job.id and t.parent_id is None]
        active = sum(t.state in ACTIVE for t in listed)
        assert job.is_graph or job.is_cancelling or active <= 1, "two tasks of a list are active"
        assert job.has_entered or not listed, "a task has begun before its job may"
        assert job.state.is_final or is_moved or not job.has_entered, (
            "nothing can happen in a job that is not final"
        )


def check_columns(task: Task) -> None:
    """What Postgres keeps by its constraints."""
    has_worker = task.state is TaskState.RUNNING and task.plan.kind is TaskKind.TASK
    assert has_worker == (task.lease_expires_at is not None)
    assert (task.state is TaskState.PENDING) == (task.due_at is not None or task.is_held_back)
    assert (task.state is TaskState.FAILED) == (task.error is not None)


def check_family(world: World, parent: Task) -> None:
    counts = parent.children
    assert counts is not None
    last = world.rows.children(parent.id)
    ended = [t for t in last if t.state.is_final]
    assert len(last) == counts.total
    assert counts.begun == sum(t.state is not TaskState.CREATED for t in last)
    assert counts.ended == len(ended)
    assert counts.failed == sum(
        t.state is TaskState.FAILED and not t.plan.allow_failure for t in ended
    )
    assert not counts.concurrency or counts.active <= counts.concurrency
    if counts.opened is not None:
        early = [t for t in last if (t.sequence or 0) > counts.sequence]
        assert all(t.state is TaskState.CREATED for t in early), "a sequence has begun early"
        assert counts.opened == counts.total - len(early), "another number of children may begin"
    older = [t for t in world.tasks.values() if t.parent_id == parent.id and t not in last]
    assert all(t.state.is_final for t in older), "two attempts at one child are active"
