"""One round of placement: which of the waiting executions gets which node.

The order is that of priority, then of age, then of index. A node that meets more of what is
preferred comes before others; then the one of whose scarcest resource the largest share is free,
its places for executions counted as a resource: so load spreads evenly over machines of different
sizes. What is kept running takes, of the first that fit, the one with the fewest of the same task.
Chance, from a seed, decides among equals. A node where the execution has failed before is taken
only where there is no other.

What doesn't fit now is passed over, and smaller ones take what is free. One that has waited for
`reserve_after` reserves the node that lacks the least for it: what it wants is taken off there
before those after it are looked at.

Of a placed task that wants several nodes at once, and has none yet, either so many get an execution
in the same round or no execution is placed: two such tasks can't each hold what the other lacks.
The same goes for the slots of its job, which executions of such a task take with their nodes.
Of a spawn those are not there yet that the first ones make: these begin once there is room for as
many.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from shared.placement.demands import Demand
from shared.placement.labels import matches
from shared.placement.nodes import Node, could_hold, has_capacity, is_fit
from shared.placement.spots import Queue, Spot, Waiting, spread_of

MOST_RESERVATIONS = 100
"""At a time; those after it are served when these have been."""


class Limits(Protocol):
    """Of a job."""

    def let_begin(self, count: int, now: datetime) -> bool:
        """Whether so many of its tasks may begin at once."""

    def started(self, at: datetime) -> "Limits": ...


@dataclass(frozen=True, slots=True)
class Placed:
    """`assignments` and `reserved` are node ids by execution id; `held_back_by` are the jobs whose
    limits let some have no node yet."""

    assignments: Mapping[str, str]
    unplaced: Sequence[Waiting]
    reserved: Mapping[str, str]
    held_back_by: Collection[str]


def place(
    nodes: Sequence[Node],
    waiting: Iterable[Waiting],
    now: datetime,
    reserve_after: timedelta,
    seed: int = 0,
    limits: Mapping[str, Limits] = MappingProxyType({}),
) -> Placed:
    """The same for the same, in whatever order they are given. `limits` are by job."""
    slots = _Slots(dict(limits), now)
    board = _Board(sorted(nodes, key=lambda node: node.id), seed, slots)
    assignments: dict[str, str] = {}
    unplaced: list[Waiting] = []
    reserved: dict[str, str] = {}
    in_line = sorted(waiting, key=_turn)
    gangs = board.gangs_of(in_line)
    for one in in_line:
        gang = gangs.get(one.family)
        if gang is not None and not gang.is_tried:
            assignments |= {other.id: spot.node.id for other, spot in board.together(gang)}
        if one.id in assignments:
            continue
        is_off = gang is not None and not gang.is_placed
        has_slot = slots.are_free(one, gang.slots if gang is not None and is_off else 1)
        spot = board.best_for(one) if has_slot and not is_off else None
        if spot is not None:
            spot.take(one)
            slots.take(one)
            assignments[one.id] = spot.node.id
            continue
        unplaced.append(one)
        if not has_slot or (gang is not None and is_off and one not in gang.first):
            continue
        if now - one.since < reserve_after:
            continue
        for wanted in gang.stood_for_by(one) if gang is not None and is_off else [one]:
            if len(reserved) == MOST_RESERVATIONS:
                break
            spot = board.nearest_for(_alone(wanted) if is_off else wanted)
            if spot is not None:
                spot.take(wanted)
                reserved[wanted.id] = spot.node.id
    return Placed(assignments, unplaced, reserved, slots.held_back_by)


def after(nodes: Iterable[Node], placed: Iterable[tuple[Waiting, str]]) -> list[Node]:
    """The nodes with these executions on them, by node id."""
    nodes = list(nodes)
    spread = spread_of(nodes)
    spots = {node.id: Spot(node, 0, spread) for node in nodes}
    for one, node_id in placed:
        spots[node_id].take(one)
    return [spot.as_node() for spot in spots.values()]


def _turn(one: Waiting) -> tuple[int, datetime, int, str]:
    return -one.priority, one.since, one.index, one.id


@dataclass(slots=True)
class _Gang:
    """The waiting executions of a placed task, some of which must begin at once."""

    members: list[Waiting] = field(default_factory=list)
    is_tried: bool = False
    is_placed: bool = False

    @property
    def needed(self) -> int:
        """All that are left where these are fewer; those that have still to come are waited for."""
        one = self.members[0]
        return min(one.demand.min_nodes, one.left)

    @property
    def slots(self) -> int:
        """Of its job that it takes as it begins."""
        return len(self.first) if self.members[0].is_spawned else self.needed

    @property
    def first(self) -> Sequence[Waiting]:
        return self.members[: self.needed]

    @property
    def to_come(self) -> Sequence[Waiting]:
        """Those that are not made yet, and must have room as well."""
        if not self.members[0].is_spawned:
            return []
        missing = self.needed - len(self.first)
        last = self.first[-1]
        return [replace(last, id=f"{last.id}+{number}") for number in range(1, missing + 1)]

    def stood_for_by(self, one: Waiting) -> Sequence[Waiting]:
        """It, and with the last of the first ones those that they make."""
        return [one, *self.to_come] if one is self.first[-1] else [one]


def _alone(one: Waiting) -> Waiting:
    """On a node without another of its task."""
    return replace(one, demand=replace(one.demand, max_per_node=1))


@dataclass(slots=True)
class _Slots:
    """Those that jobs with limits have left."""

    limits: dict[str, Limits]
    now: datetime
    held_back_by: set[str] = field(default_factory=set)

    def are_free(self, one: Waiting, count: int) -> bool:
        job = one.limited_by
        if job is None or job not in self.limits or self.limits[job].let_begin(count, self.now):
            return True
        self.held_back_by.add(job)
        return False

    def take(self, one: Waiting) -> None:
        job = one.limited_by
        if job is not None and job in self.limits:
            self.limits[job] = self.limits[job].started(self.now)


class _Board:
    def __init__(self, nodes: Sequence[Node], seed: int, slots: _Slots) -> None:
        self._slots = slots
        self._spread = spread_of(nodes)
        usable = (node for node in nodes if node.hold_reason is None)
        self._spots = [Spot(node, seed, self._spread) for node in usable]
        self._by_id = {spot.node.id: spot for spot in self._spots}
        self._fit: dict[object, list[Spot]] = {}
        self._queues: dict[object, Queue] = {}

    def gangs_of(self, waiting: Iterable[Waiting]) -> Mapping[str, "_Gang"]:
        """By placed task, of those that want several nodes at once and have none."""
        gangs: defaultdict[str, _Gang] = defaultdict(_Gang)
        for one in waiting:
            if one.demand.min_nodes and not self._spread[one.family]:
                gangs[one.family].members.append(one)
        return gangs

    def together(self, gang: "_Gang") -> list[tuple[Waiting, Spot]]:
        """As many as must begin at once, each on a node of its own; none where these are not to be
        had."""
        gang.is_tried = True
        if not self._slots.are_free(gang.members[0], gang.slots):
            return []
        taken: list[tuple[Waiting, Spot]] = []
        for one in (*gang.first, *gang.to_come):
            if (spot := self.best_for(_alone(one))) is None:
                break
            spot.take(one)
            taken.append((one, spot))
        gang.is_placed = len(taken) == gang.needed
        begun = taken[: len(gang.first)] if gang.is_placed else []
        for one, _ in begun:
            self._slots.take(one)
        if unused := taken[len(begun) :]:
            for one, spot in unused:
                spot.give_back(one)
            self._queues.clear()  # they count on nodes that only fill up
        return begun

    def best_for(self, one: Waiting) -> Spot | None:
        if one.pinned_to is not None:
            spot = self._pinned(one)
            return spot if spot and spot.fits(one) else None
        return self._queue_for(one.demand).best_for(one)

    def nearest_for(self, one: Waiting) -> Spot | None:
        """The one that lacks the least room, of those where nothing else is in the way."""
        if one.pinned_to is not None:
            spot = self._pinned(one)
            return spot if spot and spot.is_open_to(one) else None
        spots = (
            spot
            for spot in self._fit_spots(one.demand)
            if has_capacity(spot.node, one.demand) and spot.is_open_to(one)
        )
        return min(spots, key=lambda spot: (spot.lacks(one.demand), spot.node.id), default=None)

    def _pinned(self, one: Waiting) -> Spot | None:
        spot = self._by_id.get(one.pinned_to or "")
        return spot if spot and could_hold(spot.node, one.demand) else None

    def _queue_for(self, demand: Demand) -> Queue:
        key = _asked_for(demand), bool(demand.amounts.gpus), demand.prefer
        queue = self._queues.get(key)
        if queue is None:
            spots = self._fit_spots(demand)
            if demand.amounts.gpus:
                spots = [spot for spot in spots if spot.node.capacity.gpus]
            wishes = {s.node.id: _weight(demand, s.node) for s in spots} if demand.prefer else {}
            self._queues[key] = queue = Queue(spots, wishes)
        return queue

    def _fit_spots(self, demand: Demand) -> list[Spot]:
        key = _asked_for(demand)
        spots = self._fit.get(key)
        if spots is None:
            spots = self._fit[key] = [spot for spot in self._spots if is_fit(spot.node, demand)]
        return spots


def _asked_for(demand: Demand) -> object:
    asked = demand.engines, demand.storages, demand.publishers, demand.constraints
    return asked, demand.least


def _weight(demand: Demand, node: Node) -> int:
    return sum(
        wish.weight
        for wish in demand.prefer
        if all(matches(constraint, node.labels) for constraint in wish.constraints)
    )
