"""/sessions: where one is signed in, and how to end that. An admin handles those of any user."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.access.schemas import EndedSessions, OpenSession
from services.coordinator.api.access.shown import AccessToken, shown_by
from services.coordinator.api.errors import Forbidden, NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import Query, Search, path_id, ports, query
from services.coordinator.api.route import Route, RouteGroup, Scope, error, response
from services.coordinator.credentials import SessionToken
from services.coordinator.store import sessions
from services.coordinator.store.access import users_named
from services.coordinator.store.sessions import Holder, SessionRow

_SESSIONS = RouteGroup(
    group="session",
    tag="access",
    scope=Scope.OPERATE,
    path_meanings={"id": "The session's id."},
    missing="There is no such session or user.",
)
_OTHERS = {
    403: error("It is another user, or the scope is missing."),
    404: error("There is no such session or user."),
}


class SessionsQuery(Query):
    user: Search = ""
    """Whose sessions; only an admin may name another user. Default: your own."""


@_SESSIONS.route(
    "GET /sessions",
    "List your sessions; an admin may name a user",
    response("Sessions that have not ended, newest first.", list[OpenSession]),
    _OTHERS,
    scope=Scope.READ,
    query=SessionsQuery,
)
async def list_sessions(request: web.Request) -> web.Response:
    """Those of the user's API keys are among them: access tokens, and sign-ins with a key."""
    rows = await ports(request).run(sessions.sessions_of, await _holder(request))
    current = _current(request)
    return reply([_shown(row, current) for row in rows])


@_SESSIONS.route(
    "DELETE /sessions",
    "End all your sessions, this one too; an admin may name a user",
    response("How many there were.", EndedSessions),
    _OTHERS,
    query=SessionsQuery,
)
async def end_sessions(request: web.Request) -> web.Response:
    ended = await ports(request).run(sessions.end_sessions, await _holder(request))
    return reply(EndedSessions(ended=len(ended)))


@_SESSIONS.route(
    "DELETE /sessions/{id}",
    "End one of your sessions; an admin may name a user",
    response("It has ended.", EndedSessions),
    _OTHERS,
    query=SessionsQuery,
)
async def end_one_session(request: web.Request) -> web.Response:
    holder, session_id = await _holder(request), path_id(request, "session")
    ended = await ports(request).run(sessions.end_sessions, holder, session_id)
    if not ended:
        raise NotFound("no such session")
    return reply(EndedSessions(ended=len(ended)))


async def _holder(request: web.Request) -> Holder:
    """Raises Forbidden whether the other user exists or not, NotFound."""
    who, asked = principal(request), query(request, SessionsQuery).user
    if not asked or (who.user is not None and asked.lower() == who.user.lower()):
        return Holder(who.user, who.key)
    if not who.is_admin:
        raise Forbidden("only an admin can handle the sessions of another user")
    found = await ports(request).run(users_named, {asked})
    if asked not in found:
        raise NotFound("no such user")
    return Holder(found[asked].username, None)


def _current(request: web.Request) -> str | None:
    shown = shown_by(request)
    token = shown.token if isinstance(shown, AccessToken) else shown
    return token.id if isinstance(token, SessionToken) else None


def _shown(row: SessionRow, current: str | None) -> OpenSession:
    return OpenSession(
        id=row.id,
        user=row.user,
        key=row.key,
        kind="token" if row.is_access_token else "page",
        client=row.client,
        created_at=row.created_at,
        used_at=row.used_at,
        ends_at=row.ends_at,
        is_current=row.id == current,
    )


SESSION_LIST_ROUTES: tuple[Route, ...] = (list_sessions, end_sessions, end_one_session)
