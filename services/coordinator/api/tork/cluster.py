"""/queues, of which only task queues may be deleted, and /nodes: the workers."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from services.coordinator.api.errors import BadRequest, NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.schemas import Status
from services.coordinator.api.tork.schemas.cluster import Node, Queue
from services.coordinator.ports import ApiPorts
from services.coordinator.store import cluster
from shared.messages.queues import (
    DEFAULT_TASK_QUEUE,
    SERVICE_QUEUES,
    is_node_queue,
    is_task_queue,
)

_NO_QUEUE = "no such queue"


async def list_queues(request: web.Request) -> web.Response:
    api = ports(request)
    running, names = await asyncio.gather(api.run(cluster.running_by_queue), _names(api))
    # Not one after the other: each takes some turns with the broker, which may be busy.
    found = await asyncio.gather(*(_stats(api, name, running) for name in names))
    return reply([queue for queue in found if queue])


async def get_queue(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    api = ports(request)
    if not (name in SERVICE_QUEUES or is_task_queue(name) or is_node_queue(name)):
        raise NotFound(_NO_QUEUE)
    queue = await _stats(api, name, await api.run(cluster.running_by_queue))
    if queue is None:
        raise NotFound(_NO_QUEUE)
    return reply(queue)


async def delete_queue(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    broker = ports(request).broker
    if not is_task_queue(name):
        raise BadRequest("only task queues may be deleted")
    if await broker.queue_stats(name) is None:
        raise NotFound(_NO_QUEUE)
    await broker.delete_queue(name)
    return reply(Status())


async def list_nodes(request: web.Request) -> web.Response:
    rows = await ports(request).run(cluster.nodes)
    return reply([Node.model_validate(row, from_attributes=True) for row in rows])


async def _names(api: ApiPorts) -> list[str]:
    """Our own queues, those that workers serve, those that tasks wait for."""
    nodes, wanted = await asyncio.gather(api.run(cluster.nodes), api.run(cluster.queues_of_tasks))
    served = {queue.partition(":")[0].strip() for node in nodes for queue in node.queue.split(",")}
    seen = {DEFAULT_TASK_QUEUE, *served, *wanted}
    return [*sorted(filter(is_task_queue, seen)), *SERVICE_QUEUES]


async def _stats(api: ApiPorts, name: str, running: Mapping[str, int]) -> Queue | None:
    stats = await api.broker.queue_stats(name)
    if stats is None:
        return None
    return Queue(
        name=name,
        size=stats.size,
        subscribers=stats.subscribers,
        unacked=running.get(name, 0) if is_task_queue(name) else 0,
    )
