"""/health: whether what this service stands on is there."""

from aiohttp import web

from services.coordinator.api.answers import Health
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from shared.process.health import missing_of


async def get_health(request: web.Request) -> web.Response:
    missing = missing_of(ports(request).health_checks)
    if missing:
        return reply(Health(status="DOWN", missing=missing), status=503)
    return reply(Health(status="UP"))
