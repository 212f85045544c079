"""/queues, of which only task queues may be deleted, and /metrics."""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    SERVICE_QUEUES,
    is_node_queue,
    is_task_queue,
    slots_by_queue,
)
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Connection
from shared.process.metrics import ENDS, Metrics, MetricSpec
from shared.store import queues_in_use, sample_rows
from shared.store.samples import QueueSample, merged_queue


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
    slots: int | None = None
    """How many tasks of a task queue the workers that are up run at once; 0: none serves it."""
    oldest_at: datetime | None = None
    """Since when the oldest of its tasks waits."""
    scheduled_per_minute: float | None = None
    """How many tasks are sent to it, of late; left out where no scheduler has sampled it."""
    started_per_minute: float | None = None
    """How many of its tasks workers begin, of late."""


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


NO_QUEUE = "no such queue"
_NOW = timedelta(minutes=1)
"""Of so long are the rates."""


QUEUES = RouteGroup(
    group="queues",
    tag="queues",
    path_meanings={"name": "The queue's name."},
    missing="There is no such queue.",
)
METRICS = RouteGroup(group="metrics", tag="management")


@QUEUES.route("GET /queues", "List the queues", response("All queues known.", list[Queue]))
async def list_queues(request: web.Request) -> web.Response:
    api = ports(request)
    tasks, retries = await asyncio.gather(api.run(_tasks), api.run(queues_in_use.with_retries))
    names = queues_in_use.task_queues(tasks.served, tasks.running, tasks.oldest, retries)
    # Not one after the other: each takes some turns with the broker, which may be busy.
    found = await asyncio.gather(*(_shown(api, n, tasks) for n in (*names, *SERVICE_QUEUES)))
    return reply([queue for queue in found if queue])


@QUEUES.route("GET /queues/{name}", "Show a queue", response("The queue.", Queue))
async def get_queue(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    api = ports(request)
    if not is_shown(name):
        raise NotFound(NO_QUEUE)
    queue = await _shown(api, name, await api.run(_tasks))
    if queue is None:
        raise NotFound(NO_QUEUE)
    return reply(queue)


@QUEUES.route(
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
        raise NotFound(NO_QUEUE)
    await broker.delete_queue(name)
    return reply(Status())


def is_shown(name: str) -> bool:
    return name in SERVICE_QUEUES or is_task_queue(name) or is_node_queue(name)


@dataclass(frozen=True, slots=True)
class _Tasks:
    """What Postgres knows of queues, by name."""

    served: Sequence[str]
    slots: Mapping[str, int]
    running: Mapping[str, int]
    oldest: Mapping[str, datetime]
    rates: Mapping[str, tuple[float, float]]


async def _tasks(connection: Connection) -> _Tasks:
    return _Tasks(
        served=await queues_in_use.served(connection),
        slots=slots_by_queue(await queues_in_use.online(connection)),
        running=await queues_in_use.running_by_queue(connection),
        oldest=await queues_in_use.oldest_by_queue(connection),
        rates=_rates(await sample_rows.latest(connection, _NOW)),
    )


def _rates(samples: Iterable[QueueSample]) -> Mapping[str, tuple[float, float]]:
    """Tasks a minute that were sent to each queue, and that workers began."""
    by_queue: dict[str, list[QueueSample]] = {}
    for sample in samples:
        by_queue.setdefault(sample.queue, []).append(sample)
    merged = [merged_queue(of_queue, of_queue[0].at) for of_queue in by_queue.values()]
    return {
        one.queue: (60 * one.scheduled / one.seconds, 60 * one.started / one.seconds)
        for one in merged
        if one.seconds
    }


async def _shown(api: ApiPorts, name: str, tasks: _Tasks) -> Queue | None:
    stats = await api.broker.queue_stats(name)
    if stats is None:
        return None
    if not is_task_queue(name):
        return Queue(name=name, size=stats.size, subscribers=stats.subscribers, unacked=0)
    scheduled, started = tasks.rates.get(name, (None, None))
    return Queue(
        name=name,
        size=stats.size,
        subscribers=stats.subscribers,
        unacked=tasks.running.get(name, 0),
        slots=tasks.slots.get(name, 0),
        oldest_at=tasks.oldest.get(name),
        scheduled_per_minute=scheduled,
        started_per_minute=started,
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


@METRICS.route(
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
