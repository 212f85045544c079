"""A node, and what of it an execution can't have: for good, or as things are."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from shared.definition.gpus import ALL_GPUS
from shared.definition.placement import DEFAULT_IMAGE
from shared.placement.amounts import NOTHING, RESOURCES, Amounts
from shared.placement.demands import Demand
from shared.placement.labels import matches
from shared.placement.misses import Miss, NodeMisses, Sort, amount_miss, label_miss

_BUILT_IN = frozenset({"docker", "podman", "shell", "builtin", "wasm", DEFAULT_IMAGE})
"""Engines of which we know what they run; those of packages may run anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A worker. `capacity` is what it gives to tasks, `held` what those that are on it hold of
    that, `executions` how many of them are placed, `families` how many by their placed task.
    `obstacle` says why nothing new may be placed on it, `hold_reason` why not for a while."""

    id: str
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    engines: frozenset[str] = frozenset()
    storages: frozenset[str] = frozenset()
    publishers: frozenset[str] = frozenset()
    capacity: Amounts = NOTHING
    max_executions: int = 0
    held: Amounts = NOTHING
    executions: int = 0
    families: Mapping[str, int] = field(default_factory=dict)
    ports: frozenset[tuple[str, int]] = frozenset()
    obstacle: str | None = None
    hold_reason: str | None = None

    @property
    def free(self) -> Amounts:
        return self.capacity.minus(self.held)

    def wanted(self, demand: Demand) -> Amounts:
        """All GPUs are those of the node, of which it has at least one."""
        if demand.amounts.gpus < ALL_GPUS:
            return demand.amounts
        return demand.amounts._replace(gpus=max(self.capacity.gpus, 1))


def explain(nodes: Iterable[Node], demand: Demand, family: str = "") -> list[NodeMisses]:
    """Of each node why an execution of the task `family` can't have it; nothing where it could."""
    nodes = list(nodes)
    used = sum(bool(node.families.get(family)) for node in nodes)
    found = [
        NodeMisses(
            node.id,
            node.name or node.id,
            (
                *lasting_misses(node, demand),
                *passing_misses(node, demand, family),
                *_node_count_misses(node, demand, family, used),
            ),
        )
        for node in nodes
    ]
    fitting = sum(not one.misses for one in found)
    if used or fitting >= demand.min_nodes:
        return found
    wait = Miss(Sort.TOGETHER, "nodes", str(fitting), f"{demand.min_nodes} wanted at once")
    return [one if one.misses else replace(one, misses=(wait,)) for one in found]


def _node_count_misses(node: Node, demand: Demand, family: str, used: int) -> Iterator[Miss]:
    if 0 < demand.max_nodes <= used and not node.families.get(family):
        yield Miss(Sort.NODES, "nodes", str(used), f"at most {demand.max_nodes} wanted")


def could_hold(node: Node, demand: Demand) -> bool:
    """Whether an execution could ever run there, as long as the node stays as it is."""
    return is_fit(node, demand) and has_capacity(node, demand)


def is_fit(node: Node, demand: Demand) -> bool:
    """The same, whatever amounts it wants."""
    return (
        runs_what_is_asked(node, demand)
        and meets_constraints(node, demand)
        and is_large_enough(node, demand)
    )


def runs_what_is_asked(node: Node, demand: Demand) -> bool:
    """The same, wherever the node is."""
    return (
        node.obstacle is None
        and node.max_executions > 0
        and runs_any(node, demand.engines)
        and node.storages.issuperset(demand.storages)
        and node.publishers.issuperset(demand.publishers)
    )


def has_capacity(node: Node, demand: Demand) -> bool:
    return node.capacity.holds(node.wanted(demand))


def is_large_enough(node: Node, demand: Demand) -> bool:
    """Whatever the execution takes of it."""
    return node.capacity.holds(demand.least)


def runs_any(node: Node, engines: Collection[str]) -> bool:
    return not node.engines.isdisjoint(engines) or bool(node.engines - _BUILT_IN)


def meets_constraints(node: Node, demand: Demand) -> bool:
    return all(matches(constraint, node.labels) for constraint in demand.constraints)


def lasting_misses(node: Node, demand: Demand) -> Iterator[Miss]:
    """What of the node itself is in the way, whatever runs on it."""
    if not runs_any(node, demand.engines):
        has = ", ".join(sorted(node.engines)) or "(none)"
        yield Miss(Sort.ENGINE, "engines", has, f"{' or '.join(demand.engines)} wanted")
    for storage in demand.storages:
        if storage not in node.storages:
            yield Miss(Sort.STORAGE, f"access to sources of kind '{storage}'")
    for publisher in demand.publishers:
        if publisher not in node.publishers:
            yield Miss(Sort.PUBLISHER, f"publisher '{publisher}'")
    for constraint in demand.constraints:
        if not matches(constraint, node.labels):
            yield label_miss(constraint, node.labels)
    if not node.max_executions:
        yield Miss(Sort.OBSTACLE, "node", "closed to executions")
    wanted = Amounts(*map(max, node.wanted(demand), demand.least))
    yield from _amount_misses(Sort.CAPACITY, node.capacity, node, wanted)
    if node.obstacle:
        yield Miss(Sort.OBSTACLE, "node", node.obstacle)


def passing_misses(node: Node, demand: Demand, family: str = "") -> Iterator[Miss]:
    """What is in the way as things are on the node."""
    own = node.families.get(family, 0)
    if 0 < demand.most_on_node <= own:
        value = "an execution" if own == 1 else f"{own} executions"
        yield Miss(Sort.FAMILY, "execution of this task", value)
    for address, port in demand.ports:
        if port_is_taken(address, port, node.ports):
            yield Miss(Sort.PORT, f"port {port}")
    if 0 < node.max_executions <= node.executions:
        value = f"{node.executions} of {node.max_executions}"
        yield Miss(Sort.EXECUTIONS, "executions", value)
    if node.hold_reason:
        yield Miss(Sort.HOLD, "node", node.hold_reason)
    if has_capacity(node, demand):
        yield from _amount_misses(Sort.ROOM, node.free, node, node.wanted(demand))


def port_is_taken(address: str, port: int, taken: Collection[tuple[str, int]]) -> bool:
    """An address that stands for all of them clashes with each."""
    return any(
        other == port and (address == held or "0.0.0.0" in (address, held))  # noqa: S104 - compared
        for held, other in taken
    )


def _amount_misses(sort: Sort, there: Amounts, node: Node, wanted: Amounts) -> Iterator[Miss]:
    for resource, has, most, wish in zip(RESOURCES, there, node.capacity, wanted, strict=True):
        if wish > has and wish:
            yield amount_miss(sort, resource, has, most, wish)
