"""What goes over the wire, and what is tried again. No I/O: both clients send these values."""

import base64
import json
import math
import os
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, urlsplit

from conveyor.errors import ConveyorError, UnexpectedAnswer, error_of

if TYPE_CHECKING:  # the models stand on pydantic, which not every program needs
    from conveyor.model import Body

DEFAULT_URL = "http://127.0.0.1:8000"
JSON_TYPE, YAML_TYPE = "application/json", "application/yaml"
FINAL_STATES = frozenset(("COMPLETED", "FAILED", "CANCELLED"))
"""Of jobs."""


@dataclass(frozen=True, slots=True)
class Content:
    """A body as it is sent, byte for byte."""

    data: bytes
    type: str


Progress = Callable[[int, int | None], None]
"""Is told how many bytes have been transferred, and of how many, as far as that is known."""


JobLike: TypeAlias = "Body | Content | Mapping[str, Any] | str | Path"
"""What can be submitted: a model, a dict, the text of YAML or JSON, or a file with such."""

_REPEATABLE_METHODS = frozenset(("GET", "HEAD"))
_DOTS = {".": "%2E", "..": "%2E%2E"}
_PASSING_STATUSES = frozenset((429, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Server:
    """Where the API is, without a slash at the end, and the headers that say who asks. Raises
    ValueError where they can't be right."""

    url: str
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def at(
        cls,
        url: str | None = None,
        key: str | None = None,
        user: str | None = None,
        password: str | None = None,
    ) -> "Server":
        """What is None is read from CONVEYOR_URL, CONVEYOR_API_KEY, CONVEYOR_USER and
        CONVEYOR_PASSWORD. A key goes before a user."""
        url = url or os.environ.get("CONVEYOR_URL") or DEFAULT_URL
        return cls(_checked(url), _authorization(key, user, password))

    @property
    def is_encrypted(self) -> bool:
        return self.url.startswith("https:")

    @property
    def is_here(self) -> bool:
        """On this machine, where no proxy stands between."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:  # a name
            return host == "localhost"


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:  # a port that is no number, an odd bracket
        raise ValueError(f"the address {url!r} is not allowed: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the address {url!r} is not allowed: it must be like {DEFAULT_URL}")
    if not url.isprintable() or any(c.isspace() for c in url):
        raise ValueError(f"the address {url!r} is not allowed: it holds a space")
    if parts.username or parts.password:
        raise ValueError("the address must not hold a login: use CONVEYOR_USER, CONVEYOR_PASSWORD")
    return url.rstrip("/")


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
    """`path` is below the server's address. `is_repeatable`: sent twice it happens once.
    `may_wait`: the answer takes as long as the body asks for."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes | None
    is_repeatable: bool
    may_wait: bool = False


def request(
    method: str,
    template: str,
    *,
    body: object = None,
    query: Mapping[str, object] | None = None,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    may_wait: bool = False,
    **names: str,
) -> Request:
    """`names` fill the braces of `template`. `body` is sent as JSON, a text as YAML. With `key` the
    request happens once, however often it is sent."""
    path = template.format(**{name: _quoted(name, text) for name, text in names.items()})
    content = None if body is None else _content(body)
    sent = dict(headers or {})
    if content is not None:
        sent["Content-Type"] = content.type
    if key is not None:
        sent["Idempotency-Key"] = key
    is_repeatable = method in _REPEATABLE_METHODS or key is not None
    data = None if content is None else content.data
    return Request(method, path, _query(query or {}), sent, data, is_repeatable, may_wait)


def _quoted(name: str, text: str) -> str:
    """Its dots, too, where they would lead to another path."""
    quoted = quote(text, safe="/" if name == "path" else "")
    return "/".join(_DOTS.get(part, part) for part in quoted.split("/"))


def new_key() -> str:
    """An idempotency key."""
    return uuid.uuid4().hex


def key_of(job: JobLike) -> str | None:
    """A new one; but the `submitId` of a job is its key already. None: its text may have one."""
    if isinstance(job, (str, Path, Content)):
        return None if b"submitId" in _content(job).data else new_key()
    fields = _fields(job) if hasattr(job, "to_json") else job
    return str(fields.get("submitId") or new_key())


def _query(given: Mapping[str, object]) -> dict[str, str]:
    """Without what says nothing: None, false and the empty text."""
    texts = {name: _text(value) for name, value in given.items()}
    return {name: text for name, text in texts.items() if text}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else ""
    return "" if value is None else str(value)


def _content(body: object) -> Content:
    if isinstance(body, Content):
        return body
    if isinstance(body, Path):
        return Content(body.read_bytes(), JSON_TYPE if body.suffix == ".json" else YAML_TYPE)
    if isinstance(body, str):
        return Content(body.encode(), YAML_TYPE)
    return Content(json.dumps(body, ensure_ascii=False, default=_fields).encode(), JSON_TYPE)


def with_uploads(job: JobLike, ids: Mapping[str, str]) -> dict[str, Any]:
    """The job with these uploads by name, besides its own. Raises TypeError."""
    if isinstance(job, (str, Path, Content)):
        raise TypeError("files can be sent with a mapping or a Job; the text of one has `uploads`")
    fields = _fields(job) if hasattr(job, "to_json") else dict(job)
    return {**fields, "uploads": {**(fields.get("uploads") or {}), **ids}}


def _fields(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Of a model, wherever it is within a body."""
    if hasattr(value, "to_json"):
        return value.to_json()
    raise TypeError(f"{value!r} is not allowed: it is no JSON")


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
    reason: str
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
        return error_of(url, self.status, self.reason, self.text)

    def json(self, url: str) -> Any:  # noqa: ANN401 - JSON
        """Raises ConveyorError where it isn't."""
        try:
            return json.loads(self.text)
        except ValueError:
            raise UnexpectedAnswer(f"{url} answers, but not as Conveyor does") from None


def seconds_of(retry_after: str | None) -> float:
    """Of the header; a date asks for nothing."""
    return min(float(retry_after), 60.0) if retry_after and retry_after.isdigit() else 0.0


def following(which: Mapping[str, Any], page: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Which page is next: by its place where the list has places, else by its number."""
    if isinstance(place := page.get("next"), str):
        return {"after": place}
    number = which.get("page", math.inf)
    return {"page": number + 1} if number < page.get("totalPages", 1) else None
