"""What HTTP can carry as the name and the value of a header, and which names are not a client's."""

import re
from typing import TypeVar

from shared.jobspec.limits import MAX_HEADER

_V = TypeVar("_V")

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SECRET = re.compile(
    "SECRET|PASSWORD|ACCESS[-_]?KEY|TOKEN|API[-_]?KEY|CREDENTIAL|AUTHORIZATION|COOKIE",
    re.IGNORECASE,
)
_OF_THE_REQUEST = frozenset(
    (
        *("connection", "content-encoding", "content-length", "expect", "host", "http2-settings"),
        *("keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade"),
    )
)
_OURS = frozenset(
    (
        *("conveyor-event", "conveyor-sequence"),
        *("webhook-id", "webhook-signature", "webhook-timestamp"),
    )
)


def is_reserved(name: str) -> bool:
    """Whether the name frames the request or signs it: a client's value would break either."""
    return name.lower() in _OF_THE_REQUEST | _OURS


def is_secret_header(name: str) -> bool:
    """Whether its value is secret, by its name."""
    return _SECRET.search(name) is not None


def check_header_name(name: str) -> str:
    """Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError("must be a header name: letters, digits and !#$%&'*+.^_`|~- only")
    if is_reserved(name):
        raise ValueError("must not be set: it belongs to the request itself")
    return name


def check_header_names(headers: dict[str, _V]) -> dict[str, _V]:
    """Raises ValueError: of two values of one header, a receiver would see one or the other."""
    seen: dict[str, str] = {}
    for name in headers:
        if other := seen.get(name.lower()):
            raise ValueError(f"must not hold one header twice: {other} and {name}")
        seen[name.lower()] = name
    return headers


def check_header_value(value: str) -> str:
    """Raises ValueError."""
    if _CONTROL.search(value):
        raise ValueError("must not hold a line break or another control character")
    if len(value.encode()) > MAX_HEADER:
        raise ValueError(f"must have at most {MAX_HEADER} bytes")
    return value
