"""/nodes: list, show, approve, reject, cordon, uncordon, drain, delete."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.schemas import read_optional_body
from services.coordinator.api.errors import Conflict, NotFound
from services.coordinator.api.nodes.schemas import (
    Node,
    NodeEvent,
    NodeNote,
    NodesQuery,
    NodeWithTasks,
)
from services.coordinator.api.nodes.views import shown_node, shown_with_tasks
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import ports, query
from services.coordinator.api.route import DONE, Route, RouteGroup, Scope, error, response
from services.coordinator.api.selectors import parse_selector
from services.coordinator.node_commands import Act, NoChange, StillUp, nodes_called
from services.coordinator.store import node_details as store
from services.coordinator.store.node_details import NodeDetails
from shared.placement.labels import matches

_NODES = RouteGroup(
    group="nodes",
    tag="workers",
    path_meanings={"id": "The worker's id, the beginning of its id, or its name."},
    missing="There is no such worker.",
)
_MOST_EVENTS = 500
_SEVERAL = "Several workers have ids that begin so."


@_NODES.route(
    "GET /nodes",
    "List the workers",
    response("Workers seen within the last five minutes, unless `status` says more.", list[Node]),
    query=NodesQuery,
)
async def list_nodes(request: web.Request) -> web.Response:
    asked = query(request, NodesQuery)
    constraints = parse_selector(asked.labels)
    found = [
        node
        for node in await ports(request).run(store.node_details)
        if (asked.status == node.status if asked.status else node.is_recent)
        and asked.membership in ("", node.membership)
        and asked.availability in ("", node.availability)
        and all(matches(constraint, node.labels) for constraint in constraints)
    ]
    return reply([shown_node(node) for node in found])


@_NODES.route(
    "GET /nodes/{id}",
    "Show a worker with the tasks that hold it",
    response("The worker.", NodeWithTasks),
    {409: error(_SEVERAL)},
)
async def get_node(request: web.Request) -> web.Response:
    return await _shown(request, await _node(request))


@_NODES.route(
    "GET /nodes/{id}/history",
    "Show what has become of a worker, and what was said of it",
    response("The last 500 events of all workers of its name, newest first.", list[NodeEvent]),
    {409: error(_SEVERAL)},
)
async def get_node_history(request: web.Request) -> web.Response:
    node = await _node(request)
    found = await ports(request).run(store.history_of_node, node.name, _MOST_EVENTS)
    return reply([NodeEvent.model_validate(one, from_attributes=True) for one in found])


def _acting(act: Act, summary: str, conflict: str) -> Route:
    """What is said of a worker holds for all that come with its name."""

    async def handler(request: web.Request) -> web.Response:
        node, api = await _node(request), ports(request)
        note = await read_optional_body(request, NodeNote)
        try:
            await api.nodes.act(node.name, act, note.message, principal(request).creator)
        except NoChange as reason:  # whoever asks thinks otherwise of it
            raise Conflict(str(reason)) from None
        return await _shown(request, await _node(request, node.id))

    handler.__name__ = f"{act}_node"  # it names the operation
    return _NODES.route(
        f"PUT /nodes/{{id}}/{act}",
        summary,
        response("The worker as it is now, with what still runs there.", NodeWithTasks),
        {409: error(f"{conflict} Or: {_SEVERAL[0].lower()}{_SEVERAL[1:]}")},
        scope=Scope.ADMIN,
        body=NodeNote,
        example={"message": "new disk"},
    )(handler)


approve_node = _acting("approve", "Let a worker take tasks", "It is approved already.")
reject_node = _acting(
    "reject", "Take all tasks away from a worker, and give it none", "It is rejected already."
)
cordon_node = _acting("cordon", "Give a worker no new tasks", "It is cordoned already.")
uncordon_node = _acting(
    "uncordon",
    "Give a worker new tasks again",
    "It is neither cordoned nor draining, nor on hold.",
)
drain_node = _acting(
    "drain",
    "Give a worker no new tasks, and place its executions elsewhere",
    "It is draining already.",
)


@_NODES.route(
    "DELETE /nodes/{id}",
    "Forget a worker that is offline, and what was said of it",
    DONE,
    {409: error(f"It is up. Or: {_SEVERAL[0].lower()}{_SEVERAL[1:]}")},
    scope=Scope.ADMIN,
)
async def delete_node(request: web.Request) -> web.Response:
    node = await _node(request)
    try:
        await ports(request).nodes.forget(node)
    except StillUp as reason:  # its next heartbeat would bring it back
        raise Conflict(str(reason)) from None
    return reply(Status())


async def _node(request: web.Request, node_id: str | None = None) -> NodeDetails:
    """The one of that id, or of what is in the path. Raises NotFound, Conflict."""
    text = node_id or request.match_info["id"]
    found = nodes_called(await ports(request).run(store.node_details), text)
    if not found:
        raise NotFound("no such worker")
    if len(found) > 1:
        raise Conflict(f"{text} is the beginning of {len(found)} ids: use the name or the whole id")
    return found[0]


async def _shown(request: web.Request, node: NodeDetails) -> web.Response:
    tasks = await ports(request).run(store.tasks_of_node, node.id, principal(request).readers)
    return reply(shown_with_tasks(node, tasks))


WORKER_ROUTES: tuple[Route, ...] = (
    list_nodes,
    get_node,
    get_node_history,
    approve_node,
    reject_node,
    cordon_node,
    uncordon_node,
    drain_node,
    delete_node,
)
