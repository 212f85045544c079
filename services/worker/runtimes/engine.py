"""The one door to a container engine: each call with a time-out, each failure sorted.

Docker and Podman speak the same API here. What aiodocker has no call for (attaching without an
inspection first, a pull with a login for any registry, an archive read up to a limit) goes over
its session.
"""

import asyncio
import base64
import contextlib
import io
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
from aiodocker import Docker, DockerError

from services.worker.runtimes.engine_streams import first_member, size_of
from services.worker.runtimes.protocol import RegistryLogin, RuntimeRejected, RuntimeUnavailable

_UNLIMITED = aiohttp.ClientTimeout(total=None)
_USUAL_ADDRESS = "unix:///var/run/docker.sock"
# What an engine says, with a 500, about a task that can't run on any machine.
_TASKS_OWN_FAULT = (
    "OCI",
    "executable file not found",
    "invalid reference format",
    "network not found",
)
_NOT_CONNECTED = 900  # aiodocker's own status
_NOT_RUNNING = "can only kill running containers"
_MISSING_IMAGE = ("No such image", "no such image", "image not known")

LABEL_NODE = "conveyor.node"
LABEL_TASK = "conveyor.task"
LABEL_JOB = "conveyor.job"

Json = dict[str, Any]


class ImageMissing(Exception):
    """The engine has no such image yet."""


def connect(address: str | None) -> Docker:
    """A client without a limit on connections: each running container holds one.

    Without an address it is DOCKER_HOST, then Docker's usual socket. Whether anybody listens there
    shows at the first call. Raises ValueError for an address of no known kind.
    """
    address = address or os.environ.get("DOCKER_HOST") or _USUAL_ADDRESS
    if address.startswith("unix://"):
        connector = aiohttp.UnixConnector(address.removeprefix("unix://"), limit=0)
        return Docker("unix://localhost", connector=connector)
    return Docker(address)


class Engine:
    def __init__(self, docker: Docker, *, timeout_seconds: float, pull_seconds: float) -> None:
        self._docker = docker
        self._timeout = timeout_seconds
        self._pull_timeout = pull_seconds

    async def close(self) -> None:
        await self._docker.close()
        # aiodocker leaves a connector it was given open.
        if self._docker.connector is not None:
            await self._docker.connector.close()

    async def ping(self) -> None:
        async with self._call("reach the engine"):
            await self._docker.version()

    async def create(self, config: Json) -> str:
        """Raises ImageMissing when the image has to be pulled first."""
        async with self._call("create the container"):
            try:
                return (await self._docker.containers.create(config)).id
            except DockerError as error:  # 404 is about the image; a network is found at start
                if error.status == 404 and any(m in error.message for m in _MISSING_IMAGE):
                    raise ImageMissing from error
                raise

    async def image_user(self, image: str) -> str:
        """The user an image's processes run as, "" for root. Raises ImageMissing."""
        async with self._call(f"inspect image {image}"):
            try:
                found = await self._docker.images.inspect(image)
            except DockerError as error:
                if error.status == 404:
                    raise ImageMissing from error
                raise
            return str((found.get("Config") or {}).get("User") or "")

    async def put_archive(self, container: str, tar: bytes) -> None:
        async with self._call("write the task's files"):
            query, body = {"path": "/"}, io.BytesIO(tar)
            async with await self._request("PUT", f"containers/{container}/archive", query, body):
                pass

    async def start(self, container: str) -> None:
        async with self._call("start the container"):
            await self._docker.containers.container(container).start()

    async def attach(self, container: str) -> aiohttp.ClientResponse:
        """The stream of both outputs, open before the container starts: nothing is missed."""
        async with self._call("follow the output"):
            query = {"stream": "1", "stdout": "1", "stderr": "1"}
            return await self._request("POST", f"containers/{container}/attach", query)

    async def wait(self, container: str) -> int:
        """The exit code of a container, once it has ended."""
        async with self._call("wait for the container", limited=False):
            answer = await self._docker.containers.container(container).wait()
            return int(answer["StatusCode"])

    async def inspect_state(self, container: str) -> Json:
        async with self._call("inspect the container"):
            state: Json = (await self._docker.containers.container(container).show())["State"]
            return state

    async def kill(self, container: str) -> None:
        async with self._call("kill the container"):
            try:
                await self._docker.containers.container(container).kill()
            except DockerError as error:
                # Gone, or not running; Podman says the latter with a 500.
                if error.status not in (404, 409) and _NOT_RUNNING not in error.message:
                    raise

    async def delete(self, container: str) -> None:
        async with self._call("remove the container"):
            try:
                await self._docker.containers.container(container).delete(force=True, v=True)
            except DockerError as error:
                if error.status not in (404, 409):  # gone, or being removed
                    raise

    async def labelled(self) -> list[tuple[str, str]]:
        """Every container with our label, ended or not: its id and its node's id."""
        filters = json.dumps({"label": [LABEL_NODE]})
        async with self._call("list containers"):
            found = await self._docker.containers.list(all=True, filters=filters)
            return [(c.id, c["Labels"][LABEL_NODE]) for c in found]

    async def read_file(self, container: str, path: str, limit: int) -> tuple[bytes, int]:
        """At most `limit` bytes of a file in the container, and its whole size.

        A file that isn't there, or isn't a plain file, reads as empty. The engine is asked for
        the size first: that is cheap, and most tasks write nothing.
        """
        url, query = f"containers/{container}/archive", {"path": path}
        async with self._call(f"read {path}"):
            try:
                async with await self._request("HEAD", url, query) as response:
                    if not size_of(response.headers):
                        return b"", 0
                async with await self._request("GET", url, query) as response:
                    return await first_member(response.content, limit)
            except DockerError as error:
                if error.status == 404:
                    return b"", 0
                raise

    async def pull(
        self, image: str, login: RegistryLogin | None, on_message: Callable[[Json], Awaitable[None]]
    ) -> None:
        """Each progress message goes to `on_message`; an `error` among them is its to judge."""
        headers = {} if login is None else {"X-Registry-Auth": _registry_auth(login)}
        query = {"fromImage": image}
        if ":" not in image.rsplit("/", 1)[-1] and "@" not in image:
            query["tag"] = "latest"  # without a tag the engine pulls every tag there is
        async with (
            # An engine that answers speaks of the image and its registry, whatever the status.
            self._call(f"pull image {image}", seconds=self._pull_timeout, answer_rejects=True),
            await self._request("POST", "images/create", query, headers=headers) as response,
        ):
            async for line in response.content:
                if line.strip():
                    await on_message(json.loads(line))

    async def _request(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: io.BytesIO | None = None,
        headers: dict[str, str] | None = None,
    ) -> aiohttp.ClientResponse:
        if self._docker.api_version == "auto":
            await self._docker.version()  # settles the API version
        url = f"{self._docker.docker_host}/{self._docker.api_version}/{path}"
        response = await self._docker.session.request(
            method, url, params=query, data=body, headers=headers, timeout=_UNLIMITED
        )
        if response.status >= 400:
            raise DockerError(response.status, _message(await response.read()))
        return response

    @contextlib.asynccontextmanager
    async def _call(
        self,
        what: str,
        *,
        limited: bool = True,
        seconds: float | None = None,
        answer_rejects: bool = False,
    ) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout((seconds or self._timeout) if limited else None):
                yield
        except TimeoutError as error:  # an engine that hangs may be restarted, or another do better
            raise RuntimeUnavailable(f"could not {what}: the engine doesn't answer") from error
        except aiohttp.ClientError as error:  # the socket is gone, or the engine is
            raise RuntimeUnavailable(f"could not {what}: {error}") from error
        except DockerError as error:
            text = f"could not {what}: {error.message}"
            answered = error.status != _NOT_CONNECTED
            if _is_the_tasks_fault(error) or (answer_rejects and answered):
                raise RuntimeRejected(text) from error
            raise RuntimeUnavailable(text) from error


def _registry_auth(login: RegistryLogin) -> str:
    text = json.dumps({"username": login.username, "password": login.password})
    return base64.urlsafe_b64encode(text.encode()).decode()


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):  # not the engine's own words: a proxy's, perhaps
        return body.decode(errors="replace")


def _is_the_tasks_fault(error: DockerError) -> bool:
    return error.status < 500 or any(word in error.message for word in _TASKS_OWN_FAULT)
