"""Volumes and networks of a container engine: made with labels, found by them, removed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aiodocker import DockerError

from conveyor.extensions.tasks import TaskSpec
from services.worker.runtimes.containers.engine_calls import About, EngineCalls, Json
from services.worker.runtimes.containers.layout import LABEL_NODE, filter_of_task, is_earlier

Kind = Literal["networks", "volumes"]

_ALWAYS_THERE = "none"  # a network of Docker's own
_GONE = (404,)
# In use: a container of it is only just being removed, or is somebody's who joined it.
_NOT_NOW = (403, 409)
_STILL_USED = "is being used"  # Podman says it with a 500


@dataclass(frozen=True, slots=True)
class Network:
    """`is_ours`: it was made for a task, and is that task's alone."""

    name: str
    driver: str
    is_ours: bool


class EngineResources:
    def __init__(self, calls: EngineCalls) -> None:
        self._calls = calls

    async def create_volume(
        self, name: str, labels: Mapping[str, str], options: Mapping[str, str]
    ) -> None:
        """`options` are those of the engine's `local` driver."""
        body = {"Name": name, "Labels": dict(labels), "DriverOpts": dict(options)}
        async with self._calls.call("create a volume"):
            await self._calls.tell("POST", "volumes/create", body)

    async def create_network(self, name: str, labels: Mapping[str, str], *, internal: bool) -> None:
        """A bridge; `internal`: without a way out of the machine."""
        body = {"Name": name, "Labels": dict(labels), "Driver": "bridge", "Internal": internal}
        async with self._calls.call("create a network"):
            await self._calls.tell("POST", "networks/create", body)

    async def find_network(self, name: str) -> Network | None:
        async with self._calls.call(f"look for network {name!r}"):
            try:
                found = await self._calls.ask(f"networks/{name}")
            except DockerError as error:
                if error.status == 404:
                    return None
                raise
            is_ours = LABEL_NODE in (found.get("Labels") or {})
            return Network(found["Name"], found["Driver"], is_ours)

    async def check(self) -> None:
        """Whether networks answer. Raises RuntimeUnavailable."""
        async with self._calls.call("reach the engine's networks", about=About.UPKEEP):
            await self._calls.ask(f"networks/{_ALWAYS_THERE}")

    async def join(self, network: str, container: str) -> None:
        async with self._calls.call(f"join network {network!r}"):
            body = {"Container": container}
            await self._calls.tell("POST", f"networks/{network}/connect", body)

    async def address_of(self, container: str, network: str) -> str:
        """The address of a running container on that network; empty when it has none any more."""
        shown = await self._calls.inspected(container)
        joined = shown["NetworkSettings"]["Networks"] or {}
        return str(joined.get(network, {}).get("IPAddress") or "")

    async def labelled(self, kind: Kind) -> list[tuple[str, str]]:
        """All of that kind with our label: its name and its node's id."""
        found = await self._list(kind, json.dumps({"label": [LABEL_NODE]}))
        return [(each["Name"], each["Labels"][LABEL_NODE]) for each in found]

    async def earlier(self, kind: Kind, spec: TaskSpec) -> list[str]:
        """The names of those that other dispatches of this task have left."""
        found = await self._list(kind, filter_of_task(spec))
        return [each["Name"] for each in found if is_earlier(each["Labels"], spec)]

    async def remove(self, kind: Kind, name: str) -> bool:
        """False when it is still in use."""
        async with self._calls.call(f"remove the {kind.removesuffix('s')}", about=About.UPKEEP):
            try:
                await self._calls.tell("DELETE", f"{kind}/{name}")
            except DockerError as error:
                if error.status in _NOT_NOW or _STILL_USED in error.message:
                    return False
                if error.status not in _GONE:
                    raise
            return True

    async def _list(self, kind: Kind, filters: str) -> list[Json]:
        async with self._calls.call(f"list {kind}", about=About.UPKEEP):
            found = await self._calls.ask(kind, filters=filters)
            return (found["Volumes"] if kind == "volumes" else found) or []
