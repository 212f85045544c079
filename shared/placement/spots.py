"""Nodes as a round of placement goes on, and the best of them for executions that are alike.

Executions that ask for the same but amounts look at the same heap of nodes, and one that found no
node has looked for all that are like it: the cost grows with nodes and executions, not with their
product.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zlib import crc32

from shared.placement.amounts import UNCOUNTED
from shared.placement.demands import Demand
from shared.placement.nodes import Node, port_is_taken

_MOST_COMPARED = 32
"""So many nodes that fit are compared for the fewest executions of the same task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An execution without a node. `avoid` are nodes where it has failed; `pinned_to` is the only
    one may have. `family` is its placed task, of which `left` executions have not ended; of one
    that a spawn has made further ones may come to be. `limited_by` is its job, where it takes a
    slot of that with its node."""

    id: str
    family: str
    demand: Demand
    since: datetime
    priority: int = 0
    index: int = 0
    avoid: frozenset[str] = frozenset()
    pinned_to: str | None = None
    is_kept_running: bool = False
    is_spawned: bool = False
    left: int = UNCOUNTED
    limited_by: str | None = None


def spread_of(nodes: Iterable[Node]) -> Counter[str]:
    return Counter(family for node in nodes for family, own in node.families.items() if own)


class Spot:
    """A node as the round goes on. Its room only shrinks, so its load only grows, but for what is
    given back."""

    __slots__ = ("families", "free", "load", "node", "ports", "slots", "spread", "tie")

    def __init__(self, node: Node, seed: int, spread: Counter[str]) -> None:
        self.node = node
        self.spread = spread  # on how many nodes each placed task is
        self.free = node.free
        self.slots = node.max_executions - node.executions
        self.families = dict(node.families)
        self.ports = set(node.ports)
        self.tie = crc32(f"{seed}:{node.id}".encode())
        self.load = self._load()

    def fits(self, one: Waiting) -> bool:
        return (
            self.slots > 0
            and self.free.holds(self.node.wanted(one.demand))
            and self.is_open_to(one)
        )

    def is_open_to(self, one: Waiting) -> bool:
        """Room aside."""
        demand = one.demand
        own = self.families.get(one.family, 0)
        if 0 < demand.most_on_node <= own:
            return False
        if not own and 0 < demand.max_nodes <= self.spread[one.family]:
            return False
        return not (demand.ports and any(port_is_taken(*port, self.ports) for port in demand.ports))

    def take(self, one: Waiting) -> None:
        self.free = self.free.minus(self.node.wanted(one.demand))
        self.slots -= 1
        self.spread[one.family] += not self.families.get(one.family)
        self.families[one.family] = self.families.get(one.family, 0) + 1
        self.ports.update(one.demand.ports)
        self.load = self._load()

    def give_back(self, one: Waiting) -> None:
        """What it was the last to take."""
        self.free = self.free.plus(self.node.wanted(one.demand))
        self.slots += 1
        self.families[one.family] -= 1
        self.spread[one.family] -= not self.families[one.family]
        self.ports.difference_update(one.demand.ports)
        self.load = self._load()

    def as_node(self) -> Node:
        return replace(
            self.node,
            held=self.node.capacity.minus(self.free),
            executions=self.node.max_executions - self.slots,
            families=self.families,
            ports=frozenset(self.ports),
        )

    def lacks(self, demand: Demand) -> float:
        """The largest share of the node that would have to come free."""
        lack = max(1 - self.slots, 0) / self.node.max_executions
        wanted = self.node.wanted(demand)
        for free, wish, total in zip(self.free, wanted, self.node.capacity, strict=True):
            if wish and total:
                lack = max(lack, (wish - free) / total)
        return lack

    def _load(self) -> float:
        """The share in use of the scarcest resource."""
        load = 1 - self.slots / max(self.node.max_executions, 1)
        for free, total in zip(self.free, self.node.capacity, strict=True):
            if 0 < total < UNCOUNTED and total - free > load * total:
                load = 1 - free / total
        return load


_Entry = tuple[int, float, int, int, Spot]
"""The smallest is the best: preferences met, load, chance, a place of its own, the node."""


class Queue:
    """The nodes for executions that ask for the same but amounts, as a heap: each is as good as its
    entry says, or has become worse since."""

    def __init__(self, spots: Sequence[Spot], wishes: Mapping[str, int]) -> None:
        self._heap: list[_Entry] = [
            (-wishes.get(spot.node.id, 0), spot.load, spot.tie, place, spot)
            for place, spot in enumerate(spots)
        ]
        heapq.heapify(self._heap)
        self._exhausted: set[tuple[Demand, str]] = set()

    def best_for(self, one: Waiting) -> Spot | None:
        like_it = one.demand, one.family if one.demand.counts_family else ""
        if like_it in self._exhausted:
            return None
        popped: list[_Entry] = []
        chosen = self._search(one, popped)
        if chosen is None:
            self._exhausted.add(like_it)
        for entry in popped:
            heapq.heappush(self._heap, entry)
        return chosen

    def _search(self, one: Waiting, popped: list[_Entry]) -> Spot | None:
        """The best; what was looked at is added to `popped`."""
        avoided: Spot | None = None
        best: tuple[int, int] | None = None
        chosen: Spot | None = None
        compared = 0
        while (entry := self._pop()) is not None:
            popped.append(entry)
            spot = entry[-1]
            if not spot.fits(one):
                continue
            if spot.node.id in one.avoid:
                avoided = avoided or spot
                continue
            relatives = spot.families.get(one.family, 0) if one.is_kept_running else 0
            rank = entry[0], relatives
            if best is None or rank < best:
                best, chosen = rank, spot
            compared += 1
            if not best[1] or entry[0] > best[0] or compared >= _MOST_COMPARED:
                break
        return chosen or avoided

    def _pop(self) -> _Entry | None:
        """The best of all."""
        heap = self._heap
        while heap:
            wishes, load, tie, place, spot = heap[0]
            if spot.slots <= 0:
                heapq.heappop(heap)
            elif load != spot.load:
                heapq.heapreplace(heap, (wishes, spot.load, tie, place, spot))
            else:
                return heapq.heappop(heap)
        return None
