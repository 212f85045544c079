"""What became of the deliveries to webhooks, and sending them again."""

from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.schemas import read_body
from services.coordinator.api.access.visibility import require_operable, require_visible
from services.coordinator.api.errors import Conflict, NotFound
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import path_id, ports, query, time_of
from services.coordinator.api.route import DONE, Route, RouteGroup, Scope, error, response
from services.coordinator.api.tork.jobs import JOBS
from services.coordinator.api.webhooks.delivery_schemas import (
    DeliveriesQuery,
    DeliveryDetails,
    DeliveryPage,
    ResendRequest,
    Resent,
    TestSent,
    delivery_details,
    delivery_page,
)
from services.coordinator.api.webhooks.lookup import WEBHOOKS, asked_row, endpoint_row
from services.coordinator.store import webhook_deliveries
from services.coordinator.store.job_search import SHORTEST_PREFIX
from services.coordinator.store.webhook_deliveries import DeliveryRow
from services.coordinator.store.webhook_endpoints import EndpointRow
from shared.store.notices import Notice, add_notices, notice_delivery

_IS_DISABLED = "the webhook endpoint is disabled: enable it first"
_DISABLED = error("The endpoint is disabled.")
_SEVERAL = error("Several ids begin so; the message lists some.")

DELIVERIES = RouteGroup(
    group="webhooks",
    tag="webhooks",
    path_meanings={"id": "The delivery's id, or its beginning (4 characters)."},
    missing="There is no such delivery.",
)


@JOBS.route(
    "GET /jobs/{id}/webhooks",
    "List the deliveries to webhooks of a job, the newest change first",
    response("A page of deliveries.", DeliveryPage),
    query=DeliveriesQuery,
)
async def list_job_webhooks(request: web.Request) -> web.Response:
    """Its own, and those of endpoints that the principal may see."""
    asked, job_id = query(request, DeliveriesQuery), path_id(request, "job")
    await require_visible(request, job_id)
    api, readers = ports(request), principal(request).readers
    found = await api.run(
        webhook_deliveries.of_job, job_id, readers, asked.state or None, asked.request()
    )
    return reply(delivery_page(found, api.sealer))


@WEBHOOKS.route(
    "GET /webhooks/{id}/deliveries",
    "List the deliveries of a webhook endpoint, newest first",
    response("A page of deliveries.", DeliveryPage),
    query=DeliveriesQuery,
)
async def list_endpoint_deliveries(request: web.Request) -> web.Response:
    asked, row, api = query(request, DeliveriesQuery), await asked_row(request), ports(request)
    found = await api.run(
        webhook_deliveries.of_endpoint, row.id, asked.state or None, asked.request()
    )
    return reply(delivery_page(found, api.sealer))


@DELIVERIES.route(
    "GET /webhooks/deliveries/{id}",
    "Show a delivery with its body and its attempts",
    response("The delivery.", DeliveryDetails),
    {409: _SEVERAL},
)
async def get_delivery(request: web.Request) -> web.Response:
    row, api = await _delivery(request), ports(request)
    attempts = await api.run(webhook_deliveries.attempts, row.id)
    return reply(delivery_details(row, attempts, api.sealer))


async def _delivery(request: web.Request) -> DeliveryRow:
    """Raises NotFound also for one that the principal may not see."""
    text, readers = path_id(request, "delivery"), principal(request).readers
    run = ports(request).run
    row = await run(webhook_deliveries.one, text, readers)
    if row is None and len(text) >= SHORTEST_PREFIX:
        found = await run(webhook_deliveries.beginning, text, readers)
        if len(found) > 1:
            raise Conflict(_ambiguous(text, found))
        row = await run(webhook_deliveries.one, found[0], readers) if found else None
    if row is None:
        raise NotFound(f"no delivery has the id {text!r}")
    return row


def _ambiguous(text: str, found: Sequence[str]) -> str:
    more = ["…"] if len(found) > webhook_deliveries.MOST_FOUND else []
    shown = [*found[: webhook_deliveries.MOST_FOUND], *more]
    return f"several deliveries match {text!r}: " + "; ".join(shown)


@DELIVERIES.route(
    "POST /webhooks/deliveries/{id}/resend",
    "Send a delivery again now, whatever its state",
    DONE,
    {409: error("The endpoint is disabled, or several ids begin so; the message lists some.")},
    scope=Scope.OPERATE,
)
async def resend_delivery(request: web.Request) -> web.Response:
    """With the same `webhook-id`. For who may operate the job, or see the endpoint."""
    row = await _delivery(request)
    if row.endpoint_id is None:
        await require_operable(request, row.job_id)
    else:
        _require_enabled(await endpoint_row(request, row.endpoint_id))
    if not await ports(request).run(webhook_deliveries.resend, row.id):
        raise NotFound("no such delivery")  # deleted with its job since
    return reply(Status())


@WEBHOOKS.route(
    "POST /webhooks/{id}/resend",
    "Send the deliveries of a webhook endpoint again that failed since a time",
    response("How many are sent again, and how many are left.", Resent),
    {409: _DISABLED},
    scope=Scope.OPERATE,
    body=ResendRequest,
    example={"since": "24h"},
)
async def resend_failed(request: web.Request) -> web.Response:
    row = await asked_row(request)
    asked = await read_body(request, ResendRequest)
    since = time_of("since", asked.since, datetime.now(UTC))
    _require_enabled(row)
    run = ports(request).run
    resent = await run(webhook_deliveries.resend_failed, row.id, since)
    remaining = await run(webhook_deliveries.count_failed, row.id, since)
    return reply(Resent(resent=resent, remaining=remaining))


@WEBHOOKS.route(
    "POST /webhooks/{id}/test",
    "Send a webhook endpoint the event `endpoint.Test`",
    response("It will be sent.", TestSent),
    {409: _DISABLED},
    scope=Scope.OPERATE,
)
async def test_endpoint(request: web.Request) -> web.Response:
    """It is sent whatever events the endpoint asks for; a dispatcher adds the delivery soon."""
    row = await asked_row(request)
    _require_enabled(row)
    notice = Notice(
        event="endpoint.Test",
        data={"id": row.id, "description": row.description},
        endpoint_id=row.id,
    )
    [notice_id] = await ports(request).run(add_notices, [notice])
    return reply(TestSent(delivery_id=notice_delivery(notice_id, row.id)))


def _require_enabled(row: EndpointRow) -> None:
    if row.disabled_at is not None:
        raise Conflict(_IS_DISABLED)


DELIVERY_ROUTES: tuple[Route, ...] = (
    list_job_webhooks,
    list_endpoint_deliveries,
    get_delivery,
    resend_delivery,
    resend_failed,
    test_endpoint,
)
