"""/v1/auth: access tokens in exchange for API keys, the keys themselves, and who asks."""

from datetime import timedelta

from aiohttp import hdrs, web

from services.coordinator.api.access.authenticator import authentication
from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.schemas import read_body
from services.coordinator.api.access.shown import Key
from services.coordinator.api.bytenite.auth_schemas import (
    ApiKeys,
    ApiKeyView,
    AuthUser,
    TokenAnswer,
    TokenRequest,
    UserAnswer,
)
from services.coordinator.api.bytenite.groups import BYTENITE, INVALID, KEYS, OPEN
from services.coordinator.api.bytenite.schemas import Done
from services.coordinator.api.errors import NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import path_id, ports
from services.coordinator.api.route import Route, Scope, error, response
from services.coordinator.store import access
from services.coordinator.store.rows import GUEST, user_id

_LASTS = timedelta(hours=1)
_OPENS_NOTHING = "anonymous"


@OPEN.route(
    "POST /v1/auth/access_token",
    "Get an access token for an API key",
    response("The token.", TokenAnswer),
    {
        401: error("The key is not valid."),
        422: INVALID,
        429: error("Too many requests; try again later."),
    },
    body=TokenRequest,
    example={"apiKey": "cvk_0123456789abcdef_a-long-text"},
)
async def get_access_token(request: web.Request) -> web.Response:
    """It ends after an hour, and with its key. Where authentication is off, any key will do."""
    asked, authenticator = await read_body(request, TokenRequest), authentication(request)
    scopes, text = list(Scope), _OPENS_NOTHING
    if authenticator.settings.is_on:
        who, token = await authenticator.access_token(request, Key(asked.api_key), _LASTS)
        scopes, text = [scope for scope in Scope if who.may(scope)], token.text
    seconds = str(int(_LASTS.total_seconds()))
    answer = reply(TokenAnswer(token=text, expires_in=seconds, scope=" ".join(scopes)))
    answer.headers[hdrs.CACHE_CONTROL] = "no-store"
    return answer


@OPEN.route(
    "POST /v1/auth/signout",
    "End the access token that the request shows",
    response("It has ended.", Done),
)
async def end_access_token(request: web.Request) -> web.Response:
    await authentication(request).end_access_token(request)
    return reply(Done())


@BYTENITE.route(
    "GET /v1/auth/api_keys",
    "List the API keys that you have; an admin sees all",
    response("Keys, newest first.", ApiKeys),
)
async def list_auth_keys(request: web.Request) -> web.Response:
    who = principal(request)
    if who.user is None and not who.is_admin:
        return reply(ApiKeys(api_keys=[]))
    rows = await ports(request).run(access.keys, None if who.is_admin else who.user)
    shown = [
        ApiKeyView(
            id=row.id,
            name=row.name,
            issued_at=row.created_at,
            expires_at=row.expires_at,
            user_id=row.user,
        )
        for row in rows
    ]
    return reply(ApiKeys(api_keys=shown))


@KEYS.route(
    "POST /v1/auth/api_keys/{id}/revoke",
    "Revoke an API key, and end its access tokens",
    response("It is revoked.", Done),
    scope=Scope.OPERATE,
)
async def revoke_auth_key(request: web.Request) -> web.Response:
    who, key_id = principal(request), path_id(request, "key")
    is_mine = who.is_admin or who.user is not None
    owner = None if who.is_admin else who.user
    if not is_mine or not await ports(request).run(access.delete_key, key_id, owner):
        raise NotFound("no such key")
    return reply(Done())


@BYTENITE.route("GET /v1/auth/user", "Show who you are", response("Who asks.", UserAnswer))
async def get_auth_user(request: web.Request) -> web.Response:
    who = principal(request)
    identity = who.creator or GUEST
    role = "ROLE_ADMIN" if who.is_admin else "ROLE_NONE"
    name = who.user or (who.key and f"key:{who.key}") or GUEST
    return reply(UserAnswer(user=AuthUser(id=user_id(identity), display_name=name, role=role)))


BYTENITE_AUTH_ROUTES: tuple[Route, ...] = (
    get_access_token,
    end_access_token,
    list_auth_keys,
    revoke_auth_key,
    get_auth_user,
)
