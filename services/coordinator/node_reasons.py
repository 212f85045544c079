"""Why executions wait for a node: what each node lacks, as things are now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import orjson

from services.coordinator.store import waiting
from services.coordinator.store.waiting import WaitingTask
from shared.placement import Demand, NodeMisses, explain, from_json, summary
from shared.postgres.pool import Connection
from shared.store.node_rows import read_nodes, with_what_is_held


@dataclass(frozen=True, slots=True)
class NodeReasons:
    """Of executions that ask for the same: what each node lacks, and that in a sentence."""

    tasks: Sequence[WaitingTask]
    nodes: Sequence[NodeMisses]
    message: str


@lru_cache(maxsize=1000)
def _demand(placement: str) -> Demand:
    return from_json(orjson.loads(placement)["demand"])


async def of_job(connection: Connection, job_id: str) -> list[NodeReasons]:
    return await reasons_of(connection, await waiting.for_nodes(connection, job_id))


async def messages_of(connection: Connection, tasks: Sequence[WaitingTask]) -> Mapping[str, str]:
    """By the id of the task, of those that wait for a node."""
    found = await reasons_of(connection, tasks)
    return {task.id: group.message for group in found for task in group.tasks}


async def reasons_of(connection: Connection, tasks: Sequence[WaitingTask]) -> list[NodeReasons]:
    """One for all that ask for the same."""
    groups: dict[tuple[str, str, str | None], list[WaitingTask]] = {}
    for task in tasks:
        if task.waits_for_a_node and task.placement is not None:
            key = task.placement, task.parent_id or task.id, task.pinned_to
            groups.setdefault(key, []).append(task)
    if not groups:
        return []
    families = {family for _, family, _ in groups}
    with_ports = any(_demand(placement).ports for placement, _, _ in groups)
    nodes = await with_what_is_held(
        connection, await read_nodes(connection), families, with_ports=with_ports
    )
    reasons: list[NodeReasons] = []
    for (placement, family, pinned_to), members in groups.items():
        looked_at = [node for node in nodes if pinned_to in (None, node.id)]
        misses = explain(looked_at, _demand(placement), family)
        message = f"node {pinned_to} is gone" if pinned_to and not misses else summary(misses)
        reasons.append(NodeReasons(members, misses, message))
    return reasons
