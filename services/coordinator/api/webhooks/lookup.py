"""The webhook endpoint that a request is about, if its principal may see it."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import NotFound
from services.coordinator.api.requests import path_id, ports
from services.coordinator.api.route import RouteGroup
from services.coordinator.store import webhook_endpoints
from services.coordinator.store.webhook_endpoints import EndpointRow

NO_ENDPOINT = "no such webhook endpoint"

WEBHOOKS = RouteGroup(
    group="webhooks",
    tag="webhooks",
    path_meanings={"id": "The webhook endpoint's id."},
    missing="There is no such webhook endpoint.",
)


def found(row: EndpointRow | None) -> EndpointRow:
    """Raises NotFound."""
    if row is None:
        raise NotFound(NO_ENDPOINT)
    return row


async def endpoint_row(request: web.Request, endpoint_id: str) -> EndpointRow:
    """Raises NotFound also for one that the principal may not see."""
    readers = principal(request).readers
    return found(await ports(request).run(webhook_endpoints.one, endpoint_id, readers))


async def asked_row(request: web.Request) -> EndpointRow:
    """The one that the path names. Raises NotFound. Whoever may see it may change it, too."""
    return await endpoint_row(request, path_id(request, "webhook endpoint"))
