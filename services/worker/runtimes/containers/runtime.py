"""The container runtime: a task is a container of a Docker or Podman engine, or some in turn."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Literal, cast

from conveyor.extensions.mounts import MountType
from conveyor.extensions.runtimes import (
    Execution,
    Leftover,
    LogSink,
    ProcessSink,
    ProgressSink,
)
from conveyor.extensions.tasks import Aux, Sidecar, TaskSpec
from conveyor.extensions.terminators import ContainerTerminator, Terminator
from services.worker.runtimes.containers.engine import ContainerEngine
from services.worker.runtimes.containers.engine_calls import certificates_of
from services.worker.runtimes.containers.environment import (
    ContainerEnvironment,
    EngineContext,
)
from services.worker.runtimes.containers.execution import ContainerExecution
from services.worker.runtimes.containers.images import Images, read_logins
from services.worker.runtimes.containers.isolated import IsolatedNetworks
from services.worker.runtimes.containers.kept import KeptContainer, LeftContainer, can_be_kept
from services.worker.runtimes.containers.labels import LABEL_DISPATCH, LABEL_NODE, LABEL_TASK
from services.worker.runtimes.containers.layout import (
    ContainerPlacement,
    is_bare,
    with_default_image,
)
from services.worker.runtimes.containers.mounts import MOUNT_TYPES
from services.worker.runtimes.containers.networks import operators_network
from services.worker.runtimes.containers.resources import Kind
from services.worker.runtimes.containers.sidecars import (
    RunningSidecar,
    SidecarReadiness,
    WithSidecars,
)
from services.worker.runtimes.keeping import Kept
from services.worker.runtimes.output import LogLines
from services.worker.runtimes.places import with_places
from services.worker.runtimes.ports import NodePorts
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.stages import AuxExecution, MainPart, StagedExecution
from shared.process.extensions import Group, installed, load, refuse_taken

_NOT_CONTAINERS: tuple[Kind, ...] = ("networks", "volumes")


class ContainerRuntime:
    def __init__(
        self,
        name: Literal["docker", "podman"],
        engine: ContainerEngine,
        images: Images,
        settings: RuntimeSettings,
        mount_types: Mapping[str, MountType] = MOUNT_TYPES,
    ) -> None:
        self._name = name
        init = name == "docker" if settings.container_init is None else settings.container_init
        self._context = EngineContext(
            *(engine, images, settings, mount_types, init),
            ends_with_engine=name == "docker",
            isolated=IsolatedNetworks(engine.resources, settings, is_podman=name == "podman"),
            ports=NodePorts(settings.dynamic_ports),
        )
        # Of a task that is one container and nothing else.
        self._bare = ContainerPlacement(networks=operators_network(settings))

    @property
    def name(self) -> str:
        return self._name

    async def check(self) -> None:
        engine = self._context.engine
        await engine.ping()
        if self._name == "docker":
            # Up to 20.10.26 its networks can lock each other out while containers come and go
            # (moby issue 46661): it answers a ping then, and starts no container any more.
            await engine.resources.check()

    def execution(self, spec: TaskSpec, log: LogSink, progress: ProgressSink) -> Execution:
        spec = self._complete(spec)
        if is_bare(spec):
            return ContainerExecution(self._context, spec, lambda: self._bare, log, progress)
        environment = ContainerEnvironment(self._context, spec, log)
        return StagedExecution(
            environment,
            self._main(spec, environment, log, progress),
            pre=[self._aux(aux, environment, log) for aux in spec.pre],
            post=[self._aux(aux, environment, log) for aux in spec.post],
        )

    @property
    def engine_address(self) -> str:
        return self._context.engine.address

    def kept_execution(
        self, spec: TaskSpec, log: LogSink, progress: ProgressSink, kept: Kept
    ) -> Execution | None:
        if not can_be_kept(spec):
            return None
        spec = self._complete(spec)
        if kept.is_left:
            return LeftContainer(self._context, spec, lambda: self._bare, log, progress, kept=kept)
        if is_bare(spec):
            return KeptContainer(self._context, spec, lambda: self._bare, log, progress, kept=kept)
        environment = ContainerEnvironment(self._context, spec, log)
        main = KeptContainer(self._context, spec, environment.of_main, log, progress, kept=kept)
        environment.files.only_container = lambda: main.container
        return StagedExecution(environment, main)

    async def is_there(self, task_id: str, dispatch: int) -> bool:
        return bool(await self._context.engine.of_dispatch(task_id, dispatch))

    async def end_left(self, task_id: str, dispatch: int) -> None:
        engine = self._context.engine
        await _remove(await engine.of_dispatch(task_id, dispatch), engine.delete)

    def _complete(self, spec: TaskSpec) -> TaskSpec:
        return with_places(with_default_image(spec, self._context.settings.default_image))

    def terminators(self, node_id: str, on_process: ProcessSink) -> Sequence[Terminator]:
        del on_process
        address = self._context.engine.address
        terminator = ContainerTerminator(
            engine=address,
            node_label=f"{LABEL_NODE}={node_id}",
            task_label=LABEL_TASK,
            dispatch_label=LABEL_DISPATCH,
            certificates=certificates_of(address) or "",
        )
        return (terminator,)

    async def reap(self, is_left: Callable[[Leftover], bool]) -> int:
        """Containers first: while one stands, its networks and volumes can't go."""
        engine = self._context.engine
        await self._context.pending_removals.remove_again()

        def left(found: Sequence[tuple[str, str]]) -> list[str]:
            return [each for each, node in found if is_left(Leftover(node, each))]

        removed = await _remove(left(await engine.labelled()), engine.delete)
        for kind in _NOT_CONTAINERS:
            found = left(await engine.resources.labelled(kind))
            removed += await _remove(found, partial(engine.resources.remove_abandoned, kind))
        return removed

    async def remove_earlier(self, spec: TaskSpec) -> int:
        engine = self._context.engine
        removed = await _remove(await engine.earlier(spec), engine.delete)
        for kind in _NOT_CONTAINERS:
            found = await engine.resources.earlier(kind, spec)
            removed += await _remove(found, partial(engine.resources.remove_abandoned, kind))
        return removed

    async def close(self) -> None:
        await self._context.engine.close()

    def _main(
        self,
        spec: TaskSpec,
        environment: ContainerEnvironment,
        log: LogSink,
        progress: ProgressSink,
    ) -> MainPart:
        if not spec.sidecars:
            main = ContainerExecution(self._context, spec, environment.of_main, log, progress)
            if not (spec.pre or spec.post):
                environment.files.only_container = lambda: main.container
            return main
        lines = LogLines(log)
        main = ContainerExecution(self._context, spec, environment.of_main, lines.write, progress)
        sidecars = [self._sidecar(sidecar, environment, log) for sidecar in spec.sidecars]
        return WithSidecars(main, lines, sidecars, SidecarReadiness(self._context, environment))

    def _aux(self, aux: Aux, environment: ContainerEnvironment, log: LogSink) -> AuxExecution:
        return AuxExecution(
            aux, ContainerExecution(self._context, aux.program, environment.of_aux, log)
        )

    def _sidecar(
        self, sidecar: Sidecar, environment: ContainerEnvironment, log: LogSink
    ) -> RunningSidecar:
        lines = LogLines(log, prefix=f"[{sidecar.host}] ")
        execution = ContainerExecution(
            self._context,
            sidecar.program,
            lambda: environment.of_sidecar(sidecar.host),
            lines.write,
        )
        return RunningSidecar(sidecar, execution, lines)


async def _remove(left: Sequence[str], remove: Callable[[str], Awaitable[object]]) -> int:
    """False of `remove`: it is still in use."""
    return sum([await remove(each) is not False for each in left])


def make_container_runtime(settings: RuntimeSettings) -> ContainerRuntime:
    """Raises what `make_runtime` raises."""
    logins = read_logins(settings.docker_config)
    engine = ContainerEngine(
        settings.podman_socket if settings.is_podman else settings.docker_host,
        timeout_seconds=settings.engine_timeout_seconds,
        pull_seconds=settings.pull_timeout_seconds,
        is_podman=settings.is_podman,
    )
    return ContainerRuntime(
        "podman" if settings.is_podman else "docker",
        engine,
        Images(engine, logins),
        settings,
        mount_types(),
    )


def mount_types() -> Mapping[str, MountType]:
    """Ours, and all that installed packages add: which one is used is for the jobs to say.

    Raises ExtensionRejected.
    """
    refuse_taken(Group.MOUNTS, MOUNT_TYPES)
    names = installed(Group.MOUNTS)
    return {**MOUNT_TYPES, **{name: cast(MountType, load(Group.MOUNTS, name)) for name in names}}
