"""What an execution asks of its node: made of its definition when it is planned, kept as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.definition import Constraint, Placement, Preference, TaskDefinition
from shared.definition.gpus import gpus_wanted
from shared.definition.placement import DEFAULT_IMAGE
from shared.placement.amounts import NOTHING, Amounts, amounts_of

_CONTAINER_ENGINES = ("docker", "podman")
_STORAGES = ("url", "s3", "ipfs", "local")
"""Kinds of sources that a worker may be unable to bring; it has the others by itself."""
_PUBLISHERS = ("s3", "ipfs", "local")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Any of `engines` will do; all of `storages` and `publishers` are needed. `ports` are those of
    the node that must be free, each with the address that takes connections. The node has `least`
    in all. Of one placed task at most `max_per_node` executions are on a node (0: any number), on
    at most `max_nodes`; none begins before `min_nodes` have room for one each at once."""

    engines: tuple[str, ...] = ()
    storages: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    prefer: tuple[Preference, ...] = ()
    amounts: Amounts = NOTHING
    ports: tuple[tuple[str, int], ...] = ()
    one_per_node: bool = False
    max_per_node: int = 0
    max_nodes: int = 0
    min_nodes: int = 0
    least: Amounts = NOTHING

    @property
    def most_on_node(self) -> int:
        """Executions of one placed task; 0: any number."""
        return 1 if self.one_per_node else self.max_per_node

    @property
    def counts_family(self) -> bool:
        """It matters where other executions of its placed task are."""
        return bool(self.most_on_node or self.max_nodes or self.min_nodes)


def demand_of(task: TaskDefinition) -> dict[str, Any]:
    """The JSON form of what each execution of the evaluated `task` asks of a node.

    Raises ValueError for GPUs that can't be meant.
    """
    placement = task.placement or Placement()
    return to_json(
        Demand(
            engines=_engines(task),
            storages=_kinds(_STORAGES, task.sources),
            publishers=_kinds(_PUBLISHERS, task.publish),
            constraints=placement.constraints,
            prefer=placement.prefer,
            amounts=amounts_wanted(task),
            ports=_node_ports(task),
            one_per_node=placement.one_per_node,
            max_per_node=placement.max_per_node,
            max_nodes=placement.max_nodes,
            min_nodes=placement.min_nodes,
            least=_least(placement),
        )
    )


def amounts_wanted(task: TaskDefinition) -> Amounts:
    """What the task holds of its node while it runs: its placement's resources, or else its limits.
    All that runs at once counts: each sidecar has the same limits.

    Raises ValueError for GPUs that can't be meant.
    """
    resources = task.placement.resources if task.placement else None
    cpus = (resources and resources.cpus) or (task.limits and task.limits.cpus)
    memory = (resources and resources.memory) or (task.limits and task.limits.memory)
    disk = resources and resources.disk
    programs = 1 + len(task.sidecars)
    return Amounts(
        round(cpus.value * 1000) * programs if cpus else 0,
        int(memory.value) * programs if memory else 0,
        int(disk.value) if disk else 0,
        (int(resources.gpus) if resources else 0) or (gpus_wanted(task.gpus) if task.gpus else 0),
    )


def _least(placement: Placement) -> Amounts:
    if (node := placement.node) is None:
        return NOTHING
    return Amounts(
        round(node.cpus.value * 1000) if node.cpus else 0,
        int(node.memory.value) if node.memory else 0,
        int(node.disk.value) if node.disk else 0,
        int(node.gpus),
    )


def to_json(demand: Demand) -> dict[str, Any]:
    """What is not set is left out."""
    fields: dict[str, Any] = {
        "engines": list(demand.engines),
        "storages": list(demand.storages),
        "publishers": list(demand.publishers),
        "constraints": _constraints_json(demand.constraints),
        "prefer": [
            {"weight": wish.weight, "constraints": _constraints_json(wish.constraints)}
            for wish in demand.prefer
        ],
        "amounts": demand.amounts.to_json(),
        "ports": [list(port) for port in demand.ports],
        "one_per_node": demand.one_per_node,
        "max_per_node": demand.max_per_node,
        "max_nodes": demand.max_nodes,
        "min_nodes": demand.min_nodes,
        "least": demand.least.to_json(),
    }
    return {name: value for name, value in fields.items() if value}


def from_json(given: Mapping[str, Any]) -> Demand:
    return Demand(
        engines=tuple(given.get("engines", ())),
        storages=tuple(given.get("storages", ())),
        publishers=tuple(given.get("publishers", ())),
        constraints=_constraints(given.get("constraints", ())),
        prefer=tuple(
            Preference(constraints=_constraints(wish["constraints"]), weight=wish["weight"])
            for wish in given.get("prefer", ())
        ),
        amounts=amounts_of(given.get("amounts", {})),
        ports=tuple((address, port) for address, port in given.get("ports", ())),
        one_per_node=given.get("one_per_node", False),
        max_per_node=given.get("max_per_node", 0),
        max_nodes=given.get("max_nodes", 0),
        min_nodes=given.get("min_nodes", 0),
        least=amounts_of(given.get("least", {})),
    )


def _constraints_json(constraints: tuple[Constraint, ...]) -> list[list[Any]]:
    return [[one.key, one.operator, list(one.values)] for one in constraints]


def _constraints(given: Any) -> tuple[Constraint, ...]:  # noqa: ANN401 - JSON
    return tuple(
        Constraint(key=key, operator=operator, values=tuple(values))
        for key, operator, values in given
    )


def _engines(task: TaskDefinition) -> tuple[str, ...]:
    if task.wasm is not None:
        return ("wasm",)
    if task.builtin is not None:
        return ("builtin",)
    return _CONTAINER_ENGINES if task.image else ("shell", DEFAULT_IMAGE)


def _kinds(kinds: tuple[str, ...], values: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(kind for kind in kinds if any(getattr(value, kind) for value in values))


def _node_ports(task: TaskDefinition) -> tuple[tuple[str, int], ...]:
    ports = task.network.ports if task.network else ()
    return tuple((port.address, port.static) for port in ports if port.static)
