"""What a task's containers share, volumes and other mounts, networks: made for it, then removed.

Names are chosen here and every creation is shielded: one that was given up half-way would leave
what nobody knows of. What can't be removed when the task ends is tried again later.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import structlog

from conveyor.extensions.mounts import MountType
from conveyor.extensions.runtimes import Archive, LogSink, RuntimeRejected, RuntimeUnavailable
from conveyor.extensions.tasks import Probe, Sidecar, TaskSpec
from services.worker.runtimes.containers.engine import ContainerEngine, ImageMissing
from services.worker.runtimes.containers.engine_calls import Json
from services.worker.runtimes.containers.files import ContainerFiles, carrier_config
from services.worker.runtimes.containers.gpus import device_requests
from services.worker.runtimes.containers.images import Images
from services.worker.runtimes.containers.isolated import IsolatedNetworks, proxy_variables
from services.worker.runtimes.containers.labels import labels_of
from services.worker.runtimes.containers.layout import ContainerPlacement, check_spec
from services.worker.runtimes.containers.mounts import make_mounts
from services.worker.runtimes.containers.networks import is_isolated, networks_of, operators_network
from services.worker.runtimes.ports import NodePorts, TakenPort, port_variables, ports_of
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.stages import naming

T = TypeVar("T")

_MOST_REFUSED_NOTED = 20

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
    isolated: IsolatedNetworks
    ports: NodePorts
    pending_removals: PendingRemovals = field(default_factory=PendingRemovals)


class ContainerEnvironment:
    """A `MountContext` as well: mounts are made at it."""

    def __init__(self, context: EngineContext, spec: TaskSpec, log: LogSink) -> None:
        """`log` is told what the task wanted to reach and may not."""
        self._context = context
        self._resources = context.engine.resources
        self._spec = spec
        self._log = log
        self._refused = set[str]()
        self._undo: list[Callable[[], Awaitable[object]]] = []
        self._hosts: dict[str, str] = {}
        self._private: str | None = None
        self._shared = ContainerPlacement()
        self._ports: tuple[TakenPort, ...] = ()
        archives = context.engine.archives
        self.files = ContainerFiles(archives, spec, context.settings, self._new_carrier)

    @property
    def settings(self) -> RuntimeSettings:
        return self._context.settings

    async def prepare(self) -> None:
        spec = self._spec
        self._check(spec)
        ports_of(spec)
        gpus = self._requested_gpus()
        joined = await networks_of(spec, self._resources, self.settings)
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
        if is_isolated(spec):
            await self._isolate()
        elif spec.sidecars:
            await self._make_private_network()
        self.take_ports()

    def _requested_gpus(self) -> tuple[Json, ...]:
        spec, is_podman = self._spec, self.settings.is_podman
        if not spec.gpus:
            return ()
        return tuple(device_requests(spec.gpus, spec.gpu_devices, is_podman=is_podman))

    def take_ports(self) -> None:
        """Those of the task; others in the place of those that it has. Raises RuntimeRejected,
        RuntimeUnavailable."""
        ports = self._context.ports
        ports.give_back(self._ports)
        self._ports = ports.take(
            ports_of(self._spec), of_machine=self._alone().networks == ("host",)
        )

    async def bring(self, target: str, archive: Archive) -> None:
        await self.files.bring(target, archive)

    async def complete(self) -> None:
        """Each container gets what it needs by itself."""

    async def close(self) -> None:
        if self._ports:
            self._context.ports.give_back(self._ports)
            self._ports = ()
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
        return replace(
            self._beside(),
            privileged=self._spec.privileged,
            hosts=dict(self._hosts),
            ports=self._ports,
            take_other_ports=self.take_ports,
        )

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
        networks = tuple(dict.fromkeys((self._private, *self._shared.networks)))
        return replace(self._alone(), networks=networks)

    def _alone(self) -> ContainerPlacement:
        networks = self._shared.networks or operators_network(self.settings)
        variables = self._shared.variables | port_variables(self._ports, self._spec.variable_prefix)
        return replace(self._shared, networks=networks, variables=variables)

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

    async def _isolate(self) -> None:
        name, networks = f"conveyor-{uuid.uuid4().hex}", self._context.isolated
        making = networks.make(name, labels_of(self._spec))
        subnet = await self._make(making, name, lambda: self._resources.remove("networks", name))
        variables: dict[str, str] = {}
        network = self._spec.network
        if network and network.type == "http":
            url = await networks.listen(
                *(name, subnet, network.domains, self._note_refused, self.on_close)
            )
            variables = proxy_variables(url, [sidecar.host for sidecar in self._spec.sidecars])
        self._shared = replace(
            self._shared, networks=(name,), variables=variables, is_isolated=True
        )
        self._private = name if self._spec.sidecars else None

    async def _note_refused(self, why: str) -> None:
        if why not in self._refused and len(self._refused) < _MOST_REFUSED_NOTED:
            self._refused.add(why)
            await self._log(f"network: {why}\n".encode())

    async def _make(self, making: Coroutine[object, object, T], name: str, remove: Remove) -> T:
        made = asyncio.ensure_future(making)

        async def remove_once_made() -> None:
            await asyncio.wait([made])
            await self._context.pending_removals.remove(name, remove)

        self.on_close(remove_once_made)
        return await asyncio.shield(made)


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
