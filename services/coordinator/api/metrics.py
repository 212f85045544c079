"""/metrics: totals as JSON, or this process's metrics as Prometheus reads them."""

from aiohttp import web

from services.coordinator.api import views
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports

_PROMETHEUS_TYPES = ("text/plain", "application/openmetrics-text")


async def get_metrics(request: web.Request) -> web.Response:
    api = ports(request)
    if _wants_prometheus(request.headers.get("Accept", "")):
        page, content_type = api.metrics.render()
        return web.Response(body=page, headers={"Content-Type": content_type})
    return reply(views.totals(await api.reads.totals()))


def _wants_prometheus(accept: str) -> bool:
    accept = accept.lower()
    asked = any(kind in accept for kind in _PROMETHEUS_TYPES)
    return asked and "application/json" not in accept
