"""/api/v1/orchestrator/nodes: list, show, approve, reject, forget."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.bacalhau.bodies import parsed_body
from services.coordinator.api.bacalhau.error_form import hinted
from services.coordinator.api.bacalhau.groups import NODES, Labels, ListQuery, chosen
from services.coordinator.api.bacalhau.node_views import shown_node
from services.coordinator.api.bacalhau.schemas import (
    NodeActionTaken,
    NodeList,
    OneNode,
    Pascal,
)
from services.coordinator.api.errors import Conflict, NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports, query
from services.coordinator.api.route import Route, Scope, error, response
from services.coordinator.api.selectors import parse_selector
from services.coordinator.node_commands import NoChange
from services.coordinator.store import node_details
from services.coordinator.store.node_details import NodeDetails
from shared.placement.labels import matches

_BY: Mapping[str, Callable[[NodeDetails], Any]] = {
    "id": lambda node: node.id,
    "type": lambda node: node.id,  # all are of one
    "available_cpu": lambda node: -_free(node, "millicpus"),
    "available_memory": lambda node: -_free(node, "memory"),
    "available_disk": lambda node: -_free(node, "disk"),
    "available_gpu": lambda node: -_free(node, "gpus"),
    "approval": lambda node: node.membership,
    "status": lambda node: not node.is_up,
}
"""What nodes are ordered by: of amounts the most first."""


class NodesQuery(ListQuery):
    """Which nodes."""

    labels: Labels = ""
    filter_approval: Annotated[
        Literal["", "approved", "pending", "rejected"],
        Field(alias="filter-approval", description="Only those of this membership."),
    ] = ""
    filter_status: Annotated[
        Literal["", "connected", "disconnected"],
        Field(alias="filter-status", description="Only those that are connected, or are not."),
    ] = ""


class NodeAction(Pascal):
    """What to do with a node."""

    action: Literal["approve", "reject", "delete"]
    message: Annotated[str, Field(max_length=1000)] = ""
    """Why."""
    node_id: str = ""
    """Which node, where the path does not name it."""


_TAKEN = response("It is done.", NodeActionTaken)
_AS_IT_IS = {409: error("The node is approved, or rejected, already.")}
_EXAMPLE = {"Action": "approve", "Message": "known to us"}


@NODES.route(
    "GET /api/v1/orchestrator/nodes", "List nodes", response("Nodes.", NodeList), query=NodesQuery
)
async def list_bacalhau_nodes(request: web.Request) -> web.Response:
    asked = query(request, NodesQuery, joined=("labels",))
    constraints = parse_selector(asked.labels)
    order = _BY[chosen(asked.order_by, tuple(_BY), "order_by")]
    found = [
        node
        for node in await ports(request).run(node_details.node_details)
        if asked.filter_approval in ("", node.membership.lower())
        and asked.filter_status in ("", "connected" if node.is_up else "disconnected")
        and all(matches(constraint, node.labels) for constraint in constraints)
    ]
    found.sort(key=order, reverse=asked.reverse)
    shown = [shown_node(node) for node in found[: asked.limit or None]]
    return reply(NodeList(nodes=shown, nodes_too=shown))


@NODES.route(
    "GET /api/v1/orchestrator/nodes/{id}",
    "Show a node",
    response("The node.", OneNode),
    {409: error("Several nodes begin so, or have this name.")},
)
async def get_bacalhau_node(request: web.Request) -> web.Response:
    node = shown_node(await _node(request, request.match_info["id"]))
    return reply(OneNode(node=node, node_too=node))


@NODES.route(
    "PUT /api/v1/orchestrator/nodes/{id}",
    "Approve, reject or forget a node",
    _TAKEN,
    _AS_IT_IS,
    scope=Scope.ADMIN,
    body=NodeAction,
    example=_EXAMPLE,
)
async def put_bacalhau_node(request: web.Request) -> web.Response:
    """What is said of a node holds for all that come with its name."""
    action = await parsed_body(request, NodeAction)
    return await _take(request, request.match_info["id"], action)


@NODES.route(
    "POST /api/v1/orchestrator/nodes",
    "Approve, reject or forget a node, as clients of 1.4 do",
    _TAKEN,
    {404: error("There is no such node."), **_AS_IT_IS},
    scope=Scope.ADMIN,
    body=NodeAction,
    example={**_EXAMPLE, "NodeID": "n-1"},
)
async def post_bacalhau_node(request: web.Request) -> web.Response:
    action = await parsed_body(request, NodeAction)
    return await _take(request, action.node_id, action)


async def _take(request: web.Request, node_id: str, asked: NodeAction) -> web.Response:
    node, api = await _node(request, node_id), ports(request)
    if asked.action == "delete":
        await api.run(node_details.forget_node, node.name)
        return reply(NodeActionTaken(success=True, success_too=True))
    try:
        await api.nodes.act(
            node.name, asked.action, asked.message or None, principal(request).creator
        )
    except NoChange as reason:  # whoever asks thinks otherwise of it
        raise Conflict(str(reason)) from None
    return reply(NodeActionTaken(success=True, success_too=True))


async def _node(request: web.Request, text: str) -> NodeDetails:
    """By its id, the beginning of its id, or its name; of several by a name the one that is up."""
    nodes = await ports(request).run(node_details.node_details)
    named = [node for node in nodes if node.name == text]
    found = (
        [node for node in nodes if node.id == text]
        or [node for node in named if node.is_up]
        or named[:1]
        or [node for node in nodes if text and node.id.startswith(text.removeprefix("n-"))]
    )
    if not found:
        raise NotFound(f"node not found: {text[:100]}")
    if len(found) > 1:
        ids = ", ".join(node.id for node in found[:10])
        raise hinted(request, Conflict(f"several nodes match {text!r}: {ids}"), "Use the full id")
    return found[0]


def _free(node: NodeDetails, amount: str) -> int:
    return node.capacity.get(amount, 0) - node.used.get(amount, 0)


NODE_ROUTES: tuple[Route, ...] = (
    list_bacalhau_nodes,
    get_bacalhau_node,
    put_bacalhau_node,
    post_bacalhau_node,
)
