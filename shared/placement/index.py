"""Which nodes could hold an execution, for many demands over the same nodes.

Nodes that have the same in what is asked for are looked at once: a thousand demands over a thousand
nodes cost what their labels and sizes differ in, not a million looks.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

from shared.definition import Constraint
from shared.placement.demands import Demand
from shared.placement.labels import matches
from shared.placement.nodes import (
    Node,
    has_capacity,
    is_large_enough,
    runs_what_is_asked,
)

_Ids = frozenset[str]


class NodeIndex:
    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._groups: dict[str, list[tuple[Node, _Ids]]] = {}
        self._found: dict[Hashable, _Ids] = {}

    def could_hold(self, demand: Demand) -> list[str]:
        """The ids of the nodes, in order."""
        found = self._running(demand) & self._holding(demand)
        for constraint in demand.constraints:
            found &= self._meeting(constraint)
        return sorted(found)

    def _running(self, demand: Demand) -> _Ids:
        asked = demand.engines, demand.storages, demand.publishers
        return self._of_groups(
            ("programs", asked),
            "programs",
            lambda n: (n.engines, n.storages, n.publishers, n.obstacle, n.max_executions > 0),
            lambda node: runs_what_is_asked(node, demand),
        )

    def _holding(self, demand: Demand) -> _Ids:
        return self._of_groups(
            ("capacity", demand.amounts, demand.least),
            "capacity",
            lambda node: node.capacity,
            lambda node: has_capacity(node, demand) and is_large_enough(node, demand),
        )

    def _meeting(self, constraint: Constraint) -> _Ids:
        return self._of_groups(
            ("label", constraint),
            f"label {constraint.key}",
            lambda node: node.labels.get(constraint.key),
            lambda node: matches(constraint, node.labels),
        )

    def _of_groups(
        self,
        asked: Hashable,
        kind: str,
        key: Callable[[Node], Hashable],
        fits: Callable[[Node], bool],
    ) -> _Ids:
        """Of nodes with the same `key` one is asked for all."""
        if (found := self._found.get(asked)) is None:
            groups = self._grouped(kind, key)
            found = _Ids().union(*(ids for node, ids in groups if fits(node)))
            self._found[asked] = found
        return found

    def _grouped(self, kind: str, key: Callable[[Node], Hashable]) -> list[tuple[Node, _Ids]]:
        if (groups := self._groups.get(kind)) is None:
            by_key: defaultdict[Hashable, list[Node]] = defaultdict(list)
            for node in self._nodes:
                by_key[key(node)].append(node)
            groups = [(same[0], _Ids(n.id for n in same)) for same in by_key.values()]
            self._groups[kind] = groups
        return groups
