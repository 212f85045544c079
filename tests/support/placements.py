"""Nodes and waiting executions for tests of placement."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.definition import Constraint
from shared.placement import Amounts, Demand, Node, Waiting

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
IN_EU = Constraint(key="region", operator="=", values=("eu",))

_NODE = Node(
    id="n", engines=frozenset({"docker"}), capacity=Amounts(4000, 1024, 1024), max_executions=20
)
_WAITING = Waiting(id="e", family="t", demand=Demand(engines=("docker",)), since=NOW)


def node(name: str, cpus: float = 4, **fields: Any) -> Node:
    capacity = Amounts(round(cpus * 1000), 1024, 1024)
    return replace(_NODE, **{"id": name, "name": name, "capacity": capacity, **fields})


def demand(cpus: float = 1, **fields: Any) -> Demand:
    return replace(_WAITING.demand, **{"amounts": Amounts(round(cpus * 1000)), **fields})


def waits(name: str, wanted: Demand, **fields: Any) -> Waiting:
    return replace(_WAITING, **{"id": name, "demand": wanted, **fields})


def with_execution(on: Node, one: Waiting) -> Node:
    """The node when the execution has been placed on it."""
    return replace(
        on,
        held=on.held.plus(on.wanted(one.demand)),
        executions=on.executions + 1,
        families={**on.families, one.family: on.families.get(one.family, 0) + 1},
        ports=on.ports | set(one.demand.ports),
    )
