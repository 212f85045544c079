"""Containers and images of a container engine. Docker and Podman speak the same API here."""

import asyncio
import base64
import contextlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

import aiohttp
from aiodocker import DockerError

from conveyor.extensions.tasks import Registry, TaskSpec
from services.worker.runtimes.containers.archives import EngineArchives
from services.worker.runtimes.containers.engine_calls import (
    About,
    EngineCalls,
    Json,
    address_of,
    first_header,
    first_member,
    path_stat,
)
from services.worker.runtimes.containers.labels import (
    LABEL_DISPATCH,
    LABEL_NODE,
    LABEL_TASK,
    filter_of_task,
    is_earlier,
)
from services.worker.runtimes.containers.resources import EngineResources

_BY_A_SIGNAL = 128
_LOOK_SECONDS = 0.1
_NOTED_SECONDS = 0.5
_NOTED_AT_LAST_SECONDS = 10.0  # of an end it writes to its disk first
_MOST_REMEMBERED = 256
_LAST_SECONDS = 60.0  # a container that is stopped has 10 s to end, or as many as somebody gives it
_NO_DISK_LIMIT = ("storage-opt", "storage option", "Storage options")
_NOT_RUNNING = "can only kill running containers"
_MISSING_IMAGE = ("No such image", "no such image", "image not known")


class ImageMissing(Exception):
    """The engine has no such image yet."""


class ContainerEngine:
    """`resources` are its volumes and networks, `archives` brings files into containers and out."""

    def __init__(
        self,
        address: str | None,
        *,
        timeout_seconds: float,
        pull_seconds: float,
        is_podman: bool = False,
    ) -> None:
        """Raises ValueError for an address of no known kind."""
        self._calls = EngineCalls(address, timeout_seconds=timeout_seconds)
        self._docker = self._calls.docker
        self._pull_timeout = pull_seconds
        self._limits_disk = True  # until it says that its file system has no such limit
        self.resources = EngineResources(self._calls)
        self.archives = EngineArchives(self._calls, is_podman=is_podman)
        self.address = address_of(address)

    async def close(self) -> None:
        await self._calls.close()

    async def ping(self) -> None:
        async with self._calls.call("reach the engine", about=About.UPKEEP):
            await self._calls.ping()

    async def create(self, config: Json, name: str | None = None) -> str:
        """Raises ImageMissing when the image has to be pulled first."""
        if not self._limits_disk:
            config.get("HostConfig", {}).pop("StorageOpt", None)
        path = "containers/create" if name is None else f"containers/create?name={name}"
        async with self._calls.call("create the container"):
            try:
                return str((await self._calls.post(path, config))["Id"])
            except DockerError as error:  # 404 is about the image; a network is found at start
                if self._limits_disk and any(m in error.message for m in _NO_DISK_LIMIT):
                    self._limits_disk = False
                    return await self.create(config, name)
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

    async def digests_of(self, image: str) -> list[str]:
        """Those under which registries have it, each after the name of its repository."""
        async with self._calls.call(f"inspect image {image}"):
            try:
                found = await self._docker.images.inspect(image)
            except DockerError as error:
                if error.status == 404:  # its name was taken away, and it is kept for containers
                    return []
                raise
            return list(found.get("RepoDigests") or ())

    async def put_archive(self, container: str, path: str, tar: bytes) -> None:
        async with self._calls.call("write the task's files", about=About.FILES):
            url, query, body = f"containers/{container}/archive", {"path": path}, io.BytesIO(tar)
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

    async def follow_log(self, container: str, since: str) -> aiohttp.ClientResponse:
        """What it has written since then (seconds; empty: ever) and writes, each with its time."""
        async with self._calls.call("follow the log"):
            query = {"follow": "1", "stdout": "1", "stderr": "1", "timestamps": "1"}
            query |= {"since": since} if since else {}
            return await self._calls.request("GET", f"containers/{container}/logs", query)

    async def wait(self, container: str) -> int:
        """The exit code of a container, once it has ended.

        Over a new connection, which an engine that goes down takes no more. So whoever gives an
        answer to one that was asked after the end has not ended the container by going down, or it
        is another engine that came after it: see `saw_it_end`.
        """
        async with (
            self._calls.call("wait for the container", limited=False),
            self._calls.anew() as docker,
        ):
            answer = await docker.containers.container(container).wait()
            return int(answer["StatusCode"])

    async def image_of(self, container: str) -> str | None:
        """The id of its image, if the engine tells it."""
        return (await self._calls.inspected(container)).get("Image")

    async def inspect_state(self, container: str) -> Json:
        state: Json = (await self._calls.inspected(container))["State"]
        return state

    async def was_told_to_stop(self, container: str, state: Json) -> bool:
        """Whether somebody had the engine stop it. `state` is that of the ended container."""
        # The engine notes what it did after it did it. One that ended by a signal is waited for.
        noted_after = _NOTED_SECONDS if state["ExitCode"] >= _BY_A_SIGNAL else 0.0
        until = _text(_seconds(state["FinishedAt"]) + noted_after)
        query = {**_last_of(container, state, "kill"), "until": until}
        async with self._events(query) as events:
            return bool(await events.readline())

    async def saw_it_end(self, container: str, state: Json) -> bool:
        """Whether this very engine was there when the container ended by itself.

        One that has come after it knows nothing of it, or has ended it when it found it running.
        """
        told = set[str]()
        async with self._events(_last_of(container, state, "die", "kill")) as events:
            with contextlib.suppress(TimeoutError):  # there is no more to come
                async with asyncio.timeout(_NOTED_AT_LAST_SECONDS) as patience:
                    while "kill" not in told and (line := await events.readline()):
                        told.add(json.loads(line)["Action"])
                        patience.reschedule(asyncio.get_running_loop().time() + _NOTED_SECONDS)
        # It may have forgotten, as it remembers only so many; a new one doesn't have as many yet.
        return "kill" not in told and ("die" in told or await self._remembers_much())

    async def _remembers_much(self) -> bool:
        """Whether it has noted as many events as it can keep."""
        noted = 0
        async with self._events({"since": "1"}) as events:
            with contextlib.suppress(TimeoutError):  # all that it remembers it tells at once
                async with asyncio.timeout(_NOTED_SECONDS):
                    while noted < _MOST_REMEMBERED and await events.readline():
                        noted += 1
        return noted == _MOST_REMEMBERED

    @contextlib.asynccontextmanager
    async def _events(self, query: dict[str, str]) -> AsyncIterator[aiohttp.StreamReader]:
        """Events a line each: what the engine remembers, and then what comes."""
        async with (
            self._calls.call("ask what became of the container"),
            await self._calls.request("GET", "events", query) as response,
        ):
            yield response.content

    async def terminate(self, container: str) -> None:
        """Send it the stop signal of its image."""
        shown = await self._calls.inspected(container, About.UPKEEP)
        await self.kill(container, str(shown["Config"].get("StopSignal") or "SIGTERM"))

    async def kill(self, container: str, signal: str = "SIGKILL") -> None:
        async with self._calls.call("kill the container", about=About.UPKEEP):
            try:
                await self._docker.containers.container(container).kill(signal=signal)
            except DockerError as error:
                # Gone, or not running; Podman says the latter with a 500.
                if error.status not in (404, 409) and _NOT_RUNNING not in error.message:
                    raise

    async def delete(self, container: str) -> None:
        async with self._calls.call("remove the container", about=About.UPKEEP):
            try:
                await self._docker.containers.container(container).delete(force=True, v=True)
            except DockerError as error:
                if error.status not in (404, 409):  # gone, or being removed
                    raise

    async def run_in(self, container: str, command: Sequence[str]) -> int:
        """The exit code of a command in a running container. Its output is nobody's."""
        async with self._calls.call("run the probe"):
            body = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True}
            made = (await self._calls.post(f"containers/{container}/exec", body))["Id"]
            # Its output ends with it: Podman says of one that nobody is attached to that it runs.
            async with await self._calls.start_exec(made) as response:
                async for _ in response.content.iter_any():
                    pass
            while True:
                shown = await self._calls.ask(f"exec/{made}/json")
                if not shown["Running"]:
                    return int(shown["ExitCode"])
                await asyncio.sleep(_LOOK_SECONDS)

    async def rename(self, container: str, node_id: str) -> None:
        """From now on it is that worker's."""
        async with self._calls.call("rename the container"):
            name = f"{_HELD_BY}{node_id}.{container[:12]}"
            await self._calls.tell("POST", f"containers/{container}/rename?name={name}")

    async def of_dispatch(self, task_id: str, dispatch: int) -> list[str]:
        """The ids of containers that were started for it."""
        filters = json.dumps({"label": [f"{LABEL_TASK}={task_id}"]})
        async with self._calls.call("list containers", about=About.UPKEEP):
            found = await self._docker.containers.list(all=True, filters=filters)
            return [
                c.id
                for c in found
                if c["Labels"].get(LABEL_DISPATCH) == str(dispatch) and c["State"] != "created"
            ]

    async def labelled(self) -> list[tuple[str, str]]:
        """Every container with our label, ended or not: its id and the id of the node that has it
        now."""
        filters = json.dumps({"label": [LABEL_NODE]})
        async with self._calls.call("list containers", about=About.UPKEEP):
            found = await self._docker.containers.list(all=True, filters=filters)
            return [(c.id, _holder(c["Names"]) or c["Labels"][LABEL_NODE]) for c in found]

    async def earlier(self, spec: TaskSpec) -> list[str]:
        """The ids of containers that other dispatches of this task have left."""
        async with self._calls.call("list containers", about=About.UPKEEP):
            found = await self._docker.containers.list(all=True, filters=filter_of_task(spec))
            return [c.id for c in found if is_earlier(c["Labels"], spec)]

    async def read_file(self, container: str, path: str, limit: int) -> tuple[bytes, int]:
        """A file in the container, nothing of it if it has more than `limit` bytes; and its size.

        A file that isn't there, or isn't a plain file, reads as empty. The engine is asked for
        the size first: that is cheap, and most tasks write nothing.
        """
        url, query = f"containers/{container}/archive", {"path": path}
        async with self._calls.call(f"read {path}"):
            try:
                async with await self._calls.request("HEAD", url, query) as response:
                    size = int(path_stat(response.headers)["size"])
                if not size or size > limit:
                    return b"", size
                async with await self._calls.request("GET", url, query) as response:
                    return await first_member(response.content, limit)
            except DockerError as error:
                if error.status == 404:
                    return b"", 0
                raise

    async def read_folder(self, container: str, path: str) -> tarfile.TarInfo:
        """Whose the folder is and who may do what in it; nothing of what is in it."""
        query = {"path": path}
        async with (
            self._calls.call(f"look at {path}"),
            await self._calls.request("GET", f"containers/{container}/archive", query) as response,
        ):
            return await first_header(response.content)

    async def pull(
        self, image: str, login: Registry | None, on_message: Callable[[Json], Awaitable[None]]
    ) -> None:
        """Each progress message goes to `on_message`; an `error` among them is its to judge."""
        headers = {} if login is None else {"X-Registry-Auth": _registry_auth(login)}
        query = {"fromImage": image}
        if ":" not in image.rsplit("/", 1)[-1] and "@" not in image:
            query["tag"] = "latest"  # without a tag the engine pulls every tag there is
        async with (
            # An engine that answers speaks of the image and its registry, whatever the status.
            self._calls.call(f"pull image {image}", seconds=self._pull_timeout, about=About.IMAGE),
            await self._calls.request("POST", "images/create", query, headers=headers) as response,
        ):
            async for line in response.content:
                if line.strip():
                    await on_message(json.loads(line))


_HELD_BY = "conveyor-held."


def _holder(names: Sequence[str] | None) -> str | None:
    """The node that `rename` says; None where it is as it was made."""
    for name in names or ():
        if (plain := name.lstrip("/")).startswith(_HELD_BY):
            return plain.removeprefix(_HELD_BY).rpartition(".")[0]
    return None


def _last_of(container: str, state: Json, *actions: str) -> dict[str, str]:
    """Asks for what happened to the container in its last minute."""
    return {
        "since": _text(_seconds(state["FinishedAt"]) - _LAST_SECONDS),
        "filters": json.dumps({"container": [container], "event": actions}),
    }


def _seconds(moment: str) -> float:
    """Since the epoch; engines tell it as `2026-01-31T12:00:00.123456789Z`."""
    return datetime.fromisoformat(moment).timestamp()


def _text(seconds: float) -> str:
    return f"{seconds:.6f}"


def _registry_auth(login: Registry) -> str:
    text = json.dumps({"username": login.username, "password": login.password})
    return base64.urlsafe_b64encode(text.encode()).decode()
