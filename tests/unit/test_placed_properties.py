"""Whatever happens to placed tasks, in whatever order: no execution is active twice, the counts are
right, and all comes to rest.

As in `test_family_properties`, with nodes that are chosen, drained and scaled at random, and new
versions of the job while it runs and afterwards.
"""

from collections.abc import Iterator
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.definition import Placement, TaskDefinition
from shared.lifecycle import (
    Event,
    ExecutionAdopted,
    ExecutionPlaced,
    ExecutionRecalled,
    JobCancelled,
    JobRestarted,
    LeaseExpired,
    NodesMatched,
    PlacementFailed,
    RetryDue,
    Task,
    TaskClaimed,
    TaskFailed,
    TaskReturned,
    TaskState,
    TaskSucceeded,
    TaskTimedOut,
)
from tests.support.family_world import ADOPTER, World, budgets
from tests.support.placed_world import check, finish, submit, update
from tests.support.world_workers import LEASE, NODES

KINDS = (
    ["go"] * 12
    + [
        "place",
        "place",
        "claim",
        "claim",
        "done",
        "fail",
        "return",
        "die",
        "lost",
        "timeout",
        "due",
        "adopt",
        "no_node",
    ]
    + ["drain", "update", "scale", "match", "match", "message", "message", "repeat", "lose"]
    + ["cancel", "restart", "restart", "new", "new"]
)
Step = tuple[str, int, int, int]
_steps = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(0, 1), st.integers(0, 1)),
    min_size=10,
    max_size=60,
)
_placements = st.builds(
    Placement,
    type=st.sampled_from(["batch", "ops", "service", "daemon"]),
    count=st.integers(0, 4),
)
_tasks = st.builds(
    TaskDefinition,
    name=st.just("p"),
    run=st.just("true"),
    placement=st.one_of(_placements, _placements, st.none()),
    env=st.sampled_from([{}, {"A": "b"}]),
)
_lists = st.lists(_tasks, min_size=1, max_size=3).map(tuple)
ACTIVE = (TaskState.PENDING, TaskState.SCHEDULED, TaskState.RUNNING)


def events_of(world: World, step: Step) -> Iterator[Event]:
    kind, which, older, node = step
    if kind == "go":
        for task in list(world.tasks.values())[which % 3 :: 3]:
            yield from _onward(task, NODES[node])
        return
    if kind in ("cancel", "restart"):
        yield JobCancelled("job") if kind == "cancel" else JobRestarted("job")
    elif kind in ("message", "repeat", "lose"):
        if world.messages:
            place = which % len(world.messages)
            message = world.messages[place] if kind == "repeat" else world.messages.pop(place)
            if kind != "lose":
                yield message
    else:
        tasks = [t for t in world.tasks.values() if t.state in ACTIVE] or [*world.tasks.values()]
        if tasks:
            task = tasks[which % len(tasks)]
            yield from _of_task(kind, task, older, NODES[node] if older else _its_node(task, node))


def _onward(task: Task, node: str) -> Iterator[Event]:
    """Nothing ends by itself."""
    ref = task.job_id, task.id, task.dispatch
    if task.state is TaskState.PENDING:
        yield ExecutionPlaced(*ref, node) if task.due_at is None else RetryDue(*ref[:2])
    elif task.state is TaskState.SCHEDULED:
        yield TaskClaimed(*ref, _its_node(task, 0), LEASE)
    elif task.recall is not None and task.node_id is not None:
        yield TaskReturned(*ref, task.node_id)
    elif task.state is TaskState.RUNNING and task.children is not None:
        yield NodesMatched(*ref[:2], [node], task.children.total)


def _its_node(task: Task, otherwise: int) -> str:
    return task.node_id or NODES[otherwise]


def _of_task(kind: str, task: Task, older: int, node: str) -> Iterator[Event]:
    ref, dispatch = (task.job_id, task.id), max(task.dispatch - older, 1)
    by = (*ref, dispatch, node)
    total = task.children.total if task.children else 0
    events: dict[str, Event] = {
        "place": ExecutionPlaced(*by),
        "claim": TaskClaimed(*by, LEASE),
        "done": TaskSucceeded(*by),
        "fail": TaskFailed(*by, "boom"),
        "return": TaskReturned(*by),
        "die": TaskReturned(*by, is_lost=True),
        "lost": LeaseExpired(*ref, dispatch),
        "timeout": TaskTimedOut(*ref, dispatch),
        "due": RetryDue(*ref),
        "adopt": ExecutionAdopted(*ref, dispatch, ADOPTER, task.node_id or node, LEASE),
        "no_node": PlacementFailed(*ref, "no node"),
        "match": NodesMatched(*ref, [node], total - older),
        "drain": ExecutionRecalled(*ref, dispatch, "drain"),
        "update": ExecutionRecalled(*ref, dispatch, "update"),
        "scale": ExecutionRecalled(*ref, dispatch, "scale"),
    }
    if kind != "scale" or _may_scale(task):
        yield events[kind]


def _may_scale(task: Task) -> bool:
    """Of a batch or a service only those that are too many, which `apply` sees to."""
    placement = task.plan.placement
    return placement is not None and placement.type.is_on_every_node


@settings(max_examples=300)
@given(_lists, st.lists(_lists, min_size=1, max_size=3), _steps, budgets, budgets)
def test_no_order_of_events_has_an_execution_twice_or_miscounts_them(
    listed: tuple[TaskDefinition, ...],
    versions: list[tuple[TaskDefinition, ...]],
    steps: list[Step],
    most_children: int,
    most_cancelled: int,
) -> None:
    world = World(most_children, most_cancelled)
    submit(world, listed)
    check(world)
    for step in steps:
        world.now += timedelta(seconds=10 * step[1])
        if step[0] == "new":
            update(world, versions[step[1] % len(versions)], is_forced=bool(step[2]))
        else:
            world.happen(*events_of(world, step))
        check(world)
    finish(world)
