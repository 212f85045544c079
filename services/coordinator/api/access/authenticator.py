"""From the credentials of a request to its principal, which needs the scope of the route."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from services.coordinator.api.access.principal import ADMIN_ROLE, UNRESTRICTED, Principal, remember
from services.coordinator.api.access.sign_ins import SignIns
from services.coordinator.api.errors import Forbidden, Unauthenticated
from services.coordinator.api.route import Scope
from services.coordinator.credentials import PasswordCheck, digest_of, id_of, is_key
from services.coordinator.settings import AuthSettings
from services.coordinator.store import access
from services.coordinator.store.access import Login, key_was_used, valid_key
from services.coordinator.store.connected import connected
from shared.postgres.pool import Pool

API_KEY = "X-API-Key"

_USER_SCOPES = frozenset({Scope.READ, Scope.SUBMIT, Scope.OPERATE})


@dataclass(frozen=True, slots=True)
class _Password:
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class _Key:
    text: str


class Authenticator:
    """Asks the database each time: who was shut out a moment ago stays out."""

    def __init__(self, settings: AuthSettings, pool: Pool) -> None:
        self.settings = settings
        self._pool = pool
        self._passwords = PasswordCheck()
        self._sign_ins = SignIns(settings.failures)

    async def principal_of(self, request: web.Request, *, is_new: bool = True) -> Principal:
        """Raises Unauthenticated, TooManyRequests, DatabaseUnavailable. Credentials that are not
        new were right before: they are no guess, and whoever guesses is not in their way."""
        if not self.settings.is_on:
            return UNRESTRICTED
        shown = _shown(request)
        if isinstance(shown, _Password) and self.settings.takes_passwords:
            found = await self._by_password(shown, _address(request) if is_new else None)
        elif isinstance(shown, _Key) and self.settings.takes_keys:
            found = await self._by_key(shown.text)
        else:
            raise self._refusal("authentication required")
        if found is None:
            raise self._refusal("invalid credentials")
        return found

    async def is_own_password(self, request: web.Request, username: str, password: str) -> bool:
        """Whether the user has it. Raises TooManyRequests, as a sign-in does."""
        return bool(await self._login(_Password(username, password), _address(request)))

    async def _by_password(self, shown: _Password, address: str | None) -> Principal | None:
        if address is not None:
            self._sign_ins.require_no_wait(shown.username, address)
        if self._is_operators_password(shown):
            return UNRESTRICTED
        login = await self._login(shown, address)
        if login is None:
            return None
        return Principal(
            user=login.username,
            account=login.identity,
            roles=login.roles,
            scopes=_scopes_of_user(login.roles),
        )

    async def _login(self, shown: _Password, address: str | None) -> Login | None:
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

    async def _by_key(self, text: str) -> Principal | None:
        if self._is_operators_key(text):
            return UNRESTRICTED
        key_id = id_of(text)
        key = await connected(self._pool, valid_key, key_id) if key_id else None
        if key_id is None or key is None or not is_key(text, key.digest):
            return None
        if key.use_is_news:
            await connected(self._pool, key_was_used, key_id)
        roles, scopes = frozenset(key.roles), frozenset(map(Scope, key.scopes))
        if key.username is not None:
            scopes &= _scopes_of_user(roles)  # the owner may have lost a role since
        return Principal(
            user=key.username,
            account=key.identity,
            roles=roles,
            scopes=scopes,
            key=key_id,
            expires_at=key.expires_at,
        )

    def _is_operators_key(self, text: str) -> bool:
        operators = self.settings.key.get_secret_value()
        return bool(operators) and is_key(text, digest_of(operators))

    def _is_operators_password(self, shown: _Password) -> bool:
        operators = self.settings.password.get_secret_value()
        # As one text: no user name has a colon in it.
        pair = f"{shown.username.lower()}:{shown.password}"
        expected = digest_of(f"{self.settings.user.lower()}:{operators}")
        return bool(operators) and is_key(pair, expected)

    def _refusal(self, message: str) -> Unauthenticated:
        challenges = ['Basic realm="conveyor", charset="UTF-8"'] * self.settings.takes_passwords
        challenges += ['Bearer realm="conveyor"'] * self.settings.takes_keys
        return Unauthenticated(message, {hdrs.WWW_AUTHENTICATE: ", ".join(challenges)})


AUTHENTICATOR = web.AppKey("authenticator", Authenticator)


def authentication(request: web.Request) -> Authenticator:
    return request.app[AUTHENTICATOR]


def _address(request: web.Request) -> str:
    return request.remote or ""


def _scopes_of_user(roles: frozenset[str]) -> frozenset[Scope]:
    return frozenset(Scope) if ADMIN_ROLE in roles else _USER_SCOPES


def _shown(request: web.Request) -> _Password | _Key | None:
    """What the request shows to be let in; None when it is nothing that can be read."""
    if key := request.headers.get(API_KEY):
        return _Key(key)
    kind, _, value = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if kind.lower() == "bearer":
        return _Key(value.strip())
    return _password(value) if kind.lower() == "basic" else None


def _password(value: str) -> _Password | None:
    try:
        username, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):  # whoever can't spell has no credentials
        return None
    # Postgres has no NUL, so no user is called that.
    return _Password(username, password) if colon and "\x00" not in username else None


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
