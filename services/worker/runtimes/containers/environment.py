"""What a task's containers share, volumes and other mounts, networks: made for it, then removed.

Names are chosen here and every creation is shielded: one that was given up half-way would leave
what nobody knows of. What can't be removed when the task ends is tried again later.
"""

import asyncio
import contextlib
import re
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from conveyor.extensions.mounts import MountType
from conveyor.extensions.runtimes import Archive, RuntimeRejected, RuntimeUnavailable
from conveyor.extensions.tasks import Probe, Sidecar, TaskSpec
from services.worker.runtimes.containers.engine import ContainerEngine, ImageMissing
from services.worker.runtimes.containers.engine_calls import Json
from services.worker.runtimes.containers.files import ContainerFiles, carrier_config
from services.worker.runtimes.containers.gpus import device_requests
from services.worker.runtimes.containers.images import Images
from services.worker.runtimes.containers.layout import (
    ContainerPlacement,
    check_spec,
    labels_of,
)
from services.worker.runtimes.containers.mounts import make_mounts
from services.worker.runtimes.containers.resources import EngineResources
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.stages import naming

log = structlog.get_logger(__name__)

Remove = Callable[[], Awaitable[object]]
"""False: it is still in use. Raises RuntimeRejected, RuntimeUnavailable."""


class PendingRemovals:
    """What an engine would not remove when its task ended: tried again at each look for leftovers.

    Other workers leave it alone for as long as this one lives, and that may be for months.
    """

    def __init__(self) -> None:
        self._owed: dict[str, Remove] = {}

    async def remove(self, name: str, remove: Remove) -> None:
        """Now, or else later."""
        try:
            is_gone = await remove() is not False
        except (RuntimeRejected, RuntimeUnavailable) as error:  # the engine is away, or at a loss
            log.warning("removal_postponed", name=name, error=str(error))
            is_gone = False
        if is_gone:
            self._owed.pop(name, None)
        else:
            self._owed[name] = remove

    async def remove_again(self) -> None:
        """In the order in which they were first tried: containers before what they use."""
        for name, remove in list(self._owed.items()):
            await self.remove(name, remove)


@dataclass(frozen=True, slots=True)
class EngineContext:
    """`init`: whether containers get a small init as process 1. `ends_with_engine`: whether an
    engine that goes down ends its containers first."""

    engine: ContainerEngine
    images: Images
    settings: RuntimeSettings
    mount_types: Mapping[str, MountType]
    init: bool
    ends_with_engine: bool
    pending_removals: PendingRemovals = field(default_factory=PendingRemovals)


class ContainerEnvironment:
    """A `MountContext` as well: mounts are made at it."""

    def __init__(self, context: EngineContext, spec: TaskSpec) -> None:
        self._context = context
        self._resources = context.engine.resources
        self._spec = spec
        self._undo: list[Callable[[], Awaitable[object]]] = []
        self._hosts: dict[str, str] = {}
        self._private: str | None = None
        self._shared = ContainerPlacement()
        archives = context.engine.archives
        self.files = ContainerFiles(archives, spec, context.settings, self._new_carrier)

    @property
    def settings(self) -> RuntimeSettings:
        return self._context.settings

    async def prepare(self) -> None:
        spec = self._spec
        self._check(spec)
        gpus = tuple(device_requests(spec.gpus)) if spec.gpus else ()
        joined = await joined_networks(spec.networks, self._resources, self.settings)
        if spec.sidecars:
            joined = beside_private(joined, self.settings)
        points = await make_mounts(spec.mounts, self, self._context.mount_types)
        if spec.places:
            points.append(await self.files.prepare(points, partial(self.new_volume, {})))
        self._shared = ContainerPlacement(
            mounts=tuple(mount for point in points for mount in point.mounts),
            tmpfs={target: opts for point in points for target, opts in point.tmpfs.items()},
            sources=tuple(source for point in points for source in point.sources),
            networks=joined,
            gpus=gpus,
            files=self.files if spec.places else None,
        )
        if spec.sidecars:
            await self._make_private_network()

    async def bring(self, target: str, archive: Archive) -> None:
        await self.files.bring(target, archive)

    async def complete(self) -> None:
        """Each container gets what it needs by itself."""

    async def close(self) -> None:
        while self._undo:
            try:
                # Of a package's mount type, whose engine may be gone by now.
                with contextlib.suppress(RuntimeRejected, RuntimeUnavailable):
                    await self._undo.pop()()
            except Exception:  # of the same: the rest must go all the same
                log.exception("cleanup_failed", job=self._spec.job_id, task=self._spec.task_id)

    async def new_volume(self, options: Mapping[str, str]) -> str:
        name = f"conveyor-{uuid.uuid4().hex}"
        making = self._resources.create_volume(name, labels_of(self._spec), options)
        await self._make(making, name, lambda: self._resources.remove("volumes", name))
        return name

    async def _new_carrier(self, mounts: Sequence[Json]) -> str:
        name, engine = f"conveyor-{uuid.uuid4().hex}", self._context.engine
        making = self._create_carrier(name, mounts)
        await self._make(making, name, lambda: engine.delete(name))
        return name

    async def _create_carrier(self, name: str, mounts: Sequence[Json]) -> None:
        try:
            await self._context.engine.create(carrier_config(self._spec, mounts), name)
        except ImageMissing as error:  # it was there, and was removed by somebody
            raise RuntimeUnavailable("the image of the task vanished") from error

    def on_close(self, undo: Callable[[], Awaitable[object]]) -> None:
        self._undo.append(undo)

    def of_main(self) -> ContainerPlacement:
        return replace(self._beside(), privileged=self._spec.privileged, hosts=dict(self._hosts))

    def of_sidecar(self, host: str) -> ContainerPlacement:
        return replace(self._beside(), alias=host, gpus=())

    def of_aux(self) -> ContainerPlacement:
        """A pre's or post's: sidecars don't run then."""
        return replace(self._alone(), gpus=())

    async def meet(self, host: str, container: str) -> str:
        """The address of a started sidecar; from now on the main container knows it by `host`."""
        address = await self._resources.address_of(container, self._private or "")
        if address:
            self._hosts[host] = address
        return address

    def _beside(self) -> ContainerPlacement:
        if self._private is None:
            return self._alone()
        return replace(self._shared, networks=(self._private, *self._shared.networks))

    def _alone(self) -> ContainerPlacement:
        networks = self._shared.networks or operators_network(self.settings)
        return replace(self._shared, networks=networks)

    def _check(self, spec: TaskSpec) -> None:
        """All of it, so that nothing runs of a task that can't run to its end."""
        check_spec(spec)
        check_sidecars(spec.sidecars)
        for aux in (*spec.pre, *spec.sidecars, *spec.post):
            with naming(aux.label):
                check_spec(aux.program)
        if spec.privileged and not self.settings.privileged_allowed:
            raise RuntimeRejected(
                "privileged: this worker allows no privileged containers "
                "(its setting CONVEYOR_RUNTIME_PRIVILEGED_ALLOWED)"
            )

    async def _make_private_network(self) -> None:
        name = f"conveyor-{uuid.uuid4().hex}"
        # An operator who gives containers no network doesn't want a way out through this one.
        internal = self.settings.container_network == "none" and not self._spec.networks
        making = self._resources.create_network(name, labels_of(self._spec), internal=internal)
        await self._make(making, name, lambda: self._resources.remove("networks", name))
        self._private = name

    async def _make(
        self, making: Coroutine[object, object, None], name: str, remove: Remove
    ) -> None:
        made = asyncio.ensure_future(making)

        async def remove_once_made() -> None:
            await asyncio.wait([made])
            await self._context.pending_removals.remove(name, remove)

        self.on_close(remove_once_made)
        await asyncio.shield(made)


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_OF_A_CONTAINER = "container:"
_NONE = "none"
_ANY = "*"
_NOT_JOINED_BY_NAME = ("default", "bridge", "none", "host")


async def joined_networks(
    names: Sequence[str], resources: EngineResources, settings: RuntimeSettings
) -> tuple[str, ...]:
    """The networks under their own names, each of which exists. Raises RuntimeRejected."""
    found = tuple([await _joined(name, resources, settings) for name in dict.fromkeys(names)])
    alone = [name for name in found if name in ("host", "none") or _is_a_containers(name)]
    if alone and len(found) > 1:
        raise RuntimeRejected(f"network {alone[0]!r} cannot be combined with others")
    return found


def operators_network(settings: RuntimeSettings) -> tuple[str, ...]:
    """What containers join unless their task says otherwise."""
    return (settings.container_network,) if settings.container_network else ()


def beside_private(joined: Sequence[str], settings: RuntimeSettings) -> tuple[str, ...]:
    """What a container with sidecars joins besides its private network. Raises RuntimeRejected."""
    for name in joined:
        if name in ("host", "none") or _is_a_containers(name):
            raise RuntimeRejected(
                f"network {name!r} can't be joined by a task with sidecars: they have a network "
                "of their own"
            )
    return tuple(joined) or tuple(
        name for name in operators_network(settings) if name not in _NOT_JOINED_BY_NAME
    )


async def _joined(name: str, resources: EngineResources, settings: RuntimeSettings) -> str:
    if name == _NONE:
        return name
    if name == "host" or _is_a_containers(name):
        _check_allowed(name, settings)
        return name
    network = await resources.find_network(name) if _NAME.fullmatch(name) else None
    if network is None or network.is_ours:  # an id, or the first digits of one, finds it as well
        raise RuntimeRejected(f"network {name!r} does not exist")
    if network.driver == "host":  # also when it was named by its id
        _check_allowed(name, settings)
    elif not {_ANY, network.name} & set(settings.networks_allowed):
        raise RuntimeRejected(
            f"network {name!r}: this worker doesn't allow it "
            "(its setting CONVEYOR_RUNTIME_NETWORKS_ALLOWED)"
        )
    return network.name


def _check_allowed(name: str, settings: RuntimeSettings) -> None:
    if not settings.host_networks_allowed:
        raise RuntimeRejected(
            f"network {name!r}: this worker allows no network of the host or of another container "
            "(its setting CONVEYOR_RUNTIME_HOST_NETWORKS_ALLOWED)"
        )


def _is_a_containers(name: str) -> bool:
    return name.startswith(_OF_A_CONTAINER)


_PORTS = range(1, 65536)


def check_sidecars(sidecars: Sequence[Sidecar]) -> None:
    """Raises RuntimeRejected."""
    hosts = set[str]()
    for sidecar in sidecars:
        if sidecar.host in hosts:
            raise RuntimeRejected(f"{sidecar.label}: another has the host name {sidecar.host!r}")
        hosts.add(sidecar.host)
        if sidecar.probe is not None:
            _check_probe(sidecar.label, sidecar.probe)


def _check_probe(label: str, probe: Probe) -> None:
    if probe.command:
        return
    if probe.port not in _PORTS:
        raise RuntimeRejected(f"{label}: probe port {probe.port} must be from 1 to 65535")
    if probe.path is not None and not probe.path.startswith("/"):
        raise RuntimeRejected(f"{label}: probe path {probe.path!r} must begin with /")
