"""/metrics: totals, as JSON or, with this process's own metrics, as Prometheus reads them."""

import asyncio
import math

from aiohttp import web

from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.tork import views
from services.coordinator.store import cluster
from services.coordinator.store.rows import Totals
from shared.postgres.errors import DatabaseUnavailable
from shared.process.metrics import ENDS, Metrics, MetricSpec

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


async def get_metrics(request: web.Request) -> web.Response:
    if not _wants_prometheus(request.headers.get("Accept", "")):
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


def _wants_prometheus(accept: str) -> bool:
    accept = accept.lower()
    asked = any(kind in accept for kind in _PROMETHEUS_TYPES)
    return asked and "application/json" not in accept
