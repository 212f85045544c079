"""Which networks a task's containers join, by its wish and the operator's leave."""

import re
from collections.abc import Sequence

from services.worker.runtimes.containers.resources import EngineResources
from services.worker.runtimes.protocol import RuntimeRejected
from services.worker.runtimes.settings import RuntimeSettings

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
        raise RuntimeRejected(f"network {alone[0]!r} can't be joined together with others")
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
        raise RuntimeRejected(f"network {name!r} is not there: its name must be of an existing one")
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
