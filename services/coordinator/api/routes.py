"""The table of all routes, and /health."""

from aiohttp import web

from services.coordinator.api.access.routes import ACCESS_ROUTES
from services.coordinator.api.dead_letters import DEAD_LETTER_ROUTES
from services.coordinator.api.events import EVENT_ROUTES
from services.coordinator.api.replies import Health, reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import Route, RouteGroup, response
from services.coordinator.api.schedules.routes import SCHEDULE_ROUTES
from services.coordinator.api.tork.routes import TORK_ROUTES
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


ROUTES: tuple[Route, ...] = (
    *TORK_ROUTES,
    *EVENT_ROUTES,
    *SCHEDULE_ROUTES,
    *DEAD_LETTER_ROUTES,
    HEALTH_ROUTE,
    *ACCESS_ROUTES,
)
