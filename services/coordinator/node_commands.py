"""What administrators say of workers: told to those that run, kept by name for those that come."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from services.coordinator.store import node_details as store
from services.coordinator.store.node_details import NodeDetails, Policy
from shared.postgres.errors import translated_errors
from shared.postgres.pool import Connection, Pool, acquired
from shared.store.outbox import Outbox, OutboxRow
from shared.store.outgoing import availability_order, placement_due
from shared.store.writing import Writes, write

log = structlog.get_logger(__name__)

Act = Literal["approve", "reject", "cordon", "uncordon", "drain"]


class NoChange(Exception):
    """It is so already; the text says what."""


class StillUp(Exception):
    """A worker that is up can't be forgotten."""


def changed(policy: Policy, act: Act) -> Policy:
    match act:
        case "approve":
            return replace(policy, membership="APPROVED")
        case "reject":
            return replace(policy, membership="REJECTED")
        case "cordon":
            return replace(policy, availability="cordoned")
        case "uncordon":
            return replace(policy, availability="active")
        case "drain":
            return replace(policy, availability="draining")


_DONE: dict[Act, str] = {
    "approve": "approved",
    "reject": "rejected",
    "cordon": "cordoned",
    "uncordon": "uncordoned",
    "drain": "draining",
}
_ALREADY = _DONE | {"uncordon": "active"}


def nodes_called(nodes: Sequence[NodeDetails], text: str) -> list[NodeDetails]:
    """By id, by name (of several the one that is up, else the one heard last), or by the beginning
    of an id: more than one where that is of several."""
    named = sorted(
        (node for node in nodes if node.name == text),
        key=lambda node: (node.is_up, node.last_heartbeat_at),
        reverse=True,
    )
    return (
        [node for node in nodes if node.id == text]
        or named[:1]
        or [node for node in nodes if text and node.id.startswith(text)]
    )


@dataclass(frozen=True, slots=True)
class NodeCommands:
    """All may raise DatabaseUnavailable."""

    _pool: Pool
    _outbox: Outbox

    async def act(self, name: str, act: Act, message: str | None, by: str | None) -> Policy:
        """What holds now for workers of this name. Raises NoChange."""
        with translated_errors():
            async with acquired(self._pool) as connection, connection.transaction():
                before = await store.lock_policy(connection, name)
                policy = changed(before, act)
                if policy == before and not await _ends_hold(connection, name, act):
                    raise NoChange(f"worker {name} is already {_ALREADY[act]}")
                await store.set_policy(connection, name, policy, message, by or "", _DONE[act])
                rows = await self._tell(connection, name, policy)
        self._outbox.send(rows)
        log.info("node_policy_changed", name=name, act=act, by=by, message=message)
        return policy

    async def forget(self, node: NodeDetails) -> None:
        """All that is known of workers of its name. Raises StillUp."""
        with translated_errors():
            async with acquired(self._pool) as connection, connection.transaction():
                if await store.online_of_name(connection, node.name):
                    raise StillUp(f"worker {node.name} is up: stop it first, or reject it")
                await store.forget_node(connection, node.name)
        log.info("node_forgotten", name=node.name)

    async def _tell(self, connection: Connection, name: str, policy: Policy) -> Sequence[OutboxRow]:
        """At once: heartbeats would bring it a little later."""
        ids = await store.online_of_name(connection, name)
        orders = [availability_order(node_id, policy.told) for node_id in ids]
        return await write(connection, Writes(messages=[*orders, placement_due()]))


async def _ends_hold(connection: Connection, name: str, act: Act) -> bool:
    """A worker that is told that it may take tasks, as before, ends the hold it put itself on."""
    return act == "uncordon" and await store.is_held(connection, name)
