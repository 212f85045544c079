"""The one door to a container engine: each call with a time-out, each failure sorted.

What aiodocker has no call for (attaching without an inspection first, a pull with a login for any
registry, an archive read up to a limit, a volume by its labels) goes over its session.
"""

import asyncio
import base64
import contextlib
import io
import json
import os
import struct
import tarfile
from collections.abc import AsyncIterator, Mapping
from enum import Enum
from typing import Any

import aiohttp
from aiodocker import Docker, DockerError

from conveyor.extensions.runtimes import (
    RuntimeDeclined,
    RuntimeRejected,
    RuntimeUnavailable,
)

_UNLIMITED = aiohttp.ClientTimeout(total=None)
_USUAL_ADDRESS = "unix:///var/run/docker.sock"
# What an engine says, with a 500, about a task that can't run on any machine.
_TASKS_OWN_FAULT = (
    "OCI",
    "executable file not found",
    "invalid reference format",
    "network not found",
    "could not select device driver",  # no GPUs here: a queue is how such a task finds some
    # A workdir or mount that is a file or too long, a limit beyond all numbers, a NUL, an image's
    # user that isn't in it.
    "not a directory",
    "not directory",
    "over existing file",
    "unable to find user",
    "unable to find group",
    "must be in range",
    "file name too long",
    "invalid argument",
    "too many links",
    "json: cannot unmarshal",
)
_FILES_FAULT = (  # of files that stand in each other's way, or in a mount that is only for reading
    "Error processing tar file",
    "copier: put: ",
    "read-only file system",
    "is a directory",
    "file exists",
    "too many levels of symbolic links",
)
_ENGINES_FAULT = (
    "no space left on device",
    "disk quota exceeded",
    "input/output error",
    "connection error: desc",  # its containerd is away; it answers a ping all the same
)
_IS_JSON = {"Content-Type": "application/json"}
_NOT_CONNECTED = 900  # aiodocker's own status
_ENDING_SECONDS = 0.05

Json = dict[str, Any]


class About(Enum):
    """What a call is about, which tells whose fault its failure may be."""

    TASK = "a task"
    FILES = "the files of a task, which may be such as can't be written"
    IMAGE = "an image, which a registry gives or not: the engine only says so"
    UPKEEP = "no task's wishes: what an engine can't do then is never for a task to answer for"


def connect(address: str | None) -> Docker:
    """A client without a limit on connections: each running container holds one.

    Without an address it is DOCKER_HOST, then Docker's usual socket. Whether anybody listens there
    shows at the first call. Raises ValueError for an address of no known kind.
    """
    address = address_of(address)
    if address.startswith("unix://"):
        connector = aiohttp.UnixConnector(address.removeprefix("unix://"), limit=0)
        return Docker("unix://localhost", connector=connector)
    return Docker(address)


def address_of(address: str | None) -> str:
    """`address`, or where an engine is by the environment, or usually."""
    return address or os.environ.get("DOCKER_HOST") or _USUAL_ADDRESS


def certificates_of(address: str) -> str | None:
    """The directory of the certificates for TLS with the engine there; None: it isn't asked for."""
    wanted = os.environ.get("DOCKER_TLS_VERIFY") == "1" and not address.startswith("unix://")
    return os.environ.get("DOCKER_CERT_PATH") if wanted else None


class EngineCalls:
    def __init__(self, address: str | None, *, timeout_seconds: float) -> None:
        """Raises ValueError for an address of no known kind."""
        self.docker = connect(address)
        self._address = address
        self._timeout = timeout_seconds

    async def close(self) -> None:
        await _close(self.docker)

    @contextlib.asynccontextmanager
    async def anew(self) -> AsyncIterator[Docker]:
        """A client with connections of its own, which an engine that goes down takes no more."""
        docker = connect(self._address)
        docker.api_version = self.docker.api_version
        try:
            yield docker
        finally:
            await _close(docker)

    async def ping(self) -> None:
        """Settles the API version, too: for /version, which the library would ask, Podman asks the
        system's packages, for a second. Raises DockerError."""
        async with self.docker.session.get(f"{self.docker.docker_host}/_ping") as response:
            if response.status >= 400:
                raise DockerError(response.status, _message(await response.read()))
            if version := response.headers.get("API-Version"):
                self.docker.api_version = f"v{version}"

    async def request(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: io.BytesIO | AsyncIterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> aiohttp.ClientResponse:
        """An answer below 400, its body unread. Raises DockerError for any other."""
        if self.docker.api_version == "auto":
            await self.docker.version()  # settles it
        url = f"{self.docker.docker_host}/{self.docker.api_version}/{path}"
        response = await self.docker.session.request(
            method, url, params=query, data=body, headers=headers, timeout=_UNLIMITED
        )
        if response.status >= 400:
            raise DockerError(response.status, _message(await response.read()))
        return response

    async def ask(self, path: str, **query: str) -> Any:  # noqa: ANN401 - an object or a list
        """What the engine has there, as JSON. Raises DockerError."""
        async with await self.request("GET", path, query) as response:
            return json.loads(await response.read())

    async def inspected(self, container: str, about: About = About.TASK) -> Json:
        """All that the engine says of it. Raises as `call` does."""
        async with self.call("inspect the container", about=about):
            while True:
                try:
                    shown: Json = await self.docker.containers.container(container).show()
                    return shown
                except DockerError as error:
                    # Podman looks at the process of one that has ended before it has noted the end.
                    if "no such process" not in error.message:
                        raise
                await asyncio.sleep(_ENDING_SECONDS)

    async def post(self, path: str, body: Json) -> Json:
        """What the engine answers, as JSON. Raises DockerError."""
        data = io.BytesIO(json.dumps(body).encode())
        async with await self.request("POST", path, None, data, _IS_JSON) as response:
            answer: Json = json.loads(await response.read())
            return answer

    async def start_exec(self, command: str) -> aiohttp.ClientResponse:
        """The output of a command that was made for a container. Raises DockerError."""
        body = io.BytesIO(b'{"Detach": false}')
        return await self.request("POST", f"exec/{command}/start", None, body, _IS_JSON)

    async def tell(self, method: str, path: str, body: Json | None = None) -> None:
        """The answer is of no interest. Raises DockerError."""
        data = None if body is None else io.BytesIO(json.dumps(body).encode())
        async with await self.request(method, path, None, data, _IS_JSON):
            pass

    @contextlib.asynccontextmanager
    async def call(
        self,
        what: str,
        *,
        limited: bool = True,
        seconds: float | None = None,
        about: About = About.TASK,
    ) -> AsyncIterator[None]:
        """Raises RuntimeRejected, RuntimeDeclined or RuntimeUnavailable for what fails inside:
        "could not `what`".
        """
        try:
            async with asyncio.timeout((seconds or self._timeout) if limited else None):
                yield
        except TimeoutError as error:  # an engine that hangs may be restarted, or another do better
            if about is About.IMAGE:
                raise RuntimeDeclined(f"could not {what} within {seconds:g} s") from error
            raise RuntimeUnavailable(f"could not {what}: the engine doesn't answer") from error
        except aiohttp.ClientError as error:  # the socket is gone, or the engine is
            raise RuntimeUnavailable(f"could not {what}: {error}") from error
        except DockerError as error:
            raise _kind_of(error, about)(f"could not {what}: {error.message}") from error


async def _close(docker: Docker) -> None:
    await docker.close()
    # aiodocker leaves a connector it was given open.
    if docker.connector is not None:
        await docker.connector.close()


def _message(body: bytes) -> str:
    try:
        message = str(json.loads(body)["message"])
        # Podman shows its own call first, some thousand characters.
        return message.rpartition("}: ")[2] if "copier.request{" in message else message
    except (ValueError, KeyError, TypeError):  # not the engine's own words: a proxy's, perhaps
        return body.decode(errors="replace")


def is_engines_fault(words: str) -> bool:
    return any(word in words for word in _ENGINES_FAULT)


def _kind_of(error: DockerError, about: About) -> type[Exception]:
    """Whose fault it is, with care: a task that can run nowhere, and is handed back as if it could,
    goes from worker to worker for ever. What nobody knows ends that way after some rounds."""
    if error.status == _NOT_CONNECTED:
        return RuntimeUnavailable
    if is_engines_fault(error.message):
        return RuntimeUnavailable
    if about is About.IMAGE:
        return RuntimeRejected
    if about is About.UPKEEP:
        return RuntimeDeclined
    faults = (*_TASKS_OWN_FAULT, *_FILES_FAULT) if about is About.FILES else _TASKS_OWN_FAULT
    is_the_tasks = error.status < 500 or any(word in error.message for word in faults)
    return RuntimeRejected if is_the_tasks else RuntimeDeclined


_FRAME = struct.Struct(">BxxxL")
_READ = 65536


async def frames(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[int, bytes]]:
    """Output as it was written, the 8-byte headers taken out, each piece with the number of its
    stream. Ends with the stream."""
    content = response.content
    while True:
        try:
            number, left = _FRAME.unpack(await content.readexactly(_FRAME.size))
        except (asyncio.IncompleteReadError, aiohttp.ClientError):
            return  # the end of the stream, or of the engine: `wait` tells which
        while left:
            try:
                data = await content.read(min(left, _READ))
            except aiohttp.ClientError:  # as above
                return
            if not data:
                return
            left -= len(data)
            yield number, data


async def whole_frames(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[int, bytes]]:
    """As `frames`, each frame as a whole: of a log that the engine has kept, an entry."""
    content = response.content
    while True:
        try:
            number, size = _FRAME.unpack(await content.readexactly(_FRAME.size))
            yield number, await content.readexactly(size)
        except (asyncio.IncompleteReadError, aiohttp.ClientError):
            return  # as above


def path_stat(headers: Mapping[str, str]) -> Json:
    """What an archive answer's headers say of the file: `size`, `mode`, `linkTarget`."""
    found: Json = json.loads(base64.b64decode(headers["X-Docker-Container-Path-Stat"]))
    return found


async def first_member(content: aiohttp.StreamReader, limit: int) -> tuple[bytes, int]:
    """The first file of a tar, at most `limit` bytes of it, and its whole size."""
    header = await first_header(content)
    if header.isreg():
        return await content.readexactly(min(header.size, limit)), header.size
    return b"", 0  # the task made a link or a directory of it


async def first_header(content: aiohttp.StreamReader) -> tarfile.TarInfo:
    """The first member of a tar, without its contents."""
    while True:
        block = await content.readexactly(tarfile.BLOCKSIZE)
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if header.type != tarfile.XHDTYPE:
            return header
        # Extended attributes of the member that follows.
        await content.readexactly(-(-header.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE)
