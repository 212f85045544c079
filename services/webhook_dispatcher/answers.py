"""What of a call is kept: it holds secrets, and its receiver may repeat what it was sent."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, urlsplit

from shared.jobspec.headers import is_reserved, is_secret_header
from shared.process.redaction import REDACTED, Redactor

_SHORTEST_SEGMENT = 12
"""Of a URL's path: a shorter one alone is rather a word than a token."""
_SHORTEST_WORD = 8
_SHORTEST_VALUE = 6
"""Of a query or a header: a shorter one is no token, and answers would lose their `404`."""
MOST_HEADERS = 50
MOST_HEADER_BYTES = 8192
"""Of all headers of an answer, or of a request."""
_LONGEST_HEADER = 1000
_SHOWN = frozenset(
    ("content-type", "conveyor-event", "conveyor-sequence", "webhook-id", "webhook-timestamp")
)
"""Headers of ours that hold nothing secret. With a signature, a call can be made once more."""


def redactor_for(url: str, headers: Mapping[str, str], secrets: Iterable[str]) -> Redactor:
    """Knows what a request held in confidence: its URL but for the host, the values of the
    `headers` that were asked for, and `secrets`."""
    return Redactor((*_of_url(url), *_of_headers(headers), *secrets))


def redacted_head(redactor: Redactor, head: str, *, is_whole: bool) -> str:
    """One that was cut may end with the beginning of a secret."""
    return redactor.text(head) if is_whole else redactor.leading(head)[0]


def sent_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of a request: of what was asked for and what signs it the names."""
    shown = (
        (name, value if name.lower() in _SHOWN else REDACTED) for name, value in headers.items()
    )
    return _bounded(shown)


def answered_headers(redactor: Redactor, headers: Mapping[str, str]) -> dict[str, str]:
    """Those of an answer: of what is secret by its name, such as a cookie, the name."""
    shown = (
        (redactor.text(name), REDACTED if is_secret_header(name) else _cut(redactor, value))
        for name, value in headers.items()
    )
    return _bounded(shown)


def _cut(redactor: Redactor, value: str) -> str:
    is_whole = len(value) <= _LONGEST_HEADER
    return redacted_head(redactor, value[:_LONGEST_HEADER], is_whole=is_whole)


def _bounded(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The first of them."""
    kept, left = dict[str, str](), MOST_HEADER_BYTES
    for name, value in headers:
        left -= len(name.encode(errors="replace")) + len(value.encode(errors="replace"))
        if left < 0 or len(kept) == MOST_HEADERS:
            break
        kept[name] = value
    return kept


def _of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        yield url
        return
    if parts.path.strip("/") or parts.query:
        yield url
        yield f"{parts.path}?{parts.query}" if parts.query else parts.path
    segments = (parts.path.strip("/"), *parts.path.split("/"))
    yield from (segment for segment in segments if len(segment) >= _SHORTEST_SEGMENT)
    values = (parts.fragment, *(value for _, value in parse_qsl(parts.query)))
    yield from (value for value in values if len(value) >= _SHORTEST_VALUE)


def _of_headers(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if is_reserved(name) or name.lower() == "content-type":
            continue
        if len(value) >= _SHORTEST_VALUE:
            yield value
        words = value.split()
        yield from (word for word in words if len(word) >= _SHORTEST_WORD)
        if len(words) == 2 and words[0].lower() == "basic":
            yield from _of_login(words[1])


def _of_login(word: str) -> Iterator[str]:
    try:
        login = base64.b64decode(word, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return
    yield login
    yield login.partition(":")[2]
