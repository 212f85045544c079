"""What others serve over HTTP: read only."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from yarl import URL

from conveyor.extensions.files import (
    WHOLE,
    Content,
    ObjectInfo,
    ObjectMismatch,
    ObjectMissing,
    ObjectRefused,
    Span,
    StoreUnavailable,
)
from shared.files.http_session import HttpSession, translated
from shared.files.streams import check_version, length_of, of_bytes, verified
from shared.network.guard import Guard

if TYPE_CHECKING:
    from aiohttp import ClientResponse

_CHUNK_BYTES = 256 * 1024
_MOST_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_TEMPORARY = {408, 425, 429}
_MOST_URL = 8192
_SIZE = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """`seconds` are of a whole object; a reader that takes its time spends them as well."""

    most_bytes: int = 100 * 1024**3
    seconds: float = 3600
    connect_seconds: float = 10
    silent_seconds: float = 60


@dataclass(frozen=True, slots=True)
class HttpAccess:
    """`headers` are sent to the host of the URL alone, not to where it redirects. Without a guard
    nothing is refused."""

    guard: Guard | None
    limits: HttpLimits = HttpLimits()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class HttpSource:
    """The name of an object is its URL. `close` it."""

    def __init__(self, access: HttpAccess) -> None:
        self._access = access
        limits = access.limits
        self._session = HttpSession(limits.connect_seconds, limits.silent_seconds, access.guard)

    async def stat(self, name: str) -> ObjectInfo:
        async with self._answer("HEAD", name, {}) as answer:
            if answer.status not in (405, 501):
                _check_status(name, answer.status)
                return _info(name, answer)
        async with self.get(name, Span(0, 1)) as content:  # HEAD is not allowed
            return content.info

    @asynccontextmanager
    async def get(
        self, name: str, span: Span = WHOLE, *, sha256: str = "", version: str = ""
    ) -> AsyncIterator[Content]:
        limits = self._access.limits
        async with (
            _limited(name, limits.seconds),
            self._answer("GET", name, _range(span)) as answer,
        ):
            if answer.status == 416:
                yield _empty(name, span, answer, version)
                return
            _check_status(name, answer.status)
            _check_range(name, span, answer)
            info = _info(name, answer)
            check_version(_shown(name), info.version, version)
            _check_size(name, info.size or 0, limits.most_bytes)
            length = None if info.size is None else length_of(span, _shown(name), info.size)
            chunks = _bounded(name, _chunks(name, answer), limits.most_bytes)
            if answer.status == 200:  # the server knows no ranges
                chunks = _cut(chunks, span)
            expected = sha256 if span.is_whole else ""
            yield Content(info, verified(chunks, _shown(name), length, expected))

    async def close(self) -> None:
        await self._session.close()

    @asynccontextmanager
    async def _answer(
        self, method: str, name: str, headers: Mapping[str, str]
    ) -> AsyncIterator["ClientResponse"]:
        """Redirects are followed here, since not every target may see the headers."""
        first = url = _parsed(name)
        for _ in range(_MOST_REDIRECTS + 1):
            private = self._access.headers if url.origin() == first.origin() else {}
            async with translated(_shown(name)):
                session = await self._session()
                answer = await session.request(
                    method, url, headers={**private, **headers}, allow_redirects=False
                )
            try:
                if answer.status not in _REDIRECTS:
                    yield answer
                    return
                url = _redirected(name, url, answer.headers.get("Location", ""))
            finally:
                answer.close()
        raise ObjectRefused(f"{_shown(name)} redirects more than {_MOST_REDIRECTS} times")


def _parsed(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError as error:
        raise ObjectRefused(f"{_shown(text)} is not a URL: {error}") from None
    if url.scheme not in ("http", "https") or not url.host or len(text) > _MOST_URL:
        raise ObjectRefused(f"{_shown(text)} is not a URL of HTTP")
    return url


def _redirected(name: str, url: URL, location: str) -> URL:
    try:
        target = url.join(URL(location))
    except ValueError:
        raise ObjectRefused(f"{_shown(name)} redirects to what is not a URL") from None
    if target.scheme != "https" and (url.scheme == "https" or target.scheme != "http"):
        raise ObjectRefused(f"{_shown(name)} redirects to {target.scheme or 'nothing'}")
    return _parsed(str(target))


def _shown(name: str) -> str:
    """Without what may be secret: user, password and query."""
    try:
        url = URL(name)
        return str(url.with_user(None).with_query(None).with_fragment(None))[:200]
    except ValueError:
        return "the URL"


def _check_status(name: str, status: int) -> None:
    if status in (404, 410):
        raise ObjectMissing(_shown(name))
    if status in (412, 416):
        raise ObjectMismatch(f"{_shown(name)} changed")
    if status in _TEMPORARY or status >= 500:
        raise StoreUnavailable(f"{_shown(name)} answered {status}")
    if status not in (200, 206):
        raise ObjectRefused(f"{_shown(name)} answered {status}")


def _check_range(name: str, span: Span, answer: "ClientResponse") -> None:
    given = answer.headers.get("Content-Range", "")
    if answer.status == 206 and not given.startswith(f"bytes {span.start}-"):
        raise ObjectRefused(f"{_shown(name)} answered another range: {given[:80]!r}")


def _check_size(name: str, size: int, most: int) -> None:
    if size > most:
        raise ObjectRefused(f"{_shown(name)} has {size} bytes or more, the maximum is {most}")


def _range(span: Span) -> dict[str, str]:
    if span.is_whole or span.length == 0:
        return {}
    last = "" if span.length is None else span.start + span.length - 1
    return {"Range": f"bytes={span.start}-{last}"}


def _info(name: str, answer: "ClientResponse") -> ObjectInfo:
    ranged = re.fullmatch(r"bytes .*/([0-9]+|\*)", answer.headers.get("Content-Range", ""))
    text = ranged[1] if ranged else answer.headers.get("Content-Length", "")
    size = int(text) if _SIZE.fullmatch(text) else None
    return ObjectInfo(
        _shown(name), size, version=_version(answer), modified_at=_modified_at(answer)
    )


def _version(answer: "ClientResponse") -> str:
    """A weak ETag doesn't promise the same bytes."""
    etag = answer.headers.get("ETag", "")
    return etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")


def _modified_at(answer: "ClientResponse") -> datetime | None:
    try:
        return parsedate_to_datetime(answer.headers.get("Last-Modified", "")).astimezone(UTC)
    except ValueError:  # there is none, or it is no date
        return None


def _empty(name: str, span: Span, answer: "ClientResponse", version: str) -> Content:
    """No byte of the span exists: it starts at the end, or behind it."""
    info = _info(name, answer)
    size = answer.headers.get("Content-Range", "").removeprefix("bytes */")
    length_of(span, _shown(name), int(size) if _SIZE.fullmatch(size) else 0)
    check_version(_shown(name), info.version or version, version)
    return Content(info, of_bytes(b""))


async def _chunks(name: str, answer: "ClientResponse") -> AsyncIterator[bytes]:
    async with translated(_shown(name)):
        async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
            yield chunk


async def _bounded(name: str, chunks: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    count = 0
    async for chunk in chunks:
        count += len(chunk)
        _check_size(name, count, most)
        yield chunk


async def _cut(chunks: AsyncIterator[bytes], span: Span) -> AsyncIterator[bytes]:
    """The span of a whole object."""
    left, end = span.start, None if span.length is None else span.start + span.length
    position = 0
    async for chunk in chunks:
        begin = max(left - position, 0)
        stop = len(chunk) if end is None else max(end - position, 0)
        position += len(chunk)
        if piece := chunk[begin:stop]:
            yield piece
        if end is not None and position >= end:
            return


@asynccontextmanager
async def _limited(name: str, seconds: float) -> AsyncIterator[None]:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise ObjectRefused(f"{_shown(name)} took longer than {seconds:g} s") from None
