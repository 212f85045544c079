"""What a round of placement decides: rows in, events out. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from operator import attrgetter

import orjson

from services.scheduler.store.placement import EveryNodeRow, OnNodeRow, VersionRow, WaitingRow
from shared.lifecycle import (
    ExecutionPlaced,
    ExecutionRecalled,
    NodesMatched,
    PlacementFailed,
    PlacementType,
    QueueTimedOut,
    Slots,
    TaskEvent,
)
from shared.placement import (
    UNCOUNTED,
    Demand,
    Node,
    NodeIndex,
    Waiting,
    after,
    explain,
    from_json,
    meets_constraints,
    place,
    summary,
)

REST_AFTER_RETURN = timedelta(seconds=2)
_SOONEST_LOOK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Rules:
    """Of a placed task and its executions, as their rows have them."""

    type: PlacementType
    priority: int
    max_unavailable: int
    healthy_after: timedelta
    demand: Demand


@lru_cache(maxsize=10_000)
def rules_of(text: str) -> Rules:
    row = orjson.loads(text)
    return Rules(
        PlacementType(row["type"]),
        row["priority"],
        row["max_unavailable"],
        timedelta(seconds=row["healthy_after"]),
        from_json(row["demand"]),
    )


@dataclass(frozen=True, slots=True)
class Choices:
    """`next_at` is when there may be something to do again if nothing happens before."""

    events: Sequence[TaskEvent]
    next_at: datetime | None = None


def to_be_emptied(nodes: Sequence[Node]) -> tuple[list[str], list[str]]:
    """The nodes that drain, and those that are no members."""
    draining = [node.id for node in nodes if node.obstacle == "draining"]
    closed = [node.id for node in nodes if node.obstacle in ("rejected", "not approved yet")]
    return draining, closed


def looked_at(rows: Sequence[WaitingRow]) -> tuple[set[str], bool]:
    """The placed tasks of which it counts where they have executions already, and whether ports
    count."""
    families: set[str] = set()
    with_ports = False
    for row in rows:
        rules = rules_of(row.rules)
        with_ports |= bool(rules.demand.ports)
        if rules.demand.counts_family or rules.type.is_kept_running:
            families.add(row.parent_id)
    return families, with_ports


def gangs(rows: Sequence[WaitingRow]) -> dict[str, str]:
    """The placed tasks of which some executions must begin at once, and their jobs."""
    return {row.parent_id: row.job_id for row in rows if rules_of(row.rules).demand.min_nodes}


@dataclass(frozen=True, slots=True)
class OfGangs:
    """`executions_left` is `left` of `Waiting` by placed task; `limits` are those of their jobs."""

    executions_left: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, Slots] = field(default_factory=dict)


NO_GANGS = OfGangs()


def choose_nodes(
    rows: Sequence[WaitingRow],
    nodes: Sequence[Node],
    avoided: Mapping[str, frozenset[str]],
    now: datetime,
    reserve_after: timedelta,
    seed: int,
    of_gangs: OfGangs = NO_GANGS,
) -> Choices:
    """The waiting executions get nodes; those that have none and whose time is over end."""
    ready = {
        row.id: _waiting(row, avoided, of_gangs.executions_left)
        for row in rows
        if not row.is_returned or now >= _rested_at(row)
    }
    made = place(nodes, ready.values(), now, reserve_after, seed, of_gangs.limits)
    by_id = {row.id: row for row in rows}
    placed = (_placed(by_id[name], node) for name, node in made.assignments.items())
    left = [by_id[one.id] for one in made.unplaced if _is_given_up(by_id[one.id], now)]
    if left:  # it counts what the others have left of the nodes
        taken = ((ready[name], node) for name, node in made.assignments.items())
        nodes = after(nodes, taken)
    rests = [_rested_at(row) for row in rows if row.is_returned and now < _rested_at(row)]
    waits = [row.deadline_at for row in rows if row.deadline_at and row.deadline_at > now]
    # Nothing else tells that a slot has come free.
    opens = [of_gangs.limits[id_].opens_at(now) or now for id_ in made.held_back_by]
    looks = [max(at, now + _SOONEST_LOOK) for at in opens]
    events: list[TaskEvent] = [*placed, *_timed_out(left, nodes)]
    return Choices(events, min([*rests, *waits, *looks], default=None))


def _is_given_up(row: WaitingRow, now: datetime) -> bool:
    """What is kept running and has lost its node waits for another as long as it takes: that of a
    single node may be just starting again."""
    if row.deadline_at is None or row.deadline_at > now:
        return False
    return row.dispatch == 1 or not rules_of(row.rules).type.is_kept_running


def _placed(row: WaitingRow, node_id: str) -> ExecutionPlaced:
    return ExecutionPlaced(row.job_id, row.id, row.dispatch, node_id)


def _rested_at(row: WaitingRow) -> datetime:
    return row.scheduled_at + REST_AFTER_RETURN


def _waiting(
    row: WaitingRow, avoided: Mapping[str, frozenset[str]], left: Mapping[str, int]
) -> Waiting:
    rules = rules_of(row.rules)
    # The first of a spawn is alone, and stands for all that come of it.
    is_first = row.is_spawned and not row.child_index
    return Waiting(
        id=row.id,
        family=row.parent_id,
        demand=rules.demand,
        since=row.scheduled_at,
        priority=rules.priority,
        index=row.child_index,
        avoid=avoided.get(row.id, frozenset()),
        pinned_to=row.pinned_to,
        is_kept_running=rules.type.is_kept_running,
        is_spawned=row.is_spawned,
        left=UNCOUNTED if is_first else left.get(row.parent_id, UNCOUNTED),
        limited_by=row.job_id if rules.demand.min_nodes else None,
    )


def _timed_out(rows: Iterable[WaitingRow], nodes: Sequence[Node]) -> Iterator[QueueTimedOut]:
    reasons: dict[tuple[str, str], str] = {}
    for row in rows:
        key = row.rules, row.parent_id
        if key not in reasons:
            reasons[key] = summary(explain(nodes, rules_of(row.rules).demand, row.parent_id))
        yield QueueTimedOut(row.job_id, row.id, row.dispatch, reasons[key])


@dataclass(frozen=True, slots=True)
class Matched:
    """A placed task that runs on every node, beside the nodes that it is to run on."""

    row: EveryNodeRow
    nodes: Sequence[str]

    @property
    def follows_nodes(self) -> bool:
        return rules_of(self.row.rules).type is PlacementType.DAEMON

    def is_settled(self, hashes: Mapping[str, int]) -> bool:
        """Whether it has an execution on each of them, and on no other."""
        if self.row.active != len(self.nodes):
            return False
        return int(self.row.active_sum) == sum(hashes[node] for node in self.nodes)


def match_nodes(rows: Sequence[EveryNodeRow], nodes: Sequence[Node]) -> list[Matched]:
    index = NodeIndex(nodes)
    return [Matched(row, index.could_hold(rules_of(row.rules).demand)) for row in rows]


def first_matches(matched: Sequence[Matched], nodes: Sequence[Node], now: datetime) -> Choices:
    """Of tasks that run once on every node and have none yet."""
    events: list[TaskEvent] = []
    waits: list[datetime] = []
    for one in matched:
        row, rules = one.row, rules_of(one.row.rules)
        if rules.type is not PlacementType.OPS:
            continue
        if one.nodes:
            events.append(NodesMatched(row.job_id, row.id, one.nodes, row.total))
        elif row.deadline_at is not None and row.deadline_at > now:
            waits.append(row.deadline_at)
        else:
            reason = summary(explain(nodes, rules.demand, row.id))
            events.append(PlacementFailed(row.job_id, row.id, f"no node matches: {reason}"))
    return Choices(events, min(waits, default=None))


def follow_nodes(
    one: Matched,
    executions: Sequence[OnNodeRow],
    nodes: Sequence[Node],
    successors: Mapping[str, str],
) -> list[TaskEvent]:
    """A daemon gets an execution on each node that has come to match, and loses those on nodes that
    match no more or are gone. What runs on a node that is gone has a lease that runs out: until
    then its successor, the same worker started again, may find it running."""
    up = {node.id: node for node in nodes}
    demand, active = rules_of(one.row.rules).demand, {"CREATED", "PENDING", "SCHEDULED", "RUNNING"}
    events: list[TaskEvent] = []
    taken: set[str] = set()
    for row in executions:
        node = up.get(row.node)
        if row.state in active or row.state == "FAILED":
            taken.add(row.node)
            if row.state == "RUNNING":
                taken.add(successors.get(row.node, row.node))
        misfit = row.state == "PENDING" if node is None else not meets_constraints(node, demand)
        if misfit and row.state in active - {"CREATED"} and row.recall != "scale":
            events.append(ExecutionRecalled(row.job_id, row.id, row.dispatch, "scale"))
    if missing := [node for node in one.nodes if node not in taken]:
        events.append(NodesMatched(one.row.job_id, one.row.id, missing, one.row.total))
    return events


def replace_old_versions(rows: Sequence[VersionRow], now: datetime) -> Choices:
    """Executions of versions before are recalled, so many at a time that no more than
    `max_unavailable` of their task are missing: not running, or not yet for as long as makes them
    healthy. What ends by itself is recalled at once."""
    events: list[TaskEvent] = []
    waits: list[datetime] = []
    for _, group in groupby(rows, key=attrgetter("parent_id")):
        executions = list(group)
        rules = rules_of(executions[0].rules)
        healthy = {row.id for row in executions if _is_healthy(row, rules, now)}
        room = rules.max_unavailable - (len(executions) - len(healthy))
        if not rules.type.is_kept_running:
            room = len(executions)
        old = [row for row in executions if row.is_old and _may_be_recalled(row)]
        serving = [row for row in old if row.id in healthy]
        recalled = [row for row in old if row.id not in healthy] + serving[: max(room, 0)]
        events += [ExecutionRecalled(r.job_id, r.id, r.dispatch, "update") for r in recalled]
        waits += filter(None, (_healthy_at(row, rules, now) for row in executions))
    return Choices(events, min(waits, default=None))


def _is_healthy(row: VersionRow, rules: Rules, now: datetime) -> bool:
    if row.state != "RUNNING" or row.recall is not None or row.started_at is None:
        return False
    return now - row.started_at >= rules.healthy_after


def _healthy_at(row: VersionRow, rules: Rules, now: datetime) -> datetime | None:
    """Nothing else tells of it. What has still to begin does so without a word, perhaps at once."""
    if row.state != "RUNNING" or row.started_at is None:
        return now + max(rules.healthy_after, _SOONEST_LOOK)
    healthy_at = row.started_at + rules.healthy_after
    return healthy_at if healthy_at > now else None


def _may_be_recalled(row: VersionRow) -> bool:
    return row.state != "CREATED" and row.recall is None
