"""Requests and their answers: JSON, or the lines of a stream. Every failure is one of our two."""

import json
import os
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from yarl import URL

DEFAULT_URL = "http://127.0.0.1:8000"

Json = Mapping[str, Any]
JSON_TYPE = "application/json"
YAML_TYPE = "application/yaml"
_CONNECT_SECONDS = 10.0
_LONGEST_LINE = 4 * 1024 * 1024  # bytes; a piece of a log comes as one line
_LONGEST_FOREIGN_ANSWER = 200
_CALL = aiohttp.ClientTimeout(total=60, sock_connect=_CONNECT_SECONDS)
_SUBMISSION = aiohttp.ClientTimeout(sock_connect=_CONNECT_SECONDS)  # a job may ask to wait


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


class ApiRejected(Exception):
    """The API refused the request; the text is its address and message. `status` is HTTP's,
    `errors` are the rules that the body breaks, if it says them one by one."""

    def __init__(self, message: str, status: int, errors: Sequence[Json] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.errors = errors


class ApiUnavailable(Exception):
    """The API can't answer now. `is_away`: there is nobody at its address. `is_cut_off`: the
    connection broke, and what was asked may have been done."""

    def __init__(self, message: str, *, is_away: bool = False, is_cut_off: bool = False) -> None:
        super().__init__(message)
        self.is_away = is_away
        self.is_cut_off = is_cut_off


@dataclass(frozen=True, slots=True)
class Body:
    """What is posted, as it is. Posted again under the same key it is not done again. `is_strict`:
    a warning is an error. `version`: nothing is done to another version than that."""

    content: bytes
    content_type: str
    idempotency_key: str | None = None
    is_strict: bool = False
    version: int | None = None

    @classmethod
    def of(cls, value: object) -> Self:
        """As JSON."""
        return cls(json.dumps(value, ensure_ascii=False).encode(), JSON_TYPE)


class ApiSession:
    """Everything raises ApiRejected or ApiUnavailable. Use as a context manager."""

    def __init__(self, server: Server) -> None:
        self._url = server.url
        self._session = aiohttp.ClientSession(headers=server.headers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, **query: str) -> Any:  # noqa: ANN401 - JSON
        """The answer's JSON; `query` are the parameters after the question mark."""
        with _failures_sorted(self._url):
            async with self._session.request(
                method, self._url + path, params=query, timeout=_CALL
            ) as response:
                return await _json(response)

    async def post(self, path: str, body: Body) -> Any:  # noqa: ANN401 - JSON
        """The answer's JSON, however long it takes: the API may be asked to wait for an end."""
        return await self._send("POST", path, body)

    async def put(self, path: str, body: Body) -> Any:  # noqa: ANN401 - JSON
        return await self._send("PUT", path, body)

    async def patch(self, path: str, body: Body) -> Any:  # noqa: ANN401 - JSON
        return await self._send("PATCH", path, body)

    async def _send(self, method: str, path: str, body: Body) -> Any:  # noqa: ANN401 - JSON
        headers = {"Content-Type": body.content_type}
        if body.idempotency_key is not None:
            headers["Idempotency-Key"] = body.idempotency_key
        if body.version is not None:
            headers["If-Match"] = f'"{body.version}"'
        with _failures_sorted(self._url):
            async with self._session.request(
                method,
                self._url + path,
                data=body.content,
                headers=headers,
                params={"strict": "true"} if body.is_strict else None,
                timeout=_SUBMISSION,
            ) as response:
                return await _json(response)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        silence_seconds: float,
        **query: str,
    ) -> AsyncIterator["Stream"]:
        """A connection on which nothing arrives for `silence_seconds` counts as lost."""
        with _failures_sorted(self._url):
            response = await self._session.get(
                self._url + path,
                params=query,
                headers=headers,
                timeout=aiohttp.ClientTimeout(
                    sock_connect=_CONNECT_SECONDS, sock_read=silence_seconds
                ),
                read_bufsize=_LONGEST_LINE,
            )
        async with response:
            with _failures_sorted(self._url):
                await _refuse_errors(response)
            yield Stream(response, self._url)


class Stream:
    """An answer that goes on. Read it within the context that gave it."""

    def __init__(self, response: aiohttp.ClientResponse, url: str) -> None:
        self._response = response
        self._url = url

    @property
    def content_type(self) -> str:
        return self._response.content_type

    async def lines(self) -> AsyncIterator[str]:
        """Without their line breaks, as they arrive."""
        while True:
            with _failures_sorted(self._url):
                line = await self._response.content.readline()
            if not line:
                return
            yield line.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")


@contextmanager
def _failures_sorted(url: str) -> Iterator[None]:
    try:
        yield
    except aiohttp.ClientConnectorError as error:  # nobody listens, or there is no such host
        raise ApiUnavailable(f"can't reach {url}: {_reason(error)}", is_away=True) from error
    except TimeoutError as error:
        raise ApiUnavailable(f"{url} does not answer") from error
    # ValueError: a line longer than any of ours.
    except (aiohttp.ClientError, OSError, ValueError) as error:  # it broke off on the way
        raise ApiUnavailable(f"the connection to {url} failed: {error}", is_cut_off=True) from error


def _reason(error: aiohttp.ClientConnectorError) -> str:
    cause = error.os_error
    # OpenSSL's numbers are its own: the system would call a bad certificate a lack of rights.
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate can't be trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return "it doesn't speak TLS, which https:// asks for"
    # asyncio puts its own words over the system's
    return os.strerror(cause.errno) if cause.errno and cause.errno > 0 else str(cause.strerror)


async def _json(response: aiohttp.ClientResponse) -> Any:  # noqa: ANN401 - JSON
    await _refuse_errors(response)
    try:
        return await response.json(content_type=None)
    except ValueError as error:  # something else than Conveyor answers there
        raise ApiUnavailable(f"{_origin(response)} answers, but not as Conveyor does") from error


async def _refuse_errors(response: aiohttp.ClientResponse) -> None:
    if response.ok:
        return
    text = await response.text(errors="replace")
    message = f"{_origin(response)}: {_message(response, text)}"
    if response.status >= 500:
        raise ApiUnavailable(message)
    raise ApiRejected(message, response.status, _errors(text))


def _message(response: aiohttp.ClientResponse, text: str) -> str:
    """What the API says; of an answer that isn't ours, its beginning."""
    with suppress(ValueError, KeyError, TypeError):  # a proxy's page, not our JSON
        return str(json.loads(text)["message"])
    shown = " ".join(text.split())[:_LONGEST_FOREIGN_ANSWER]
    return f"{response.status} {response.reason}" + (f": {shown}" if shown else "")


def _errors(text: str) -> Sequence[Json]:
    with suppress(ValueError, KeyError, TypeError):  # as above
        return list(json.loads(text)["errors"])
    return ()


def _origin(response: aiohttp.ClientResponse) -> str:
    return str(response.url.origin())
