"""Objects in IPFS, over the HTTP API of Kubo.

A store's names are paths below a directory of Kubo's own file tree (MFS). What is in that tree is
kept; a move makes an object visible by one step. The version of an object is its CID.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from conveyor.extensions.files import (
    WHOLE,
    Content,
    FilesError,
    LinkMethod,
    ObjectInfo,
    ObjectMissing,
    ObjectRefused,
    Span,
    Stored,
    StoreUnavailable,
    check_name,
    check_prefix,
)
from shared.files.http_session import HttpSession, translated
from shared.files.streams import (
    EMPTY_SHA256,
    Counted,
    check_digest,
    check_version,
    length_of,
    of_bytes,
    verified,
)

if TYPE_CHECKING:
    from aiohttp import ClientResponse, FormData

_Arguments = Mapping[str, str | int | tuple[str, ...]]
_CONNECT_SECONDS = 10
_SILENT_SECONDS = 600
"""Kubo looks for blocks in the network meanwhile."""
_CHUNK_BYTES = 256 * 1024
_FOLDER = 1
_MISSING = ("does not exist", "no link named", "not found")
_NAMES_OF_PARTIAL = "%Y%m%dT%H%M%S"


class IpfsSource:
    """The name of an object is its CID, or a CID with a path. `close` it."""

    def __init__(
        self, api: str, *, root: str = "/ipfs", headers: Mapping[str, str] | None = None
    ) -> None:
        self._api = api.rstrip("/")
        self._root = root
        self._session = HttpSession(_CONNECT_SECONDS, _SILENT_SECONDS, headers=headers)

    async def stat(self, name: str) -> ObjectInfo:
        found = await self._stat(name)
        if found["Type"] != "file":
            raise ObjectMissing(name)
        return ObjectInfo(name, found["Size"], version=found["Hash"])

    @asynccontextmanager
    async def get(
        self, name: str, span: Span = WHOLE, *, sha256: str = "", version: str = ""
    ) -> AsyncIterator[Content]:
        info = await self.stat(name)
        check_version(name, info.version, version)
        length = length_of(span, name, info.size or 0)
        if length == 0:
            check_digest(name, EMPTY_SHA256, sha256 if span.is_whole else "")
            yield Content(info, of_bytes(b""))
            return
        arguments: _Arguments = {
            "arg": f"/ipfs/{info.version}",
            "offset": span.start,
            "length": length,
        }
        async with self._call(name, "cat", arguments) as answer:
            chunks = _chunks(name, answer)
            yield Content(info, verified(chunks, name, length, sha256 if span.is_whole else ""))

    async def is_directory(self, name: str) -> bool:
        return str((await self._stat(name))["Type"]) == "directory"

    async def cid_of(self, name: str) -> str:
        """Of a file or directory."""
        return str((await self._stat(name))["Hash"])

    async def archive(self, path: str) -> AsyncGenerator[bytes, None]:
        """A directory of IPFS as a tar, whose first member it is."""
        arguments = {"arg": path, "archive": "true"}
        async with self._call(path, "get", arguments) as answer:
            async for chunk in _chunks(path, answer):
                yield chunk

    async def close(self) -> None:
        await self._session.close()

    async def _stat(self, name: str) -> dict[str, Any]:
        return await self._ask(name, "files/stat", arg=self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{check_name(name)}"

    async def _ask(
        self, name: str, command: str, **arguments: str | tuple[str, ...]
    ) -> dict[str, Any]:
        """The JSON of the answer; {} where it has none."""
        async with self._call(name, command, arguments) as answer, translated(name):
            text = await answer.read()
        found: dict[str, Any] = json.loads(text or b"{}")
        return found

    @asynccontextmanager
    async def _call(
        self, name: str, command: str, arguments: _Arguments, data: "FormData | None" = None
    ) -> AsyncIterator["ClientResponse"]:
        query = [
            (key, str(item))
            for key, value in arguments.items()
            for item in (value if isinstance(value, tuple) else (value,))
        ]
        async with translated(name):
            session = await self._session()
            answer = await session.post(f"{self._api}/api/v0/{command}", params=query, data=data)
        try:
            if answer.status != 200:
                async with translated(name):
                    raise _error(name, answer.status, await answer.text())
            yield answer
        finally:
            answer.close()


class IpfsStore(IpfsSource):
    """Below `root`, a directory of MFS. It has no links that end: what is in IPFS is public."""

    def __init__(
        self, api: str, *, root: str = "/conveyor", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(api, root=f"{root}/objects", headers=headers)
        self._partial = f"{root}/partial"

    async def put(self, name: str, content: AsyncIterator[bytes], *, sha256: str = "") -> Stored:
        target, counted = self._path(name), Counted(content)
        try:
            cid = await self._add(name, counted)
        except FilesError:
            if counted.error is not None:
                raise counted.error from None
            raise
        check_digest(name, counted.sha256, sha256)
        begun = datetime.now(UTC).strftime(_NAMES_OF_PARTIAL)
        partial = f"{self._partial}/{begun}-{uuid4().hex}"
        await self._ask(name, "files/cp", arg=(f"/ipfs/{cid}", partial), parents="true")
        await self._ask(name, "files/mkdir", arg=target.rpartition("/")[0], parents="true")
        await self._ask(name, "files/mv", arg=(partial, target))
        return Stored(name, counted.size, counted.sha256, cid)

    async def list_objects(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        async for info in self._walk(check_prefix(prefix).rpartition("/")[0]):
            if info.name.startswith(prefix):
                yield info

    async def delete(self, name: str) -> None:
        target = self._path(name)
        try:
            await self.stat(name)
            await self._ask(name, "files/rm", arg=target)
        except ObjectMissing:
            return

    async def link(self, name: str, method: LinkMethod, seconds: int) -> str:
        raise ObjectRefused(f"{name!r}: IPFS has no links that end")

    async def sweep(self, before: datetime) -> int:
        oldest = before.astimezone(UTC).strftime(_NAMES_OF_PARTIAL)
        found = [entry["Name"] for entry in await self._entries(self._partial)]
        old = [name for name in found if name < oldest]
        for name in old:
            await self._ask(name, "files/rm", arg=f"{self._partial}/{name}")
        return len(old)

    async def _add(self, name: str, counted: Counted) -> str:
        """Its CID. The blocks are in nobody's tree yet: Kubo's garbage collection may take them."""
        from aiohttp import FormData

        form = FormData()
        form.add_field("file", counted, filename="object")
        arguments: _Arguments = {"cid-version": 1, "pin": "false", "progress": "false"}
        async with self._call(name, "add", arguments, form) as answer, translated(name):
            text = await answer.text()
        return str(json.loads(text.splitlines()[-1])["Hash"])

    async def _walk(self, folder: str) -> AsyncIterator[ObjectInfo]:
        entries = await self._entries(f"{self._root}/{folder}".rstrip("/"))
        names = {entry["Name"] + "/" * (entry["Type"] == _FOLDER): entry for entry in entries}
        for name in sorted(names, key=str.encode):
            here = f"{folder}/{name}" if folder else name
            if name.endswith("/"):
                async for info in self._walk(here.rstrip("/")):
                    yield info
            else:
                yield ObjectInfo(here, names[name]["Size"], version=names[name]["Hash"])

    async def _entries(self, folder: str) -> list[dict[str, Any]]:
        try:
            found = await self._ask(folder, "files/ls", arg=folder, long="true", U="true")
        except ObjectMissing:
            return []
        return list(found["Entries"] or ())


def _error(name: str, status: int, text: str) -> Exception:
    try:
        message = str(json.loads(text)["Message"])
    except (ValueError, KeyError, TypeError):  # not Kubo's own: of something before it
        message = text[:200]
    if status == 500 and any(part in message for part in _MISSING):
        return ObjectMissing(name)
    if status == 500 or status >= 502 or status == 429:
        return StoreUnavailable(f"{name!r}: {message}")
    return ObjectRefused(f"{name!r}: Kubo answered {status} {message}")


async def _chunks(name: str, answer: "ClientResponse") -> AsyncIterator[bytes]:
    async with translated(name):
        async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
            yield chunk
