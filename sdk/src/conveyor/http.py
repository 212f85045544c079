"""What goes over the wire, and what is tried again. No I/O: both clients send these values."""

import base64
import json
import os
import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from conveyor.errors import ConveyorError, UnexpectedAnswer, error_of
from conveyor.model import Body

DEFAULT_URL = "http://127.0.0.1:8000"
JSON_TYPE, YAML_TYPE = "application/json", "text/yaml"

Job = Body | Mapping[str, Any] | str | Path
"""What can be submitted: a model, a dict, the text of YAML or JSON, or a file with such."""

_REPEATABLE_METHODS = frozenset(("GET", "HEAD"))
_PASSING_STATUSES = frozenset((429, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Server:
    """Where the API is, without a slash at the end, and the headers that say who asks."""

    url: str
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def at(
        cls, url: str | None, key: str | None, user: str | None, password: str | None
    ) -> "Server":
        """What is None is read from CONVEYOR_URL, CONVEYOR_API_KEY, CONVEYOR_USER and
        CONVEYOR_PASSWORD. A key goes before a user. Raises ValueError."""
        url = url or os.environ.get("CONVEYOR_URL") or DEFAULT_URL
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the address {url!r} is not allowed: it must be like {DEFAULT_URL}")
        if parts.username or parts.password:
            raise ValueError("the address must not hold a user or password: use CONVEYOR_USER")
        return cls(url.rstrip("/"), _authorization(key, user, password))


def _authorization(key: str | None, user: str | None, password: str | None) -> dict[str, str]:
    if key is None and user is None:
        key = os.environ.get("CONVEYOR_API_KEY")
        user, password = os.environ.get("CONVEYOR_USER"), os.environ.get("CONVEYOR_PASSWORD")
    if any(not (text or "").isprintable() for text in (key, user, password)):
        raise ValueError("a key, user or password must not hold control characters")
    if key:
        return {"Authorization": f"Bearer {key}"}
    if ":" in (user or ""):
        raise ValueError("a user must not hold a colon")
    if user:
        login = base64.b64encode(f"{user}:{password or ''}".encode()).decode()
        return {"Authorization": f"Basic {login}"}
    return {}


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is below the server's address. `is_repeatable`: sent twice it happens once."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes | None
    is_repeatable: bool


def request(
    method: str,
    template: str,
    *,
    body: object = None,
    query: Mapping[str, object] | None = None,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    **names: str,
) -> Request:
    """`names` fill the braces of `template`. `body` is sent as JSON, a text as YAML. With `key` the
    request happens once, however often it is sent."""
    path = template.format(**{name: quote(text, safe="") for name, text in names.items()})
    content, content_type = _content(body)
    sent = dict(headers or {})
    if content is not None:
        sent["Content-Type"] = content_type
    if key is not None:
        sent["Idempotency-Key"] = key
    is_repeatable = method in _REPEATABLE_METHODS or key is not None
    return Request(method, path, _query(query or {}), sent, content, is_repeatable)


def new_key() -> str:
    """An idempotency key."""
    return uuid.uuid4().hex


def _query(given: Mapping[str, object]) -> dict[str, str]:
    return {name: _text(value) for name, value in given.items() if value not in (None, "", False)}


def _text(value: object) -> str:
    return "true" if value is True else str(value)


def _content(body: object) -> tuple[bytes | None, str]:
    if body is None:
        return None, ""
    if isinstance(body, Path):
        return body.read_bytes(), YAML_TYPE
    if isinstance(body, str):
        return body.encode(), YAML_TYPE
    fields = body.to_json() if isinstance(body, Body) else body
    return json.dumps(fields, ensure_ascii=False).encode(), JSON_TYPE


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a request is sent in all, and the longest pause between."""

    tries: int = 5
    first_pause_seconds: float = 0.25
    longest_pause_seconds: float = 5.0

    def pauses(self) -> Iterator[float]:
        """In seconds, each shortened by up to half so that clients spread."""
        for number in range(self.tries - 1):
            pause = min(self.first_pause_seconds * 2**number, self.longest_pause_seconds)
            yield pause * random.uniform(0.5, 1)  # noqa: S311 - spreads load, hides nothing


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `text` of its body, and the seconds the server asks to wait for."""

    status: int
    text: str
    retry_after: float = 0.0

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def will_pass(self, sent: Request) -> bool:
        """Whether the same request may succeed soon: the server has said that it did nothing, or
        doing it twice does no harm."""
        return self.status in (429, 503) or (
            sent.is_repeatable and self.status in _PASSING_STATUSES
        )

    def error(self, url: str) -> ConveyorError:
        return error_of(url, self.status, self.text)

    def json(self, url: str) -> Any:  # noqa: ANN401 - JSON
        """Raises ConveyorError where it isn't."""
        try:
            return json.loads(self.text)
        except ValueError:
            raise UnexpectedAnswer(f"{url}: the answer is not JSON: is this Conveyor?") from None


def seconds_of(retry_after: str | None) -> float:
    """Of the header; a date asks for nothing."""
    return min(float(retry_after), 60.0) if retry_after and retry_after.isdigit() else 0.0
