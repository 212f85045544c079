"""/session: who asks, and the sign-in of the page, which keeps a token in a cookie.

No script can read the cookie, and no other site makes a browser send it.
"""

from importlib.metadata import version
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from services.coordinator.api.access.authenticator import Authenticator, authentication
from services.coordinator.api.access.principal import Principal
from services.coordinator.api.access.schemas import Session, SignIn, read_body
from services.coordinator.api.access.shown import SESSION_COOKIE, Key, Password, token_of
from services.coordinator.api.errors import BadRequest
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.route import DONE, Route, RouteGroup, Scope, error, response
from services.coordinator.credentials import SessionToken

_VERSION = version("conveyor")
_HOUR_SECONDS = 3600
_NOT_KEPT = {hdrs.CACHE_CONTROL: "no-store"}
_WRONG = error("The user name and password, or the key, are not valid.")
_STRANGER = error("A page of another origin asks, or `X-CSRF-Token` is not that of the session.")
_TOO_MANY = error("Too many failed sign-ins; `Retry-After` says when to try again.")

_SESSION = RouteGroup(group="session", tag="access", scope=None)


@_SESSION.route(
    "GET /session",
    "Find out who you are and what you may do",
    response("Who asks; without scopes when they are not signed in.", Session),
    {401: _WRONG, 429: _TOO_MANY},
)
async def get_session(request: web.Request) -> web.Response:
    authenticator = authentication(request)
    who = await authenticator.known_principal(request)
    return _shown(authenticator, who, token_of(request))


@_SESSION.route(
    "POST /session",
    "Sign in with a password or a key: the answer sets a cookie",
    response("Who signed in.", Session),
    {401: _WRONG, 403: _STRANGER, 429: _TOO_MANY},
    body=SignIn,
    example={"username": "ann", "password": "a long password"},
)
async def sign_in(request: web.Request) -> web.Response:
    """Sessions end when the user is deleted or disabled, or the password or the key is changed."""
    authenticator = authentication(request)
    if not authenticator.settings.is_on:
        raise BadRequest("authentication is off (CONVEYOR_AUTH_TYPE=none): nobody signs in")
    asked = await read_body(request, SignIn)
    who, token = await authenticator.begin_session(request, _credentials(asked))
    answer = _shown(authenticator, who, token)
    answer.set_cookie(
        SESSION_COOKIE,
        token.text,
        max_age=round(authenticator.settings.session_hours * _HOUR_SECONDS),
        path="/",
        httponly=True,
        samesite="Strict",
        secure=_is_encrypted(request),
    )
    return answer


def _credentials(asked: SignIn) -> Password | Key:
    if asked.key is not None:
        return Key(asked.key)
    return Password(asked.username or "", asked.password or "")


def _is_encrypted(request: web.Request) -> bool:
    """As the browser says, or the proxy at which TLS ends. Who lies loses their own cookie."""
    schemes = (request.scheme, request.headers.get("X-Forwarded-Proto", ""),
               urlsplit(request.headers.get(hdrs.ORIGIN, "")).scheme)  # fmt: skip
    return "https" in schemes


@_SESSION.route(
    "DELETE /session", "Sign out: the session ends, and its cookie goes", DONE, {403: _STRANGER}
)
async def sign_out(request: web.Request) -> web.Response:
    await authentication(request).end_session(request)
    answer = reply(Status())
    answer.del_cookie(SESSION_COOKIE, path="/")
    return answer


def _shown(
    authenticator: Authenticator, who: Principal | None, token: SessionToken | None
) -> web.Response:
    settings = authenticator.settings
    answer = Session(
        user=who.user if who else None,
        key=who.key if who else None,
        roles=sorted(who.roles) if who else [],
        scopes=[scope.value for scope in Scope if who and who.may(scope)],
        is_authentication_on=settings.is_on,
        takes_passwords=settings.takes_passwords,
        takes_keys=settings.takes_keys,
        csrf_token=token.csrf_token if who and token and settings.is_on else None,
        version=_VERSION,
    )
    shown = reply(answer)
    shown.headers.update(_NOT_KEPT)
    return shown


SESSION_ROUTES: tuple[Route, ...] = (get_session, sign_in, sign_out)
