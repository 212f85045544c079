"""Whatever happens to families of tasks and jobs, in whatever order: the invariants hold.

A random list of nested tasks, then batches of random events: some late, twice or for dispatches
long gone, messages between jobs lost or repeated. The invariants are checked after each batch; at
the end the rest is delivered honestly and every job must be final.
"""

from collections.abc import Iterator
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.lifecycle import (
    DispatchMissing,
    Event,
    JobCancelled,
    JobRestarted,
    LeaseExpired,
    RetryDue,
    TaskClaimed,
    TaskFailed,
    TaskProgressed,
    TaskReturned,
    TaskSucceeded,
    TaskTimedOut,
)
from tests.support.family_specs import Spec, job_specs
from tests.support.family_world import World, budgets
from tests.support.world_ending import finish_honestly
from tests.support.world_invariants import ACTIVE, check
from tests.support.world_workers import LEASE, NODES

KINDS = (
    ["claim"] * 4
    + ["done"] * 4
    + ["fail", "return", "decline", "die", "lost", "timeout", "due", "missing", "progress"]
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
        yield from list(world.lost_signals())
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
        "die": TaskReturned(*by, is_lost=True),
        "decline": TaskReturned(*by, "no", is_declined=True),
        "lost": LeaseExpired(*ref, dispatch),
        "timeout": TaskTimedOut(*ref, dispatch),
        "due": RetryDue(*ref),
        "missing": DispatchMissing(*ref, dispatch),
        "progress": TaskProgressed(*ref, dispatch, which * 2.5),
    }
    yield events[kind]


def repeat(world: World, batch: list[Event]) -> None:
    """What a worker has said comes again: nothing changes."""
    again = [e for e in batch if isinstance(e, TaskClaimed | TaskSucceeded | TaskFailed)]
    jobs, tasks, messages = dict(world.jobs), dict(world.tasks), list(world.messages)
    if len(again) == len(batch):
        world.happen(*again)
        ends = [e for e in again if not isinstance(e, TaskClaimed)]
        if len({e.task_id for e in ends}) == len(again):
            assert (jobs, tasks, messages) == (world.jobs, world.tasks, world.messages)


@settings(max_examples=300)
@given(job_specs, _steps, budgets, budgets)
def test_no_order_loss_or_repetition_breaks_a_family_and_every_job_ends(
    listed: Spec, batches: list[list[Step]], most_children: int, most_cancelled: int
) -> None:
    world = World(most_children, most_cancelled)
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
