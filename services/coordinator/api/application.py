"""The HTTP door: plain lists of routes and middlewares put together."""

from collections.abc import Sequence

from aiohttp import web

from services.coordinator.api.documentation import documentation_routes
from services.coordinator.api.metrics import GAUGES, TotalGauges
from services.coordinator.api.middlewares import errors_as_json, identified
from services.coordinator.api.requests import PORTS
from services.coordinator.api.route import Route
from services.coordinator.api.routes import ROUTES
from services.coordinator.ports import ApiPorts

DEFAULT_BODY_LIMIT_BYTES = 500 * 1024


def make_application(
    ports: ApiPorts,
    *,
    body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES,
    routes: Sequence[Route] = ROUTES,
) -> web.Application:
    app = web.Application(
        middlewares=[identified, errors_as_json], client_max_size=body_limit_bytes
    )
    app[PORTS] = ports
    app[GAUGES] = TotalGauges(ports.metrics)
    app.add_routes([web.route(route.method, route.path, route.handler) for route in routes])
    app.add_routes(documentation_routes(routes))
    app.on_shutdown.append(_stop_waiting)
    return app


async def _stop_waiting(app: web.Application) -> None:
    await app[PORTS].final_jobs.close()
