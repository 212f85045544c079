"""What a request shows to be let in: a password, a key, or a token."""

import base64
import binascii
from dataclasses import dataclass, field

from aiohttp import hdrs, web

from services.coordinator.credentials import SessionToken, session_token

API_KEY = "X-API-Key"
SESSION_COOKIE = "conveyor_session"


@dataclass(frozen=True, slots=True)
class Password:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Key:
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Of a header: no page of another origin can send it."""

    token: SessionToken


_LONGEST_CLIENT = 200
_BROWSER = "browser"


def client_of(request: web.Request) -> str | None:
    """What the program calls itself, for people; None when it does not."""
    text = request.headers.get(hdrs.USER_AGENT, "")[:_LONGEST_CLIENT]
    return "".join(c for c in text if c.isprintable()) or None


def product_of(request: web.Request) -> str | None:
    """The name and version that the program begins to call itself by: `curl/8.5.0`."""
    product = (client_of(request) or "").split(" ")[0]
    return _BROWSER if product.startswith("Mozilla/") else product or None


def token_of(request: web.Request) -> SessionToken | None:
    """Of the cookie; None when it is none of ours."""
    return session_token(request.cookies.get(SESSION_COOKIE, ""))


def shown_by(request: web.Request) -> Password | Key | AccessToken | SessionToken | None:
    """What the request shows to be let in; None when it is nothing that can be read.

    A header goes before the cookie: no page of another origin can send one."""
    if key := request.headers.get(API_KEY):
        return Key(key)
    if hdrs.AUTHORIZATION not in request.headers:
        return token_of(request)
    kind, _, value = request.headers[hdrs.AUTHORIZATION].partition(" ")
    if kind.lower() in ("bearer", "oauth2"):  # the second by clients of Arvados
        return _of_text(value.strip())
    if kind.lower() == "basic":
        return _password(value)
    return _of_text(kind) if kind and not value else None  # as ByteNite's clients send a token


def _of_text(text: str) -> Key | AccessToken:
    token = session_token(text)
    return AccessToken(token) if token else Key(text)


def _password(value: str) -> Password | None:
    try:
        username, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):  # whoever can't spell has no credentials
        return None
    # Postgres has no NUL, so no user is called that.
    return Password(username, password) if colon and "\x00" not in username else None
