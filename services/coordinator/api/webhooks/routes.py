"""/webhooks: create, list, show, change and delete endpoints, and replace their secrets."""

from datetime import UTC, datetime
from functools import partial

from aiohttp import web

from services.coordinator.api.access.principal import ADMIN_ROLE, Principal, principal
from services.coordinator.api.background import in_background
from services.coordinator.api.errors import BadRequest, Conflict, Forbidden, NotFound
from services.coordinator.api.idempotency import (
    IDEMPOTENCY_KEY,
    KEY_WAS_USED,
    gone,
    idempotency_key,
)
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import PageQuery, ports, query, whole_body
from services.coordinator.api.route import DONE, Route, Scope, error, response
from services.coordinator.api.webhooks.lookup import (
    NO_ENDPOINT,
    WEBHOOKS,
    asked_row,
    endpoint_row,
    found,
)
from services.coordinator.api.webhooks.schemas import (
    Endpoint,
    EndpointPage,
    EndpointWithSecret,
    endpoint_page,
    shown_endpoint,
)
from services.coordinator.api.webhooks.sealed_fields import (
    fields_of,
    first_secret,
    rotated,
    submitted,
)
from services.coordinator.commands import made_before
from services.coordinator.store import webhook_endpoints
from services.coordinator.store.webhook_endpoints import (
    EndpointFields,
    EndpointRow,
    NewEndpoint,
    Secret,
    TooManyEndpoints,
)
from shared.definition.quantities import parse_duration
from shared.jobspec.tork.models import EndpointChanges, EndpointSpec, SecretRotation
from shared.jobspec.tork.parsing import (
    JSON_TYPES,
    YAML_TYPES,
    parse_endpoint,
    parse_endpoint_changes,
    parse_rotation,
)
from shared.planning.submission import new_job_id
from shared.process.sealing import SealingError
from shared.process.signing import new_secret

MOST_ENDPOINTS = web.AppKey("most_endpoints", int)

_TOO_MANY = "at most {} webhook endpoints a user are allowed (CONVEYOR_API_WEBHOOK_ENDPOINTS)"
_KEPT_FOR = "24h"
_BODY_TYPES = (*JSON_TYPES, *YAML_TYPES)
_BROKEN = error("The endpoint breaks a rule; the message names field, value and rule.")


@WEBHOOKS.route(
    "POST /webhooks",
    "Create a webhook endpoint; only this answer shows its secret",
    response("The new endpoint with its secret.", EndpointWithSecret),
    {
        400: error("The endpoint breaks a rule, or there are too many; the message says which."),
        409: KEY_WAS_USED,
    },
    scope=Scope.SUBMIT,
    body=EndpointSpec,
    body_types=_BODY_TYPES,
    example={
        "description": "failed jobs to the chat",
        "url": "https://chat.example/hooks/1f0a",
        "events": ["job.StateChange"],
        "filter": "job.state == 'FAILED'",
    },
    headers=(IDEMPOTENCY_KEY,),
)
async def create_endpoint(request: web.Request) -> web.Response:
    """It hears what `read` shows, so whoever creates it must be allowed to read."""
    who = _who_may_read(request)
    body, content_type = await whole_body(request), request.headers.get("Content-Type", "")
    spec = await in_background(request, partial(parse_endpoint, body, content_type))
    sealer, secret = ports(request).sealer, spec.secret or new_secret()
    endpoint_id = new_job_id()
    new = _new(endpoint_id, fields_of(spec, sealer), first_secret(secret, sealer), who)
    row = await _added(request, new)
    return reply(shown_endpoint(row, sealer, secret if row.id == endpoint_id else None))


def _who_may_read(request: web.Request) -> Principal:
    """For who decides where an endpoint sends what `read` shows. Raises Forbidden."""
    who = principal(request)
    if not who.may(Scope.READ):
        raise Forbidden(f"requires the scope {Scope.READ} as well")
    return who


def _new(
    endpoint_id: str, fields: EndpointFields, secrets: list[Secret], who: Principal
) -> NewEndpoint:
    """Its creator and the administrators see it."""
    seen_by = {f"role:{ADMIN_ROLE}"} | ({who.identity} if who.identity else set())
    return NewEndpoint(endpoint_id, fields, secrets, who.creator, sorted(seen_by), who.readers)


async def _added(request: web.Request, new: NewEndpoint) -> EndpointRow:
    """What is created, or was by the first request with its key."""
    api, most, key = ports(request), request.app[MOST_ENDPOINTS], await idempotency_key(request)
    try:
        while not await api.run(webhook_endpoints.add, new, most, key):
            # A key may be forgotten between these two looks at it: then it is as good as new.
            if key and (first := await made_before(api.pool, key)):
                row = await api.run(webhook_endpoints.one, first, principal(request).readers)
                if row is None:
                    raise gone(key, "webhook endpoint")
                return row
    except TooManyEndpoints:  # the client can delete one
        raise BadRequest(_TOO_MANY.format(most)) from None
    return await endpoint_row(request, new.id)


@WEBHOOKS.route(
    "GET /webhooks",
    "List webhook endpoints, newest first: your own; an admin sees all",
    response("A page of webhook endpoints.", EndpointPage),
    query=PageQuery,
)
async def list_endpoints(request: web.Request) -> web.Response:
    asked = query(request, PageQuery)
    api = ports(request)
    rows = await api.run(webhook_endpoints.page, principal(request).readers, asked.request())
    return reply(endpoint_page(rows, api.sealer))


@WEBHOOKS.route(
    "GET /webhooks/{id}",
    "Show a webhook endpoint",
    response("The endpoint.", Endpoint),
)
async def get_endpoint(request: web.Request) -> web.Response:
    return reply(shown_endpoint(await asked_row(request), ports(request).sealer))


@WEBHOOKS.route(
    "PATCH /webhooks/{id}",
    "Change a webhook endpoint: the fields that are given; null resets one",
    response("The changed endpoint.", Endpoint),
    {400: _BROKEN, 409: error("The endpoint is encrypted with a key that is not set.")},
    scope=Scope.OPERATE,
    body=EndpointChanges,
    body_types=_BODY_TYPES,
    example={"events": ["job.StateChange", "job.Progress"], "disabled": False},
)
async def change_endpoint(request: web.Request) -> web.Response:
    """Disabled, it is sent nothing more; enabled again, what happens from then on. `read` is
    required as well, as at its creation."""
    _who_may_read(request)
    body, content_type = await whole_body(request), request.headers.get("Content-Type", "")
    sealer = ports(request).sealer

    async def changed(row: EndpointRow) -> EndpointFields:
        now = submitted(row, sealer)
        spec = await in_background(
            request, partial(parse_endpoint_changes, body, content_type, now)
        )
        return fields_of(spec, sealer, row)

    row = await asked_row(request)
    try:
        new = await ports(request).run(webhook_endpoints.change, row.id, changed)
    except SealingError as error:  # the operator can give the key
        raise Conflict(f"the endpoint can't be read: {error}") from None
    return reply(shown_endpoint(found(new), sealer))


@WEBHOOKS.route(
    "POST /webhooks/{id}/rotate-secret",
    "Replace the secret of a webhook endpoint; only this answer shows the new one",
    response("The endpoint with its new secret.", EndpointWithSecret),
    scope=Scope.OPERATE,
    body=SecretRotation,
    body_types=_BODY_TYPES,
    example={"keepFor": "24h"},
)
async def rotate_secret(request: web.Request) -> web.Response:
    """Until `keepFor` is over, requests are signed with both."""
    body, content_type = await whole_body(request), request.headers.get("Content-Type", "")
    asked = await in_background(request, partial(parse_rotation, body, content_type))
    keep_for = parse_duration(asked.keep_for or _KEPT_FOR)
    secret, sealer = asked.secret or new_secret(), ports(request).sealer

    def replaced(row: EndpointRow) -> list[Secret]:
        return rotated(row.secrets, secret, keep_for, datetime.now(UTC), sealer)

    row = await asked_row(request)
    new = await ports(request).run(webhook_endpoints.replace_secrets, row.id, replaced)
    return reply(shown_endpoint(found(new), sealer, secret))


@WEBHOOKS.route(
    "DELETE /webhooks/{id}",
    "Delete a webhook endpoint with its deliveries; nothing more is sent",
    DONE,
    scope=Scope.OPERATE,
)
async def delete_endpoint(request: web.Request) -> web.Response:
    row = await asked_row(request)
    if not await ports(request).run(webhook_endpoints.delete, row.id):
        raise NotFound(NO_ENDPOINT)  # by another since
    return reply(Status())


ENDPOINT_ROUTES: tuple[Route, ...] = (
    create_endpoint,
    list_endpoints,
    get_endpoint,
    change_endpoint,
    rotate_secret,
    delete_endpoint,
)
