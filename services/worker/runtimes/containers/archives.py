"""Files in and out of an engine's containers, as tars that pass through piece by piece."""

import asyncio
import contextlib
import posixpath
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
from aiodocker import DockerError

from conveyor.extensions.runtimes import Archive, RuntimeRejected, RuntimeUnavailable
from services.worker.runtimes.containers.engine_calls import About, EngineCalls, Json, path_stat
from shared.files.archives import read_tar, write_tar
from shared.files.archives.members import Members
from shared.files.archives.tar import END

# Of a mode as engines have it, which is Go's: devices, pipes, sockets and what else is no file.
_IS_LINK = 1 << 27
_IS_SPECIAL = 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19

# Docker packs at a tenth of the speed, and some bytes may be megabytes when they are unpacked here.
_AS_IT_IS = {"Accept-Encoding": "identity"}


class EngineArchives:
    def __init__(self, calls: EngineCalls, *, is_podman: bool) -> None:
        self._calls = calls
        self._is_podman = is_podman

    async def put(self, container: str, path: str, archive: Archive, what: str) -> None:
        """Unpack it in the directory `path`. What `archive` raises goes on to the caller."""
        failures = list[Exception]()
        try:
            async with self._calls.call(f"write {what}", limited=False, about=About.FILES):
                url, body = _url(container), _noting(archive, failures)
                async with await self._calls.request("PUT", url, {"path": path}, body):
                    pass
        except RuntimeUnavailable:
            # The client takes what ended the body for an end of the connection.
            if failures:
                raise failures[0] from None
            raise

    @contextlib.asynccontextmanager
    async def taken(self, container: str, path: str) -> AsyncIterator[Archive]:
        """The tar of the file or directory there; raises RuntimeRejected where nothing is."""
        path = await self._followed(container, path)
        async with self._calls.call(f"read {path}"):
            url, query = _url(container), {"path": path}
            response = await self._calls.request("GET", url, query, headers=_AS_IT_IS)
        try:
            pieces = self._pieces(response, path)
            name = posixpath.basename(path)
            yield write_tar(_named(name, read_tar(pieces))) if self._is_podman else pieces
        finally:
            response.close()

    async def _pieces(self, response: aiohttp.ClientResponse, path: str) -> AsyncIterator[bytes]:
        last = b""
        async with self._calls.call(f"read {path}", limited=False):
            async for piece in response.content.iter_any():
                last = (last + piece)[-len(END) :]
                yield piece
        if last != END:
            raise RuntimeUnavailable(f"could not read {path}: the engine broke off")

    async def _followed(self, container: str, path: str) -> str:
        """The absolute path of the file or directory, as Docker gives a link itself."""
        whole = path if path.startswith("/") else f"{await self._workdir(container)}/{path}"
        whole = posixpath.normpath(whole)
        found = await self._stat(container, whole, path)
        if found["mode"] & _IS_LINK:
            whole = str(found["linkTarget"])
            found = await self._stat(container, whole, path)
        if found["mode"] & _IS_SPECIAL:
            raise RuntimeRejected(f"path {path!r}: it is neither a file nor a directory")
        return whole

    async def _workdir(self, container: str) -> str:
        shown = await self._calls.inspected(container)
        return str(shown["Config"].get("WorkingDir") or "/")

    async def _stat(self, container: str, path: str, named: str) -> Json:
        async with self._calls.call(f"read {named}"):
            try:
                url, query = _url(container), {"path": path}
                async with await self._calls.request("HEAD", url, query) as response:
                    return path_stat(response.headers)
            except DockerError as error:
                if error.status == 404:
                    raise RuntimeRejected(f"path {named!r}: no such file or directory") from error
                raise


def _url(container: str) -> str:
    return f"containers/{container}/archive"


async def _noting(archive: Archive, failures: list[Exception]) -> AsyncIterator[bytes]:
    try:
        async for piece in archive:
            yield piece
            # uvloop sees once a turn what waits to be written: without one, much of an archive that
            # needs no waiting for comes into memory.
            await asyncio.sleep(0)
    except Exception as error:
        failures.append(error)
        raise


async def _named(name: str, members: Members) -> Members:
    """Podman leaves the name of a volume out of those of its members."""
    root: str | None = None
    async for member in members:
        root = member.path if root is None else root
        yield replace(member, path=name + member.path.removeprefix(root).rstrip("/"))
