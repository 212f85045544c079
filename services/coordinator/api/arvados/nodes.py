"""/arvados/v1/nodes: the workers."""

from typing import Any

from aiohttp import web

from services.coordinator.api.arvados.groups import INVALID, NODES, PREFIX
from services.coordinator.api.arvados.listing import listing, reply_page, select_of, selected
from services.coordinator.api.arvados.parameters import parameters
from services.coordinator.api.arvados.schemas import ArvadosNode, ArvadosNodeList
from services.coordinator.api.arvados.views import etag_of, node_uuid
from services.coordinator.api.errors import NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import response
from services.coordinator.store.node_details import NodeDetails, node_details
from shared.jobspec.arvados.uuids import SYSTEM_USER

Tree = dict[str, Any]

_BY_NAME = (("hostname", False), ("uuid", False))
_MEGABYTE = 1 << 20


@NODES.route(
    f"GET {PREFIX}/nodes",
    "List the workers: filters, where, order, limit, offset, select, distinct, count",
    response("A page of workers.", ArvadosNodeList),
    {400: INVALID, 422: INVALID},
)
async def list_arvados_nodes(request: web.Request) -> web.Response:
    """Those that have left are among them for a while: their `crunch_worker_state` is down."""
    asked = listing(await parameters(request), _BY_NAME)
    nodes = await ports(request).run(node_details)
    return await reply_page(request, asked, nodes, _shown, "arvados#nodeList")


@NODES.route(
    f"GET {PREFIX}/nodes/{{id}}",
    "Show a worker",
    response("The worker.", ArvadosNode),
    {422: INVALID},
)
async def get_arvados_node(request: web.Request) -> web.Response:
    name, select = request.match_info["id"], select_of(await parameters(request))
    for node in await ports(request).run(node_details):
        if name in (node.id, node_uuid(node.id)):
            return reply(selected(_shown(node), select))
    raise NotFound("no such worker")


def _shown(node: NodeDetails) -> Tree:
    uuid = node_uuid(node.id)
    return {
        "uuid": uuid,
        "kind": "arvados#node",
        "href": f"/nodes/{uuid}",
        "etag": etag_of(node.id, node.status, node.availability, node.last_heartbeat_at),
        "owner_uuid": SYSTEM_USER,
        "created_at": node.started_at,
        "modified_at": node.last_heartbeat_at,
        "modified_by_user_uuid": SYSTEM_USER,
        "modified_by_client_uuid": None,
        "hostname": node.hostname,
        "domain": None,
        "ip_address": None,
        "slot_number": None,
        "crunch_worker_state": _worker_state(node),
        "first_ping_at": node.started_at,
        "last_ping_at": node.last_heartbeat_at,
        "info": {},
        "properties": {
            "total_cpu_cores": node.capacity.get("millicpus", 0) // 1000,
            "total_ram_mb": node.capacity.get("memory", 0) // _MEGABYTE,
            "total_scratch_mb": node.capacity.get("disk", 0) // _MEGABYTE,
        },
    }


def _worker_state(node: NodeDetails) -> str:
    if not node.is_up:
        return "down"
    return "busy" if node.running else "idle"


NODE_ROUTES = (list_arvados_nodes, get_arvados_node)
