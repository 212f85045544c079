"""Which API is asked, and in whose name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import aiohttp
from yarl import URL

DEFAULT_URL = "http://127.0.0.1:8000"


class BadServer(Exception):
    """The address or the login can't be right; the text says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """`url` has no slash at its end. `headers` carry the key or the login; never print them."""

    url: str
    headers: Mapping[str, str]

    @classmethod
    def at(cls, url: str, *, key: str = "", user: str = "", password: str = "") -> Self:
        """A key goes before a login; without either one asks as nobody. Raises BadServer."""
        return cls(_checked(url), _authorization(key, user, password))


def _checked(url: str) -> str:
    try:
        parsed = URL(url)
    except ValueError as error:  # a port that is no number, an odd bracket
        raise BadServer(f"the address {url!r} is not allowed: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise BadServer(f"the address {url!r} is not allowed: it must be like {DEFAULT_URL}")
    if parsed.user or parsed.password:
        raise BadServer("the address must not hold a login: use CONVEYOR_USER, CONVEYOR_PASSWORD")
    return url.rstrip("/")


def _authorization(key: str, user: str, password: str) -> Mapping[str, str]:
    if any(not text.isprintable() for text in (key, user, password)):
        raise BadServer("a key, user or password must not hold line breaks or control characters")
    if key:
        return {"Authorization": f"Bearer {key}"}
    if ":" in user:
        raise BadServer("CONVEYOR_USER must not hold a colon")
    if user:
        return {"Authorization": aiohttp.encode_basic_auth(user, password, encoding="utf-8")}
    return {}
