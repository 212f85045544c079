"""Which networks the containers of a task join: what it asks for, as far as the operator allows."""

import re
from collections.abc import Sequence

from conveyor.extensions.runtimes import RuntimeRejected
from conveyor.extensions.tasks import TaskSpec
from services.worker.runtimes.containers.resources import EngineResources
from services.worker.runtimes.settings import RuntimeSettings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_OF_A_CONTAINER = "container:"
_NONE = "none"
_ANY = "*"
_NOT_JOINED_BY_NAME = ("default", "bridge", "none", "host")


def is_isolated(spec: TaskSpec) -> bool:
    """Whether it has a network of its own that nothing can leave but by a proxy."""
    kind = spec.network.type if spec.network else "default"
    return kind == "http" or (kind == "none" and bool(spec.sidecars))


async def networks_of(
    spec: TaskSpec, resources: EngineResources, settings: RuntimeSettings
) -> tuple[str, ...]:
    """Beside the private or isolated network of a task; none means the engine's default. Raises
    RuntimeRejected."""
    if is_isolated(spec):
        return _none_beside_isolated(spec)
    joined = await _wanted(spec, resources, settings)
    return _beside_private(joined, settings) if spec.sidecars else joined


async def _wanted(
    spec: TaskSpec, resources: EngineResources, settings: RuntimeSettings
) -> tuple[str, ...]:
    kind = spec.network.type if spec.network else "default"
    if kind == "default":
        return await _joined_networks(spec.networks, resources, settings)
    if spec.networks:
        raise RuntimeRejected(f"network: the type {kind!r} cannot be combined with `networks`")
    match kind:
        case "none":
            return (_NONE,)
        case "host":
            _check_allowed(kind, settings)
            return (kind,)
        case "full" if settings.host_networks_allowed and not spec.sidecars:
            return ("host",)
        case _:
            return _bridge(kind, spec, settings)


def _none_beside_isolated(spec: TaskSpec) -> tuple[str, ...]:
    network = spec.network
    for name in ("networks", "privileged"):
        if network and getattr(spec, name):
            raise RuntimeRejected(
                f"network: the type {network.type!r} cannot be combined with `{name}`"
            )
    return ()


def _bridge(kind: str, spec: TaskSpec, settings: RuntimeSettings) -> tuple[str, ...]:
    """With a way out, and not the machine's own."""
    operators = settings.container_network
    if operators == _NONE:
        raise RuntimeRejected(
            f"network: the type {kind!r} has a way out, and this worker gives containers none "
            "(its setting CONVEYOR_RUNTIME_CONTAINER_NETWORK)"
        )
    if operators and operators not in _NOT_JOINED_BY_NAME and not _is_a_containers(operators):
        return (operators,)
    return () if spec.sidecars else ("bridge",)  # else the private one is a bridge


async def _joined_networks(
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


def _beside_private(joined: Sequence[str], settings: RuntimeSettings) -> tuple[str, ...]:
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
