"""The directory of a coordinator, from another machine: by links that whoever has the key signs."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from conveyor.extensions.files import (
    WHOLE,
    Content,
    FilesError,
    LinkMethod,
    ObjectInfo,
    ObjectMismatch,
    ObjectMissing,
    ObjectRefused,
    Span,
    Stored,
    StoreUnavailable,
    check_name,
    check_prefix,
)
from shared.files.http import HttpAccess, HttpLimits, HttpSource
from shared.files.http_session import HttpSession, translated
from shared.files.links import LinkAct, Links
from shared.files.streams import Counted, check_digest, verified

if TYPE_CHECKING:
    from aiohttp import ClientResponse

SHA256_HEADER = "Conveyor-SHA256"
_LINK_LASTS = timedelta(hours=24)
_LIMITS = HttpLimits(most_bytes=2**63, seconds=_LINK_LASTS.total_seconds())
_TEMPORARY = (408, 429)


class LinkStore:
    """`close` it."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._source = HttpSource(HttpAccess(None, _LIMITS))
        self._session = HttpSession(_LIMITS.connect_seconds, _LIMITS.silent_seconds)

    async def stat(self, name: str) -> ObjectInfo:
        return _info(name, await self._source.stat(self._link("GET", check_name(name))))

    @asynccontextmanager
    async def get(
        self, name: str, span: Span = WHOLE, *, sha256: str = "", version: str = ""
    ) -> AsyncIterator[Content]:
        link, etag = self._link("GET", check_name(name)), version and f'"{version}"'
        async with self._source.get(link, span, version=etag) as content:
            info = _info(name, content.info)
            expected = (sha256 or info.sha256) if span.is_whole else ""
            yield Content(info, verified(content.chunks, name, None, expected))

    async def put(self, name: str, content: AsyncIterator[bytes], *, sha256: str = "") -> Stored:
        link, counted = self._link("PUT", check_name(name)), Counted(content)
        headers = {SHA256_HEADER: sha256} if sha256 else {}
        try:
            answer = await self._ask("PUT", name, link, headers=headers, data=counted)
        except FilesError:
            if counted.error is not None:
                raise counted.error from None
            raise
        check_digest(name, answer["sha256"], counted.sha256)
        return Stored(name, answer["size"], answer["sha256"], answer["version"])

    async def list_objects(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        link = self._link("LIST", check_prefix(prefix))
        async with self._answer("GET", prefix, link) as answer, translated(prefix):
            async for line in answer.content:
                found = json.loads(line)
                modified_at = datetime.fromisoformat(found["modifiedAt"])
                yield ObjectInfo(
                    found["name"], found["size"], found["sha256"], found["version"], modified_at
                )

    async def delete(self, name: str) -> None:
        await self._ask("DELETE", name, self._link("DELETE", check_name(name)))

    async def link(self, name: str, method: LinkMethod, seconds: int) -> str:
        return self._link(method, check_name(name), timedelta(seconds=seconds))

    async def sweep(self, before: datetime) -> int:
        link = self._link("SWEEP", before.astimezone(UTC).isoformat())
        removed: int = (await self._ask("DELETE", "leftovers", link))["removed"]
        return removed

    async def close(self) -> None:
        await self._source.close()
        await self._session.close()

    def _link(self, act: LinkAct, name: str, lasts: timedelta = _LINK_LASTS) -> str:
        return self._links.make(name, act, datetime.now(UTC) + lasts)

    async def _ask(self, method: str, name: str, link: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - of aiohttp's request
        async with self._answer(method, name, link, **more) as answer, translated(name):
            return _json(await answer.text())

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        name: str,
        link: str,
        **more: Any,  # noqa: ANN401 - as above
    ) -> AsyncIterator["ClientResponse"]:
        async with translated(name):
            session = await self._session()
            answer = await session.request(method, link, **more)
        try:
            if answer.status != 200:
                async with translated(name):
                    text = await answer.text()
                message = str(_json(text).get("message", text[:200]))
                raise _error(name, answer.status, message)
            yield answer
        finally:
            answer.close()


def _info(name: str, found: ObjectInfo) -> ObjectInfo:
    """The ETag is the SHA-256."""
    sha256 = found.version.strip('"')
    return replace(found, name=name, sha256=sha256, version=sha256)


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:  # not the coordinator's own: of something before it
        return {}
    return found if isinstance(found, dict) else {}


def _error(name: str, status: int, message: str) -> FilesError:
    if status == 404:
        return ObjectMissing(name)
    text = f"{name!r}: the coordinator answered {status}: {message}"
    if status == 422:
        return ObjectMismatch(message)
    if status in _TEMPORARY or status >= 500:
        return StoreUnavailable(text)
    return ObjectRefused(text)
