"""/nodes: the workers."""

from aiohttp import web

from services.coordinator.api.replies import reply_list
from services.coordinator.api.requests import ports
from services.coordinator.api.tork import views


async def list_nodes(request: web.Request) -> web.Response:
    return reply_list([views.node(row) for row in await ports(request).reads.nodes()])
