"""Containers and images of a container engine. Docker and Podman speak the same API here."""

import base64
import io
import json
from collections.abc import Awaitable, Callable
from datetime import datetime

import aiohttp
from aiodocker import Docker, DockerError

from services.worker.runtimes.engine_calls import EngineCalls, Json
from services.worker.runtimes.engine_resources import EngineResources
from services.worker.runtimes.engine_streams import first_member, size_of
from services.worker.runtimes.labels import LABEL_NODE, filter_of_task, is_earlier
from services.worker.runtimes.task_spec import RegistryLogin, TaskSpec

_BY_A_SIGNAL = 128
_NOTED_SECONDS = 0.5
_NOT_RUNNING = "can only kill running containers"
_MISSING_IMAGE = ("No such image", "no such image", "image not known")


class ImageMissing(Exception):
    """The engine has no such image yet."""


class Engine:
    """`resources` are its volumes and networks."""

    def __init__(self, docker: Docker, *, timeout_seconds: float, pull_seconds: float) -> None:
        self._docker = docker
        self._calls = EngineCalls(docker, timeout_seconds=timeout_seconds)
        self._pull_timeout = pull_seconds
        self.resources = EngineResources(self._calls)

    async def close(self) -> None:
        await self._calls.close()

    async def ping(self) -> None:
        async with self._calls.call("reach the engine"):
            await self._docker.version()

    async def create(self, config: Json) -> str:
        """Raises ImageMissing when the image has to be pulled first."""
        async with self._calls.call("create the container"):
            try:
                return (await self._docker.containers.create(config)).id
            except DockerError as error:  # 404 is about the image; a network is found at start
                if error.status == 404 and any(m in error.message for m in _MISSING_IMAGE):
                    raise ImageMissing from error
                raise

    async def image_user(self, image: str) -> str:
        """The user an image's processes run as, "" for root. Raises ImageMissing."""
        async with self._calls.call(f"inspect image {image}"):
            try:
                found = await self._docker.images.inspect(image)
            except DockerError as error:
                if error.status == 404:
                    raise ImageMissing from error
                raise
            return str((found.get("Config") or {}).get("User") or "")

    async def put_archive(self, container: str, tar: bytes) -> None:
        async with self._calls.call("write the task's files", writes_files=True):
            url, query, body = f"containers/{container}/archive", {"path": "/"}, io.BytesIO(tar)
            async with await self._calls.request("PUT", url, query, body):
                pass

    async def start(self, container: str) -> None:
        async with self._calls.call("start the container"):
            await self._docker.containers.container(container).start()

    async def attach(self, container: str) -> aiohttp.ClientResponse:
        """The stream of both outputs, open before the container starts: nothing is missed."""
        async with self._calls.call("follow the output"):
            query = {"stream": "1", "stdout": "1", "stderr": "1"}
            return await self._calls.request("POST", f"containers/{container}/attach", query)

    async def wait(self, container: str) -> int:
        """The exit code of a container, once it has ended."""
        async with self._calls.call("wait for the container", limited=False):
            answer = await self._docker.containers.container(container).wait()
            return int(answer["StatusCode"])

    async def inspect_state(self, container: str) -> Json:
        async with self._calls.call("inspect the container"):
            state: Json = (await self._docker.containers.container(container).show())["State"]
            return state

    async def was_told_to_stop(self, container: str, state: Json) -> bool:
        """Whether somebody had the engine stop it, or the engine stopped it as it was going down.

        `state` is that of the ended container.
        """
        # The engine notes what it did after it did it. One that ended by a signal is waited for.
        noted_after = _NOTED_SECONDS if state["ExitCode"] >= _BY_A_SIGNAL else 0.0
        query = {
            "since": "1",  # by their own account short ones end before they start
            "until": _text(_seconds(state["FinishedAt"]) + noted_after),
            "filters": json.dumps({"container": [container], "event": ["kill"]}),
        }
        async with (
            self._calls.call("ask what became of the container"),
            await self._calls.request("GET", "events", query) as response,
        ):
            return bool((await response.read()).strip())

    async def see_it_stay(self, container: str, state: Json, seconds: float) -> None:
        """Until so long after that container ended. Raises RuntimeUnavailable when the engine goes
        meanwhile, however soon it is back: that cuts the stream of its events off."""
        query = {
            "since": _text(_seconds(state["FinishedAt"])),
            "until": _text(_seconds(state["FinishedAt"]) + seconds),
            "filters": json.dumps({"container": [container]}),
        }
        async with (
            self._calls.call("see the engine stay", seconds=2 * seconds + 1),
            await self._calls.request("GET", "events", query) as response,
        ):
            await response.read()

    async def kill(self, container: str) -> None:
        async with self._calls.call("kill the container"):
            try:
                await self._docker.containers.container(container).kill()
            except DockerError as error:
                # Gone, or not running; Podman says the latter with a 500.
                if error.status not in (404, 409) and _NOT_RUNNING not in error.message:
                    raise

    async def delete(self, container: str) -> None:
        async with self._calls.call("remove the container"):
            try:
                await self._docker.containers.container(container).delete(force=True, v=True)
            except DockerError as error:
                if error.status not in (404, 409):  # gone, or being removed
                    raise

    async def labelled(self) -> list[tuple[str, str]]:
        """Every container with our label, ended or not: its id and its node's id."""
        filters = json.dumps({"label": [LABEL_NODE]})
        async with self._calls.call("list containers"):
            found = await self._docker.containers.list(all=True, filters=filters)
            return [(c.id, c["Labels"][LABEL_NODE]) for c in found]

    async def earlier(self, spec: TaskSpec) -> list[str]:
        """The ids of containers that other dispatches of this task have left."""
        async with self._calls.call("list containers"):
            found = await self._docker.containers.list(all=True, filters=filter_of_task(spec))
            return [c.id for c in found if is_earlier(c["Labels"], spec)]

    async def read_file(self, container: str, path: str, limit: int) -> tuple[bytes, int]:
        """At most `limit` bytes of a file in the container, and its whole size.

        A file that isn't there, or isn't a plain file, reads as empty. The engine is asked for
        the size first: that is cheap, and most tasks write nothing.
        """
        url, query = f"containers/{container}/archive", {"path": path}
        async with self._calls.call(f"read {path}"):
            try:
                async with await self._calls.request("HEAD", url, query) as response:
                    if not size_of(response.headers):
                        return b"", 0
                async with await self._calls.request("GET", url, query) as response:
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
            self._calls.call(
                f"pull image {image}", seconds=self._pull_timeout, answer_rejects=True
            ),
            await self._calls.request("POST", "images/create", query, headers=headers) as response,
        ):
            async for line in response.content:
                if line.strip():
                    await on_message(json.loads(line))


def _seconds(moment: str) -> float:
    """Since the epoch; engines tell it as `2026-01-31T12:00:00.123456789Z`."""
    return datetime.fromisoformat(moment).timestamp()


def _text(seconds: float) -> str:
    return f"{seconds:.6f}"


def _registry_auth(login: RegistryLogin) -> str:
    text = json.dumps({"username": login.username, "password": login.password})
    return base64.urlsafe_b64encode(text.encode()).decode()
