"""/secrets: keep secrets apart from jobs, list, replace and delete them."""

import re

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.schemas import read_body
from services.coordinator.api.access.visibility import (
    ONLY_VIEW,
    known_permissions,
    private_readers,
)
from services.coordinator.api.errors import BadRequest, Conflict, Forbidden, NotFound
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import path_id, ports
from services.coordinator.api.route import DONE, Route, RouteGroup, Scope, error, response
from services.coordinator.api.secrets.schemas import NewStoredSecret, Secret, shown_secret
from services.coordinator.store import stored_secrets
from services.coordinator.store.stored_secrets import NewSecret, StoredSecret
from shared.definition import Permission, encode_all
from shared.jobspec.cron.moments import parse_moment

ID_RULE = "must be 1 to 64 letters, digits, dashes or underscores"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_SECRET = "no such secret"  # noqa: S105 - what is told

_SECRETS = RouteGroup(
    group="secrets",
    tag="secrets",
    path_meanings={"id": "The secret's id: 1 to 64 letters, digits, dashes or underscores."},
    missing="There is no such secret.",
)


@_SECRETS.route(
    "GET /secrets",
    "List the stored secrets that you may use; an admin sees all",
    response("Secrets by id, without the secrets themselves.", list[Secret]),
)
async def list_secrets(request: web.Request) -> web.Response:
    rows = await ports(request).run(stored_secrets.find_all, principal(request).readers)
    return reply([shown_secret(request, row) for row in rows])


@_SECRETS.route(
    "GET /secrets/{id}",
    "Show a stored secret, without the secret itself",
    response("The secret.", Secret),
)
async def get_secret(request: web.Request) -> web.Response:
    return reply(shown_secret(request, await _visible(request)))


@_SECRETS.route(
    "PUT /secrets/{id}",
    "Store a secret, or replace it",
    response("The stored secret.", Secret),
    {409: error("The id is taken by a secret of somebody else.")},
    scope=Scope.OPERATE,
    body=NewStoredSecret,
    example={"kind": "aws", "accessKey": "AKIAEXAMPLE", "secret": "a long text"},
)
async def put_secret(request: web.Request) -> web.Response:
    """Jobs that were submitted before keep what they have."""
    secret_id = _new_id(request)
    new = await read_body(request, NewStoredSecret)
    await store_secret(request, secret_id, new)
    return reply(shown_secret(request, await _visible(request)))


async def store_secret(request: web.Request, secret_id: str, new: NewStoredSecret) -> None:
    """Raises InvalidJob for permissions of nobody, Conflict."""
    api, who = ports(request), principal(request)
    asked = [Permission(**one.model_dump(exclude_none=True)) for one in new.permissions or ()]
    permissions = await known_permissions(request, asked)
    row = NewSecret(
        id=secret_id,
        kind=new.kind,
        name=new.name,
        access_key=new.access_key,
        sealed=api.sealer.seal({"secret": new.secret}),
        expires_at=parse_moment(new.expires_at) if new.expires_at else None,
        permissions=encode_all(permissions),
        readers=private_readers(request, permissions),
        created_by=who.creator,
        operators=who.operators,
    )
    if not await api.run(stored_secrets.put, row):
        raise Conflict(f'id: "{secret_id}" is taken by a secret that you may not replace')


@_SECRETS.route(
    "DELETE /secrets/{id}",
    "Delete a stored secret; jobs that were submitted with it keep what they have",
    DONE,
    scope=Scope.OPERATE,
)
async def delete_secret(request: web.Request) -> web.Response:
    row = await _visible(request)
    if not await ports(request).run(stored_secrets.delete, row.id, principal(request).operators):
        raise Forbidden(ONLY_VIEW.format("secret"))
    return reply(Status())


async def _visible(request: web.Request) -> StoredSecret:
    """Raises NotFound."""
    secret_id = path_id(request, "secret")
    row = await ports(request).run(stored_secrets.find, secret_id, principal(request).readers)
    if row is None:
        raise NotFound(_NO_SECRET)
    return row


def is_secret_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def _new_id(request: web.Request) -> str:
    """Raises BadRequest for what can't be one."""
    secret_id = request.match_info["id"]
    if not is_secret_id(secret_id):
        raise BadRequest(f"id: {ID_RULE}")
    return secret_id


SECRET_ROUTES: tuple[Route, ...] = (list_secrets, get_secret, put_secret, delete_secret)
