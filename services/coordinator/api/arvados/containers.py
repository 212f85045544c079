"""/arvados/v1/containers: what runs, each with the requests that share it."""

from functools import partial
from typing import Any

from aiohttp import web

from services.coordinator import wait_reasons
from services.coordinator.api.access.principal import principal
from services.coordinator.api.arvados.container_requests import visible_request
from services.coordinator.api.arvados.container_views import (
    container_state,
    container_uuid,
    shown_container,
)
from services.coordinator.api.arvados.groups import CONTAINERS, INVALID, PREFIX, REQUESTS
from services.coordinator.api.arvados.listing import (
    NEWEST,
    listing,
    reply_page,
    select_of,
    selected,
)
from services.coordinator.api.arvados.parameters import parameters
from services.coordinator.api.arvados.schemas import (
    ArvadosContainer,
    ArvadosContainerList,
    ArvadosContainerStatus,
)
from services.coordinator.api.errors import NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import ports
from services.coordinator.api.route import response
from services.coordinator.store import container_requests as store
from services.coordinator.store.container_requests import RequestRow
from shared.jobspec.arvados.uuids import CONTAINER, id_beginning
from shared.planning.disclosure import redacting

Tree = dict[str, Any]


@CONTAINERS.route(
    f"GET {PREFIX}/containers",
    "List containers: filters, where, order, limit, offset, select, distinct, count",
    response("A page of containers.", ArvadosContainerList),
    {400: INVALID, 422: INVALID},
)
async def list_arvados_containers(request: web.Request) -> web.Response:
    """Those of requests that you may see; looked for among the newest 10,000."""
    asked = listing(await parameters(request), NEWEST)
    wanted = None
    if asked.uuids is not None:
        wanted = [one for uuid in asked.uuids if (one := id_beginning(CONTAINER, uuid))]
    rows = await ports(request).run(store.containers, wanted, principal(request).readers)
    return await reply_page(request, asked, rows, partial(_shown, request), "arvados#containerList")


@CONTAINERS.route(
    f"GET {PREFIX}/containers/{{id}}",
    "Show a container",
    response("The container.", ArvadosContainer),
    {422: INVALID},
)
async def get_arvados_container(request: web.Request) -> web.Response:
    select = select_of(await parameters(request))
    if beginning := id_beginning(CONTAINER, request.match_info["id"]):
        readers = principal(request).readers
        for row in await ports(request).run(store.containers, [beginning], readers):
            return reply(selected(_shown(request, row), select))
    raise NotFound("no such container")


@REQUESTS.route(
    f"GET {PREFIX}/container_requests/{{id}}/container_status",
    "Show the state of a request's container, and what it waits for",
    response("The state.", ArvadosContainerStatus),
)
async def get_arvados_container_status(request: web.Request) -> web.Response:
    row = await visible_request(request, request.match_info["id"])
    if row.job_id is None:
        return reply(ArvadosContainerStatus())
    why = await ports(request).run(wait_reasons.of_jobs, [row.job_id]) if row.state else {}
    waiting = why.get(row.job_id)
    return reply(
        ArvadosContainerStatus(
            uuid=container_uuid(row.job_id),
            container_state=container_state(row),
            scheduling_status=waiting.message if waiting else "",
        )
    )


def _shown(request: web.Request, row: RequestRow) -> Tree:
    return shown_container(row, redacting(ports(request).sealer, row.sealed_of_job))


CONTAINER_ROUTES = (
    list_arvados_containers,
    get_arvados_container,
    get_arvados_container_status,
)
