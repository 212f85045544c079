"""/health: whether what this service depends on is available."""

from aiohttp import web

from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import RouteGroup, response
from services.coordinator.api.schemas import Health
from shared.process.health import missing_of


async def get_health(request: web.Request) -> web.Response:
    missing = missing_of(ports(request).health_checks)
    if missing:
        return reply(Health(status="DOWN", missing=missing), status=503)
    return reply(Health(status="UP"))


HEALTH_ROUTE = RouteGroup(group="health", tag="management", scope=None).route(
    "GET",
    "/health",
    get_health,
    "Check service health",
    {200: response("Healthy.", Health), 503: response("Something is missing.", Health)},
)
