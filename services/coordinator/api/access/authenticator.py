"""From the credentials of a request to its principal, which needs the scope of the route."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from services.coordinator.api.access.principal import ADMIN_ROLE, UNRESTRICTED, Principal, remember
from services.coordinator.api.access.shown import (
    SESSION_COOKIE,
    AccessToken,
    Key,
    Password,
    client_of,
    shown_by,
    token_of,
)
from services.coordinator.api.access.sign_ins import SignIns
from services.coordinator.api.access.task_access import principal_of_task
from services.coordinator.api.errors import Forbidden, Unauthenticated
from services.coordinator.api.route import Scope
from services.coordinator.auth_settings import AuthSettings
from services.coordinator.credentials import (
    PasswordCheck,
    SessionToken,
    digest_of,
    id_of,
    is_key,
    new_session_token,
)
from services.coordinator.store import access, sessions
from services.coordinator.store.access import Login, ValidKey, key_was_used, valid_key
from services.coordinator.store.connected import connected
from services.coordinator.store.sessions import NewSession, OpenSession, SessionLimits
from services.coordinator.store.task_tokens import holder_of
from shared.postgres.pool import Pool
from shared.process.task_tokens import task_of

CSRF_TOKEN = "X-CSRF-Token"  # noqa: S105 - what the header is called
SAFE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})

_MOST_ACCESS_TOKENS = 1000
"""Of one key: the one that ends first makes room."""
_USER_SCOPES = frozenset({Scope.READ, Scope.SUBMIT, Scope.OPERATE})


@dataclass(frozen=True, slots=True)
class _Admitted:
    """Who was let in. `credential` is what let them in, as it is compared: another password or key
    is another one. With neither `username` nor `key_id` it was the operator's."""

    principal: Principal
    credential: bytes = field(repr=False)
    username: str | None = None
    key_id: str | None = None


class Authenticator:
    """Asks the database each time: who was shut out a moment ago stays out."""

    def __init__(self, settings: AuthSettings, pool: Pool) -> None:
        self.settings = settings
        self._pool = pool
        self._passwords = PasswordCheck()
        self._sign_ins = SignIns(settings.failures)
        self._limits = SessionLimits(
            timedelta(hours=settings.session_hours),
            timedelta(hours=settings.session_idle_hours),
            settings.sessions_per_user,
        )

    async def principal_of(self, request: web.Request, *, is_new: bool = True) -> Principal:
        """Raises Unauthenticated, TooManyRequests, DatabaseUnavailable. Credentials that are not
        new were right before: they are no guess, and whoever guesses is not in their way."""
        if not self.settings.is_on:
            return UNRESTRICTED
        shown = shown_by(request)
        if isinstance(shown, SessionToken | AccessToken):
            return await self._by_token(request, shown, is_new=is_new)
        if isinstance(shown, Key) and task_of(shown.text):
            return await self._by_task(request, shown.text)
        address = _address(request) if is_new else None
        return (await self._admitted(request, shown, address)).principal

    async def known_principal(self, request: web.Request) -> Principal | None:
        """The same; None when the request shows nothing, or a session that has ended."""
        shown = shown_by(request)
        if not self.settings.is_on or isinstance(shown, Password | Key):
            return await self.principal_of(request)
        token = shown.token if isinstance(shown, AccessToken) else shown
        found = await self._session(token) if token else None
        return found.principal if found else None

    async def begin_session(
        self, request: web.Request, shown: Password | Key
    ) -> tuple[Principal, SessionToken]:
        """Ends the session that the request is part of: no token outlives a sign-in.

        Raises as `principal_of`."""
        principal, token = await self._begun(request, shown, self._limits)
        if (last := token_of(request)) and await self._session(last):
            await connected(self._pool, sessions.delete_session, last.id)
        return principal, token

    async def access_token(
        self, request: web.Request, key: Key, lasts: timedelta
    ) -> tuple[Principal, SessionToken]:
        """To send instead of the key for so long. Raises as `principal_of`."""
        limits = SessionLimits(lasts, lasts, _MOST_ACCESS_TOKENS, is_renewed=False)
        return await self._begun(request, key, limits)

    async def _begun(
        self, request: web.Request, shown: Password | Key, limits: SessionLimits
    ) -> tuple[Principal, SessionToken]:
        admitted = await self._admitted(request, shown, _address(request))
        token = new_session_token()
        new = NewSession(
            token.id,
            token.digest(admitted.credential),
            admitted.username,
            admitted.key_id,
            client_of(request),
        )
        if not await connected(self._pool, sessions.add_session, new, limits):
            raise self._refusal(request, "invalid credentials")  # deleted at this moment
        return admitted.principal, token

    async def end_access_token(self, request: web.Request) -> None:
        """That of the header, if it is one."""
        shown = shown_by(request)
        if isinstance(shown, AccessToken) and await self._session(shown.token):
            await connected(self._pool, sessions.delete_session, shown.token.id)

    async def end_session(self, request: web.Request) -> None:
        """That of the cookie, if it is one. Raises Forbidden without the CSRF token."""
        token = token_of(request)
        if token and await self._session(token):
            _require_csrf_token(request, token)
            await connected(self._pool, sessions.delete_session, token.id)

    async def _by_token(
        self, request: web.Request, shown: SessionToken | AccessToken, *, is_new: bool
    ) -> Principal:
        token = shown.token if isinstance(shown, AccessToken) else shown
        found = await self._session(token, is_used=is_new)
        if found is None:
            raise self._refusal(request, "the session has ended: sign in again")
        if isinstance(shown, SessionToken):
            _require_csrf_token(request, shown)
        return found.principal

    async def _by_task(self, request: web.Request, token: str) -> Principal:
        """A program of ours, for as long as it runs."""
        holder = await connected(self._pool, holder_of, token)
        if holder is None:
            raise self._refusal(request, "the task of this token is not running")
        return principal_of_task(request, holder.job_id)

    async def _session(self, token: SessionToken, *, is_used: bool = True) -> _Admitted | None:
        """Whoever holds it, with what they may do now. A stream that goes on is no use of it."""
        row = await connected(self._pool, sessions.open_session, token.id, self._limits)
        for holder in await self._holders(row) if row else ():
            if row and hmac.compare_digest(token.digest(holder.credential), row.digest):
                if row.use_is_news and is_used:
                    await connected(self._pool, sessions.session_was_used, token.id, self._limits)
                return holder
        return None

    async def _holders(self, row: OpenSession) -> list[_Admitted]:
        """Who may have opened it: which of the operator's credentials did is in its digest."""
        if row.username is not None:
            login = await connected(self._pool, access.login, row.username)
            return [_user(login)] if login and self.settings.takes_passwords else []
        if row.key_id is not None:
            key = await connected(self._pool, valid_key, row.key_id)
            return [await self._holder(row.key_id, key)] if key and self.settings.takes_keys else []
        return [_operator(digest) for digest in self._operators_digests() if digest]

    async def _admitted(
        self, request: web.Request, shown: Password | Key | None, address: str | None
    ) -> _Admitted:
        if isinstance(shown, Password) and self.settings.takes_passwords:
            found = await self._by_password(shown, address)
        elif isinstance(shown, Key) and self.settings.takes_keys:
            found = await self._by_key(shown.text)
        else:
            raise self._refusal(request, "authentication required")
        if found is None:
            raise self._refusal(request, "invalid credentials")
        return found

    async def is_own_password(self, request: web.Request, username: str, password: str) -> bool:
        """Whether the user has it. Raises TooManyRequests, as a sign-in does."""
        return bool(await self._login(Password(username, password), _address(request)))

    async def _by_password(self, shown: Password, address: str | None) -> _Admitted | None:
        if address is not None:
            self._sign_ins.require_no_wait(shown.username, address)
        # As one text: no user name has a colon in it.
        pair = f"{shown.username.lower()}:{shown.password}"
        operators, _ = self._operators_digests()
        if operators and is_key(pair, operators):
            return _operator(operators)
        login = await self._login(shown, address)
        return _user(login) if login else None

    async def _login(self, shown: Password, address: str | None) -> Login | None:
        login = await connected(self._pool, access.login, shown.username)
        stored = login.password_hash if login else None
        if self._passwords.remembers(shown.password, stored):
            return login
        if address is None:
            async with self._sign_ins.place():
                return login if await self._passwords.fits(shown.password, stored) else None
        async with self._sign_ins.attempt(shown.username, address) as was_right:
            if not await self._passwords.fits(shown.password, stored):
                return None
            was_right()
            return login

    async def _by_key(self, text: str) -> _Admitted | None:
        _, operators = self._operators_digests()
        if operators and is_key(text, operators):
            return _operator(operators)
        key_id = id_of(text)
        key = await connected(self._pool, valid_key, key_id) if key_id else None
        if key_id is None or key is None or not is_key(text, key.digest):
            return None
        return await self._holder(key_id, key)

    async def _holder(self, key_id: str, key: ValidKey) -> _Admitted:
        if key.use_is_news:
            await connected(self._pool, key_was_used, key_id)
        roles, scopes = frozenset(key.roles), frozenset(map(Scope, key.scopes))
        if key.username is not None:
            scopes &= _scopes_of_user(roles)  # the owner may have lost a role since
        principal = Principal(
            user=key.username,
            account=key.identity,
            roles=roles,
            scopes=scopes,
            key=key_id,
            key_name=key.name,
            expires_at=key.expires_at,
        )
        return _Admitted(principal, key.digest, key_id=key_id)

    def _operators_digests(self) -> tuple[bytes | None, bytes | None]:
        """Of the operator's name and password, and of the key; None for what is not set."""
        settings = self.settings
        password, key = settings.password.get_secret_value(), settings.key.get_secret_value()
        pair = f"{settings.user.lower()}:{password}"
        return digest_of(pair) if password else None, digest_of(key) if key else None

    def _refusal(self, request: web.Request, message: str) -> Unauthenticated:
        challenges: list[str] = []
        if self.settings.takes_passwords:
            challenges.append(_COOKIE if _is_of_page(request) else _BASIC)
        challenges += ['Bearer realm="conveyor"'] * self.settings.takes_keys
        return Unauthenticated(message, {hdrs.WWW_AUTHENTICATE: ", ".join(challenges)})


_BASIC = 'Basic realm="conveyor", charset="UTF-8"'
_COOKIE = f'Cookie realm="conveyor", cookie-name="{SESSION_COOKIE}"'
"""Instead, for what a page asks: at `Basic` a browser opens a dialog of its own over it."""

AUTHENTICATOR = web.AppKey("authenticator", Authenticator)


def authentication(request: web.Request) -> Authenticator:
    return request.app[AUTHENTICATOR]


def _address(request: web.Request) -> str:
    return request.remote or ""


def _is_of_page(request: web.Request) -> bool:
    """Whether a script asks, or a page of ours leads there."""
    headers = request.headers
    return (
        SESSION_COOKIE in request.cookies
        or "X-Requested-With" in headers
        or headers.get("Sec-Fetch-Mode", "navigate") != "navigate"
        or headers.get("Sec-Fetch-Site") == "same-origin"
        or headers.get(hdrs.ACCEPT) == "text/event-stream"
    )


def _require_csrf_token(request: web.Request, token: SessionToken) -> None:
    if request.method in SAFE_METHODS:
        return
    if not is_key(request.headers.get(CSRF_TOKEN, ""), digest_of(token.csrf_token)):
        raise Forbidden(
            f"{CSRF_TOKEN}: must be the csrfToken of GET /session: requests with the cookie of a "
            "session need it"
        )


def _user(login: Login) -> _Admitted:
    principal = Principal(
        user=login.username,
        account=login.identity,
        roles=login.roles,
        scopes=_scopes_of_user(login.roles),
    )
    return _Admitted(principal, login.password_hash.encode(), username=login.username)


def _operator(credential: bytes) -> _Admitted:
    return _Admitted(UNRESTRICTED, credential)


def _scopes_of_user(roles: frozenset[str]) -> frozenset[Scope]:
    return frozenset(Scope) if ADMIN_ROLE in roles else _USER_SCOPES


Scopes = Mapping[Handler, Scope | None]
"""By a route's handler; None for everyone. A handler that is missing is the router's own error."""


def authenticated(authenticator: Authenticator, scopes: Scopes) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        scope = scopes.get(request.match_info.handler)
        if scope is not None:
            who = await authenticator.principal_of(request)
            if not who.may(scope):
                raise Forbidden(f"requires the scope {scope}")
            remember(request, who, partial(authenticator.principal_of, request, is_new=False))
        return await handler(request)

    return middleware
