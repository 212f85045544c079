"""/v1/auth/secrets: stored secrets, as ByteNite's clients name and delete them."""

from typing import Annotated

from aiohttp import web
from pydantic import Field, ValidationError

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.schemas import read_body
from services.coordinator.api.access.visibility import ONLY_VIEW
from services.coordinator.api.bytenite.auth_schemas import (
    NewSecretRequest,
    SecretAnswer,
    SecretsAnswer,
    SecretView,
)
from services.coordinator.api.bytenite.groups import INVALID, SECRETS
from services.coordinator.api.bytenite.schemas import Done
from services.coordinator.api.errors import Forbidden, NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import Query, path_id, ports, query
from services.coordinator.api.route import Route, Scope, error, response
from services.coordinator.api.secrets.routes import ID_RULE, is_secret_id, store_secret
from services.coordinator.api.secrets.schemas import NewStoredSecret
from services.coordinator.store import stored_secrets
from services.coordinator.store.stored_secrets import StoredSecret
from shared.jobspec.problems import InvalidJob, Problem
from shared.jobspec.rule_texts import rule_of
from shared.jobspec.tork.explanations import field_path

_ALIASES = {"s3": "aws"}
_NAMES = {"kind": "secretType", "secret": "secretKey"}
"""How they call what has another name with us."""


class SecretQuery(Query):
    """Which secrets."""

    secretType: Annotated[str, Field(max_length=20, description="Only those of this type.")] = ""


@SECRETS.route(
    "POST /v1/auth/secrets",
    "Keep a secret, or replace it",
    response("It is kept.", SecretAnswer),
    {409: error("The id is taken by a secret of somebody else."), 422: INVALID},
    scope=Scope.OPERATE,
    body=NewSecretRequest,
    example={
        "secret": {"id": "team-aws", "secretType": "aws", "accessKey": "AKIAEXAMPLE"},
        "secretKey": "a long text",
    },
)
async def add_auth_secret(request: web.Request) -> web.Response:
    asked = await read_body(request, NewSecretRequest)
    secret_id = asked.secret.id
    if not is_secret_id(secret_id):
        raise InvalidJob([Problem("secret.id", ID_RULE, repr(secret_id[:80]))])
    await store_secret(request, secret_id, _stored(asked))
    row = await ports(request).run(stored_secrets.find, secret_id, principal(request).readers)
    if row is None:
        raise NotFound("no such secret")  # deleted since
    return reply(SecretAnswer(secret=_shown(row)))


def _stored(asked: NewSecretRequest) -> NewStoredSecret:
    """Raises InvalidJob."""
    facts = asked.secret
    given = {
        "kind": _ALIASES.get(facts.secret_type, facts.secret_type),
        "name": facts.name,
        "accessKey": facts.access_key or None,
        "secret": asked.secret_key,
        "expiresAt": facts.expires_at,
    }
    try:
        return NewStoredSecret.model_validate(given)
    except ValidationError as error:  # the client's mistake, in our words
        raise InvalidJob(
            [
                Problem(_field(one["loc"]), rule_of(one))
                for one in error.errors(include_url=False, include_input=False)
            ]
        ) from None


def _field(loc: tuple[int | str, ...]) -> str:
    name = field_path(loc)
    return _NAMES[name] if name == "secret" else f"secret.{_NAMES.get(name, name)}".rstrip(".")


@SECRETS.route(
    "GET /v1/auth/secrets",
    "List the secrets that you may use",
    response("Secrets by id, without what is secret of them.", SecretsAnswer),
    query=SecretQuery,
)
async def list_auth_secrets(request: web.Request) -> web.Response:
    kind = query(request, SecretQuery).secretType
    rows = await ports(request).run(stored_secrets.find_all, principal(request).readers)
    wanted = _ALIASES.get(kind, kind)
    return reply(SecretsAnswer(secrets=[_shown(row) for row in rows if wanted in ("", row.kind)]))


@SECRETS.route(
    "DELETE /v1/auth/secrets/{secretType}/{id}",
    "Delete a secret; jobs that were run with it keep what they have",
    response("It is deleted.", Done),
    scope=Scope.OPERATE,
)
async def delete_auth_secret(request: web.Request) -> web.Response:
    who, secret_id = principal(request), path_id(request, "secret")
    kind = request.match_info["secretType"]
    row = await ports(request).run(stored_secrets.find, secret_id, who.readers)
    if row is None or row.kind != _ALIASES.get(kind, kind):
        raise NotFound("no such secret")
    if not await ports(request).run(stored_secrets.delete, secret_id, who.operators):
        raise Forbidden(ONLY_VIEW.format("secret"))
    return reply(Done())


def _shown(row: StoredSecret) -> SecretView:
    return SecretView(
        id=row.id,
        name=row.name,
        secret_type=row.kind,
        access_key=row.access_key,
        expires_at=row.expires_at,
        params={},
    )


BYTENITE_SECRET_ROUTES: tuple[Route, ...] = (add_auth_secret, list_auth_secrets, delete_auth_secret)
