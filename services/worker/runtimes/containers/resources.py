"""Volumes and networks of a container engine: made with labels, found by them, removed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal

from aiodocker import DockerError

from conveyor.extensions.tasks import TaskSpec
from services.worker.runtimes.containers.engine_calls import About, EngineCalls, Json
from services.worker.runtimes.containers.labels import LABEL_NODE, filter_of_task, is_earlier

Kind = Literal["networks", "volumes"]

LABEL_ISOLATED = "conveyor.isolated"
"""Of networks that a worker joins by its own container, if it is in one."""
_ALWAYS_THERE = "none"  # a network of Docker's own
_GONE = (404,)
# In use: a container of it is only just being removed, or is somebody's who joined it.
_NOT_NOW = (403, 409)
_STILL_USED = "is being used"  # Podman says it with a 500
_SUBNET_TAKEN = ("overlaps with other", "is already used", "conflicts with network")
_NO_OPTIONS: Mapping[str, str] = {}


class SubnetTaken(Exception):
    """Another network has these addresses, or some of them."""


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

    async def create_network(
        self,
        name: str,
        labels: Mapping[str, str],
        *,
        internal: bool,
        subnet: IPv4Network | None = None,
        options: Mapping[str, str] = _NO_OPTIONS,
    ) -> None:
        """A bridge; `internal`: without a way out of the machine. Raises SubnetTaken."""
        body = {"Name": name, "Labels": dict(labels), "Driver": "bridge", "Internal": internal}
        body |= {"Options": dict(options), "CheckDuplicate": True}
        if subnet is not None:
            config = {"Subnet": str(subnet), "Gateway": str(subnet[1])}
            body["IPAM"] = {"Driver": "default", "Config": [config]}
        async with self._calls.call("create a network"):
            try:
                await self._calls.tell("POST", "networks/create", body)
            except DockerError as error:
                if subnet and any(words in error.message for words in _SUBNET_TAKEN):
                    raise SubnetTaken from error
                raise

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

    async def leave(self, network: str, container: str) -> None:
        async with self._calls.call(f"leave network {network!r}", about=About.UPKEEP):
            try:
                body = {"Container": container, "Force": True}
                await self._calls.tell("POST", f"networks/{network}/disconnect", body)
            except DockerError as error:
                if error.status not in _GONE:
                    raise

    async def remove_abandoned(self, kind: Kind, name: str) -> bool:
        """As `remove`, of a worker that is gone: its own container may have joined a network."""
        if kind == "networks":
            async with self._calls.call("look at a network", about=About.UPKEEP):
                [found] = await self._list(kind, json.dumps({"name": [name]})) or [{}]
                if LABEL_ISOLATED in (found.get("Labels") or {}):
                    shown = await self._calls.ask(f"networks/{name}")
                    for container in shown.get("Containers") or {}:
                        await self.leave(name, container)
        return await self.remove(kind, name)

    async def knows(self, container: str) -> bool:
        """Whether it is one of this engine's."""
        async with self._calls.call("look for the container of the worker"):
            try:
                await self._calls.ask(f"containers/{container}/json")
            except DockerError as error:
                if error.status not in _GONE:
                    raise
                return False
            return True

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
