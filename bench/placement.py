"""(p) Rounds of placement over simulated nodes: choosing alone, and with its transactions."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from bench.run import Run
from bench.table import Table
from shared.definition import Amount, Constraint, Placement, Resources
from shared.lifecycle import ChildrenContinued
from shared.placement import Amounts, Demand, Node, NodeIndex, Waiting, place
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.jobs.placed import placed_as
from tests.support.services.simulated_nodes import SimulatedNodes

_NODES = 1000
_COUNTS, _QUICK_COUNTS = (1000, 10_000), (100, 1000)
_DAEMONS = 1000
_IN_EU = Constraint(key="region", operator="in", values=("eu", "us"))
_ROUNDS = 3
_CPUS = Resources(cpus=Amount(0.5, "0.5"))
_MANY = {"millicpus": 16_000, "memory": 2**36, "disk": 2**40}


async def measure(run: Run) -> Table:
    nodes = [_node(number) for number in range(_NODES)]
    rows = [
        (f"choose nodes for {count:,}", f"{_best(partial(_choose, nodes, count)):.2f}", "")
        for count in (1000, 10_000)
    ]
    rows.append((f"match {_DAEMONS:,} daemons", f"{_best(partial(_match, nodes)):.2f}", ""))
    async with batcher_rig(run.ground.dsn) as rig:
        fleet = SimulatedNodes(rig)
        names = [f"n{number:04}" for number in range(_NODES)]
        await fleet.join(*names, labels={"region": "eu"}, capacity=_MANY)
        for count in _QUICK_COUNTS if run.quick else _COUNTS:
            seconds = await _through_postgres(rig, fleet, count)
            each = f"{seconds / count * 1000:.2f}"
            rows.append((f"place {count:,}, through Postgres", f"{seconds:.2f}", each))
    return Table(
        f"(p) placement over {_NODES:,} simulated nodes",
        ("", "seconds", "ms each"),
        rows,
        ("the messages to the nodes are made and dropped: the broker is within the process",),
    )


def _node(number: int) -> Node:
    return Node(
        id=f"n{number:04}",
        labels={"region": ("us", "eu")[number % 2], "rack": str(number % 40)},
        engines=frozenset({"docker", "shell"}),
        capacity=Amounts(16_000, 2**36, 2**40, number % 3),
        max_executions=100,
    )


def _best(measured: Callable[[], None]) -> float:
    """The least seconds of some tries: what else runs only makes it slower."""
    seconds: list[float] = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        measured()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _choose(nodes: Sequence[Node], count: int) -> None:
    demand = Demand(engines=("docker",), constraints=(_IN_EU,), amounts=Amounts(500, 2**29))
    now = datetime.now(UTC)
    waiting = [
        Waiting(id=f"e{number}", family="t", demand=demand, since=now, index=number)
        for number in range(count)
    ]
    assert len(place(nodes, waiting, now, timedelta(minutes=5)).assignments) == count


def _match(nodes: Sequence[Node]) -> None:
    index = NodeIndex(nodes)
    for number in range(_DAEMONS):
        rack = Constraint(key="rack", operator="lt", values=(str(number),))
        index.could_hold(Demand(engines=("docker",), constraints=(rack, _IN_EU)))


async def _through_postgres(rig: Rig, fleet: SimulatedNodes, count: int) -> float:
    placement = Placement(count=count, constraints=(_IN_EU,), resources=_CPUS)
    job_id = await rig.submit([placed_as(placement)])
    parent = await fleet.parent(job_id)
    while len(await fleet.executions(job_id, "PENDING")) < count:
        await rig.happen(ChildrenContinued(job_id, parent["id"]))
    began = time.perf_counter()
    await fleet.place_all()
    seconds = time.perf_counter() - began
    placed = await fleet.executions(job_id, "SCHEDULED")
    assert len(placed) == count
    return seconds
