"""/queues, of which only task queues may be deleted, /nodes: the workers, and /metrics."""

import asyncio
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field

from services.coordinator.api.errors import BadRequest, NotFound
from services.coordinator.api.replies import Answer, Status, reply
from services.coordinator.api.requests import Query, ports, query
from services.coordinator.api.route import DONE, JSON, Response, RouteGroup, Scope, error, response
from services.coordinator.api.tork import views
from services.coordinator.ports import ApiPorts
from services.coordinator.store import cluster
from services.coordinator.store.rows import Totals
from shared.messages.queues import (
    DEFAULT_TASK_QUEUE,
    SERVICE_QUEUES,
    is_node_queue,
    is_task_queue,
)
from shared.postgres.errors import DatabaseUnavailable
from shared.process.metrics import ENDS, Metrics, MetricSpec


class Node(Answer):
    """A worker that has shown a sign of life within the last five minutes."""

    id: str
    """New with each start of the worker."""
    name: str
    """From the worker's settings; by default its host name."""
    started_at: datetime
    """When the worker started."""
    cpu_percent: float
    """Use of its machine's processors, 0 to 100."""
    last_heartbeat_at: datetime
    """Its last sign of life."""
    queue: str
    """The queues it serves, each with how many tasks at once: `default:4,highcpu:2`."""
    status: Literal["UP", "DOWN", "OFFLINE"]
    """`OFFLINE`: it has left or fallen silent."""
    hostname: str
    """Its machine."""
    port: int
    """Where it serves `/health` and `/metrics`."""
    task_count: int
    """How many tasks it is running."""
    version: str
    """Of Conveyor."""


class Queue(Answer):
    """What waits in the broker."""

    name: str
    """A task queue's, or one of Conveyor's own."""
    size: int
    """How many messages wait."""
    subscribers: int
    """How many consumers it has."""
    unacked: int = Field(ge=0)
    """How many tasks of a task queue are running; 0 for other queues."""


class JobMetrics(Answer):
    running: int
    """How many jobs are running."""


class TaskMetrics(Answer):
    running: int
    """How many tasks are running."""


class NodeMetrics(Answer):
    online: int
    """How many workers are up."""
    cpu_percent: float
    """Their mean processor use, 0 to 100."""


class MetricsView(Answer):
    jobs: JobMetrics
    """Of all jobs."""
    tasks: TaskMetrics
    """Of all tasks."""
    nodes: NodeMetrics
    """Of all workers."""


Format = Literal["json", "prometheus"]


class MetricsQuery(Query):
    """How the metrics are written."""

    format: Annotated[
        Literal["", Format], Field(description="Default: what `Accept` asks for; without it, JSON.")
    ] = ""


_NO_QUEUE = "no such queue"


_QUEUES = RouteGroup(
    group="queues",
    tag="queues",
    path_meanings={"name": "The queue's name."},
    missing="There is no such queue.",
)
_WORKERS = RouteGroup(group="nodes", tag="management")
_METRICS = RouteGroup(group="metrics", tag="management")


@_QUEUES.route("GET /queues", "List the queues", response("All queues known.", list[Queue]))
async def list_queues(request: web.Request) -> web.Response:
    api = ports(request)
    running, names = await asyncio.gather(api.run(cluster.running_by_queue), _names(api))
    # Not one after the other: each takes some turns with the broker, which may be busy.
    found = await asyncio.gather(*(_stats(api, name, running) for name in names))
    return reply([queue for queue in found if queue])


@_QUEUES.route("GET /queues/{name}", "Show a queue", response("The queue.", Queue))
async def get_queue(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    api = ports(request)
    if not (name in SERVICE_QUEUES or is_task_queue(name) or is_node_queue(name)):
        raise NotFound(_NO_QUEUE)
    queue = await _stats(api, name, await api.run(cluster.running_by_queue))
    if queue is None:
        raise NotFound(_NO_QUEUE)
    return reply(queue)


@_QUEUES.route(
    "DELETE /queues/{name}",
    "Delete a task queue and its messages",
    DONE,
    {400: error("Not a task queue.")},
    scope=Scope.ADMIN,
)
async def delete_queue(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    broker = ports(request).broker
    if not is_task_queue(name):
        raise BadRequest("only task queues may be deleted")
    if await broker.queue_stats(name) is None:
        raise NotFound(_NO_QUEUE)
    await broker.delete_queue(name)
    return reply(Status())


@_WORKERS.route(
    "GET /nodes",
    "List the workers",
    response("Workers seen within the last five minutes.", list[Node]),
)
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


_JOBS = MetricSpec(
    "jobs_running",
    "Running jobs, system-wide.",
)
_TASKS = MetricSpec(
    "tasks_running",
    "Running tasks, system-wide.",
)
_NODES = MetricSpec(
    "nodes_online",
    "Online workers, system-wide.",
    ENDS,
    "fewer than were started",
)
_CPU = MetricSpec(
    "nodes_cpu_percent",
    "Mean CPU use of the workers, 0 to 100, system-wide.",
)

_PATIENCE_SECONDS = 3.0
_PROMETHEUS_TYPES = ("text/plain", "application/openmetrics-text")


class TotalGauges:
    """The totals of the whole system, which every coordinator tells alike."""

    def __init__(self, metrics: Metrics) -> None:
        self._jobs = metrics.gauge(_JOBS)
        self._tasks = metrics.gauge(_TASKS)
        self._nodes = metrics.gauge(_NODES)
        self._cpu = metrics.gauge(_CPU)

    def set(self, totals: Totals | None) -> None:
        """None: they can't be known now."""
        self._jobs.set(totals.running_jobs if totals else math.nan)
        self._tasks.set(totals.running_tasks if totals else math.nan)
        self._nodes.set(totals.online_nodes if totals else math.nan)
        self._cpu.set(totals.cpu_percent if totals else math.nan)


GAUGES = web.AppKey("gauges", TotalGauges)


@_METRICS.route(
    "GET /metrics",
    "Count running jobs, tasks and workers; Prometheus text when `format` or `Accept` asks for it",
    Response(
        "Totals; as Prometheus text with the metrics of this process.",
        {JSON: MetricsView, "text/plain": None},
    ),
    query=MetricsQuery,
)
async def get_metrics(request: web.Request) -> web.Response:
    asked = query(request, MetricsQuery).format or _accepted(request.headers.get("Accept", ""))
    if asked == "json":
        return reply(views.totals(await ports(request).run(cluster.totals)))
    request.app[GAUGES].set(await _totals_if_known(request))
    page, content_type = ports(request).metrics.render()
    return web.Response(body=page, headers={"Content-Type": content_type})


async def _totals_if_known(request: web.Request) -> Totals | None:
    """The page must be there above all when something is not."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await ports(request).run(cluster.totals)
    except (DatabaseUnavailable, TimeoutError):
        return None  # the rest of the page says that the database is missing


def _accepted(accept: str) -> Format:
    accept = accept.lower()
    asked = any(kind in accept for kind in _PROMETHEUS_TYPES)
    return "prometheus" if asked and "application/json" not in accept else "json"
