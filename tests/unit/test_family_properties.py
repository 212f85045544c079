"""Whatever happens to families of tasks and jobs, in whatever order: the invariants hold.

A random list of nested tasks, then batches of random events: some late, twice or for dispatches
long gone, messages between jobs lost or repeated. The invariants are checked after each batch; at
the end the rest is delivered honestly and every job must be final.
"""

from collections.abc import Iterator
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.lifecycle import (
    DispatchMissing,
    Event,
    JobCancelled,
    JobRestarted,
    LeaseExpired,
    RetryDue,
    RetryPolicy,
    Task,
    TaskClaimed,
    TaskFailed,
    TaskKind,
    TaskProgressed,
    TaskReturned,
    TaskState,
    TaskSucceeded,
    TaskTimedOut,
)
from tests.support.family_world import Spec, World

LEASE = timedelta(seconds=30)
NODES = ("node-1", "node-2")
ACTIVE = (TaskState.PENDING, TaskState.SCHEDULED, TaskState.RUNNING)

_common = {
    "plans_as": st.sampled_from(["task"] * 8 + ["skipped", "failed"]),
    "allow_failure": st.sampled_from([False, False, False, True]),
}
_retries = st.builds(
    RetryPolicy,
    limit=st.integers(0, 1),
    initial_delay=st.sampled_from([timedelta(), timedelta(seconds=1)]),
)
_plain = st.builds(Spec, retry=_retries, **_common)


def _made_of(inner: st.SearchStrategy[Spec]) -> st.SearchStrategy[Spec]:
    some = st.lists(inner, min_size=1, max_size=3).map(tuple)
    least = st.sampled_from([None, None, 1, 2])
    parallel = st.builds(
        Spec, kind=st.just(TaskKind.PARALLEL), inner=some, required=least, **_common
    )
    each = st.builds(
        Spec,
        kind=st.just(TaskKind.EACH),
        inner=inner.map(lambda spec: (spec,)),
        items=st.integers(0, 5),
        concurrency=st.integers(0, 2),
        required=least,
        **_common,
    )
    detached = st.sampled_from([False, False, True])
    subjob = st.builds(
        _listed, some, st.lists(st.integers(0, 7)), st.booleans(), detached, st.booleans()
    )
    return parallel | each | subjob


def _listed(
    inner: tuple[Spec, ...], seeds: list[int], is_graph: bool, detached: bool, may: bool
) -> Spec:
    """A list of tasks; in a graph each may need any of those before it, by the bits of a seed."""
    bits = [*seeds, *[0] * len(inner)]
    needs = tuple(frozenset(n for n in range(p) if bits[p] >> n & 1) for p in range(len(inner)))
    return Spec(
        kind=TaskKind.SUBJOB,
        inner=inner,
        needs=needs if is_graph else None,
        is_detached=detached,
        allow_failure=may,
    )


_task = st.recursive(_plain, _made_of, max_leaves=6)
_job = st.builds(
    _listed,
    st.lists(_task, min_size=1, max_size=3).map(tuple),
    st.lists(st.integers(0, 7)),
    st.booleans(),
    st.just(False),
    st.booleans(),
)
KINDS = (
    ["claim"] * 4
    + ["done"] * 4
    + ["fail", "return", "lost", "timeout", "due", "missing", "progress"]
    + ["cancel", "restart", "restart", "message", "message", "repeat", "lose", "overdue"]
)
Step = tuple[str, int, int, int]
_steps = st.lists(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(0, 1), st.integers(0, 1)),
        min_size=1,
        max_size=4,
    ),
    max_size=25,
)


def events_of(world: World, step: Step) -> Iterator[Event]:
    kind, which, older, node = step
    if kind in ("cancel", "restart"):
        job_id = list(world.jobs)[which % len(world.jobs)]
        yield JobCancelled(job_id) if kind == "cancel" else JobRestarted(job_id)
    elif kind in ("message", "repeat", "lose"):
        if world.messages:
            place = which % len(world.messages)
            message = world.messages[place] if kind == "repeat" else world.messages.pop(place)
            if kind != "lose":
                yield message
    elif kind == "overdue":
        yield from list(world.overdue())
    else:
        yield from _of_worker(world, kind, which, older, node)


def _of_worker(world: World, kind: str, which: int, older: int, node: int) -> Iterator[Event]:
    tasks = [t for t in world.tasks.values() if t.state in ACTIVE] or list(world.tasks.values())
    if not tasks:
        return
    task = tasks[which % len(tasks)]
    ref, dispatch = (task.job_id, task.id), max(task.dispatch - older, 1)
    by = (*ref, dispatch, NODES[node])
    events: dict[str, Event] = {
        "claim": TaskClaimed(*by, LEASE),
        "done": TaskSucceeded(*by),
        "fail": TaskFailed(*by, "boom"),
        "return": TaskReturned(*by),
        "lost": LeaseExpired(*ref, dispatch),
        "timeout": TaskTimedOut(*ref, dispatch),
        "due": RetryDue(*ref),
        "missing": DispatchMissing(*ref, dispatch),
        "progress": TaskProgressed(*ref, dispatch, which * 2.5),
    }
    yield events[kind]


def check(world: World) -> None:
    for task in world.tasks.values():
        job = world.jobs[task.job_id]
        assert 0 <= task.progress <= 100
        if task.state is TaskState.CREATED or task.state in ACTIVE:
            assert not job.state.is_final, "a task is left behind in a final job"
            if task.parent_id is not None:
                parent = world.tasks[task.parent_id]
                waits = parent.state is TaskState.CREATED and task.state is TaskState.CREATED
                assert parent.state is TaskState.RUNNING or waits, "its family has ended"
        if task.state is TaskState.RUNNING and task.children is not None:
            check_family(world, task)
    for job in world.jobs.values():
        assert 0 <= job.progress <= 100
        assert 0 <= job.position <= job.task_count
        is_moved = any(
            t.job_id == job.id and t.state in ACTIVE and t.children is None
            for t in world.tasks.values()
        )
        assert job.state.is_final or is_moved, "nothing can happen in a job that is not final"


def check_family(world: World, parent: Task) -> None:
    counts = parent.children
    assert counts is not None
    last = list(world.of_parent(parent.id).values())
    ended = [t for t in last if t.state.is_final]
    assert len(last) == counts.total
    assert counts.begun == sum(t.state is not TaskState.CREATED for t in last)
    assert counts.ended == len(ended)
    assert counts.failed == sum(
        t.state is TaskState.FAILED and not t.plan.allow_failure for t in ended
    )
    assert not counts.concurrency or counts.active <= counts.concurrency
    older = [t for t in world.tasks.values() if t.parent_id == parent.id and t not in last]
    assert all(t.state.is_final for t in older), "two attempts at one child are active"


def repeat(world: World, batch: list[Event]) -> None:
    """What a worker has said comes again: nothing changes."""
    again = [e for e in batch if isinstance(e, TaskClaimed | TaskSucceeded | TaskFailed)]
    jobs, tasks, messages = dict(world.jobs), dict(world.tasks), list(world.messages)
    if len(again) == len(batch):
        world.happen(*again)
        ends = [e for e in again if not isinstance(e, TaskClaimed)]
        if len({e.task_id for e in ends}) == len(again):
            assert (jobs, tasks, messages) == (world.jobs, world.tasks, world.messages)


def finish_honestly(world: World) -> None:
    for _ in range(400):
        world.now += timedelta(minutes=1)
        batch = [*world.messages, *(e for t in world.tasks.values() for e in _honest(t))]
        world.messages.clear()
        batch += world.overdue()
        if not batch:
            return
        world.happen(*batch)
        check(world)
    raise AssertionError("the jobs do not end")


def _honest(task: Task) -> Iterator[Event]:
    ref = (task.job_id, task.id)
    match task.state:
        case TaskState.PENDING:
            yield RetryDue(*ref)
        case TaskState.SCHEDULED:
            yield TaskClaimed(*ref, task.dispatch, NODES[0], LEASE)
        case TaskState.RUNNING if task.plan.kind is TaskKind.TASK:
            yield TaskSucceeded(*ref, task.dispatch, task.node_id or "")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_job, _steps)
def test_no_order_loss_or_repetition_breaks_a_family_and_every_job_ends(
    listed: Spec, batches: list[list[Step]]
) -> None:
    world = World()
    world.submit("job", listed)
    check(world)
    for steps in batches:
        world.now += timedelta(seconds=10 * steps[0][1])
        batch = [event for step in steps for event in events_of(world, step)]
        world.happen(*batch)
        check(world)
        repeat(world, batch)
        check(world)
    finish_honestly(world)
    assert all(job.state.is_final for job in world.jobs.values())
