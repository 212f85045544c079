"""Workers as nodes of placement: what they are, and what is held of them, summed from tasks."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.placement import NOTHING, Amounts, Node, capacity_of
from shared.postgres.pool import Connection

# A worker that was started again is another node; the one before it may seem to be up for a lease.
NODES = """
SELECT n.id, n.name, n.labels, n.engines, n.storages, n.publishers, n.capacity, n.max_executions,
       n.availability AS told, n.hold_reason, coalesce(p.membership, 'APPROVED') AS membership,
       coalesce(p.availability, 'active') AS wanted
FROM nodes n LEFT JOIN node_policies p ON p.name = n.name
WHERE n.status = 'UP' AND NOT EXISTS (
    SELECT FROM nodes s WHERE s.name = n.name AND s.hostname = n.hostname AND s.port = n.port
        AND n.port <> 0 AND s.started_at > n.started_at AND s.status = 'UP')
ORDER BY n.id
"""

SUCCESSORS = """
SELECT DISTINCT ON (o.id) o.id, s.id
FROM nodes s JOIN nodes o ON o.name = s.name AND o.hostname = s.hostname AND o.port = s.port
    AND o.started_at < s.started_at
WHERE s.status = 'UP' AND s.port <> 0
ORDER BY o.id, s.started_at DESC
"""

HELD = """
SELECT node_id, coalesce(sum((resources ->> 'millicpus')::bigint), 0)::bigint,
       coalesce(sum((resources ->> 'memory')::bigint), 0)::bigint,
       coalesce(sum((resources ->> 'disk')::bigint), 0)::bigint,
       coalesce(sum((resources ->> 'gpus')::bigint), 0)::bigint
FROM tasks
WHERE resources IS NOT NULL AND state IN ('SCHEDULED', 'RUNNING') AND node_id IS NOT NULL
GROUP BY node_id
"""

_IS_ON_A_NODE = "placement IS NOT NULL AND kind = 'task' AND state IN ('SCHEDULED', 'RUNNING')"

EXECUTIONS = f"""
SELECT node_id, count(*)::int FROM tasks WHERE {_IS_ON_A_NODE} AND node_id IS NOT NULL
GROUP BY node_id
"""  # noqa: S608 - a condition of our own

FAMILIES = f"""
SELECT node_id, parent_id, count(*)::int FROM tasks
WHERE {_IS_ON_A_NODE} AND node_id IS NOT NULL AND parent_id = ANY($1::text[])
GROUP BY node_id, parent_id
"""  # noqa: S608 - a condition of our own

PORTS = f"""
SELECT node_id, placement -> 'demand' -> 'ports' AS ports FROM tasks
WHERE {_IS_ON_A_NODE} AND node_id IS NOT NULL AND placement -> 'demand' ? 'ports'
"""  # noqa: S608 - a condition of our own

_OBSTACLES = {
    "PENDING": "not approved yet",
    "REJECTED": "rejected",
}


async def read_nodes(connection: Connection) -> list[Node]:
    """Those that are up, as if nothing ran on them."""
    return [_node(row) for row in await connection.fetch(NODES)]


async def successors_of(connection: Connection) -> Mapping[str, str]:
    """By node that is no more, the worker that was started in its place."""
    return {row[0]: row[1] for row in await connection.fetch(SUCCESSORS)}


async def with_what_is_held(
    connection: Connection, nodes: Sequence[Node], families: Collection[str], *, with_ports: bool
) -> list[Node]:
    """Of the placed tasks `families` it is known how many executions each node has; the ports in
    use only where they are asked for."""
    held = {row[0]: Amounts(*row[1:5]) for row in await connection.fetch(HELD)}
    counts: Mapping[str, int] = dict(await connection.fetch(EXECUTIONS))
    of_families: defaultdict[str, dict[str, int]] = defaultdict(dict)
    if families:
        for node_id, family, count in await connection.fetch(FAMILIES, list(families)):
            of_families[node_id][family] = count
    ports = await _ports(connection) if with_ports else {}
    return [
        replace(
            node,
            held=held.get(node.id, NOTHING),
            executions=counts.get(node.id, 0),
            families=of_families.get(node.id, {}),
            ports=frozenset(ports.get(node.id, ())),
        )
        for node in nodes
    ]


def _node(row: Mapping[str, Any]) -> Node:
    return Node(
        id=row["id"],
        name=row["name"],
        labels=row["labels"],
        engines=_names(row["engines"]),
        storages=_names(row["storages"]),
        publishers=_names(row["publishers"]),
        capacity=capacity_of(row["capacity"]),
        max_executions=row["max_executions"],
        obstacle=_obstacle(row),
        hold_reason=row["hold_reason"],
    )


async def _ports(connection: Connection) -> Mapping[str, set[tuple[str, int]]]:
    ports: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
    for node_id, taken in await connection.fetch(PORTS):
        ports[node_id].update((address, port) for address, port in taken)
    return ports


def _obstacle(row: Mapping[str, Any]) -> str | None:
    """What an administrator has said; or what the worker believes until it hears of a change."""
    said: Sequence[str] = (row["membership"], row["wanted"], row["told"])
    words = (_OBSTACLES.get(word, word) for word in said if word not in ("APPROVED", "active"))
    return next(words, None)


def _names(names: Collection[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)
