"""/metrics: totals, as JSON or, with this process's own metrics, as Prometheus reads them."""

from aiohttp import web

from services.coordinator.api import views
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.store.rows import Totals
from shared.process.metrics import Metrics

_PROMETHEUS_TYPES = ("text/plain", "application/openmetrics-text")


class TotalGauges:
    """The totals of the whole system, which every coordinator tells alike."""

    def __init__(self, metrics: Metrics) -> None:
        self._jobs = metrics.gauge("jobs_running", "Jobs that run, in the whole system.")
        self._tasks = metrics.gauge("tasks_running", "Tasks that run, in the whole system.")
        self._nodes = metrics.gauge("nodes_online", "Workers that are up.")
        self._cpu = metrics.gauge("nodes_cpu_percent", "Mean processor use of the workers.")

    def set(self, totals: Totals) -> None:
        self._jobs.set(totals.running_jobs)
        self._tasks.set(totals.running_tasks)
        self._nodes.set(totals.online_nodes)
        self._cpu.set(totals.cpu_percent)


GAUGES = web.AppKey("gauges", TotalGauges)


async def get_metrics(request: web.Request) -> web.Response:
    totals = await ports(request).reads.totals()
    if not _wants_prometheus(request.headers.get("Accept", "")):
        return reply(views.totals(totals))
    request.app[GAUGES].set(totals)
    page, content_type = ports(request).metrics.render()
    return web.Response(body=page, headers={"Content-Type": content_type})


def _wants_prometheus(accept: str) -> bool:
    accept = accept.lower()
    asked = any(kind in accept for kind in _PROMETHEUS_TYPES)
    return asked and "application/json" not in accept
