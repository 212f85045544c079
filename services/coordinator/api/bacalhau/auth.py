"""/api/v1/auth: the token that Bacalhau's command asks for before all else.

Where no credentials are required it may have one, as from an orchestrator of Bacalhau that is left
open: it signs a phrase. Where they are, it is told to bring an API key, or a user and a password.
"""

import base64

from aiohttp import web

from services.coordinator.api.access.authenticator import authentication
from services.coordinator.api.bacalhau.bodies import parsed_body
from services.coordinator.api.bacalhau.groups import OPEN
from services.coordinator.api.bacalhau.schemas import (
    AuthAnswer,
    Authenticated,
    Authentication,
    AuthMethod,
    AuthMethods,
)
from services.coordinator.api.errors import NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.route import Route, error, response

_NAME = "ClientKey"
_CHALLENGE = AuthMethod(
    type="challenge", params={"InputPhrase": base64.b64encode(b"conveyor").decode()}
)
_TOKEN = "anonymous"  # noqa: S105 - it opens nothing


@OPEN.route("GET /api/v1/auth", "List the ways to get a token", response("By name.", AuthMethods))
async def list_auth_methods(request: web.Request) -> web.Response:
    """None where credentials are required: clients then ask for those."""
    is_on = authentication(request).settings.is_on
    return reply(AuthMethods(methods={} if is_on else {_NAME: _CHALLENGE}))


@OPEN.route(
    f"POST /api/v1/auth/{_NAME}",
    "Get a token, which opens nothing",
    response("The token.", Authenticated),
    {404: error("Credentials are required: a key, or a user and a password.")},
    body=AuthAnswer,
    example={"MethodData": "e30="},
)
async def authenticate_by_client_key(request: web.Request) -> web.Response:
    if authentication(request).settings.is_on:
        raise NotFound("there are no tokens: use an API key, or a user and a password")
    await parsed_body(request, AuthAnswer)
    return reply(Authenticated(authentication=Authentication(success=True, token=_TOKEN)))


AUTH_ROUTES: tuple[Route, ...] = (list_auth_methods, authenticate_by_client_key)
