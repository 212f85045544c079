"""Where one container of a task stands: its mounts, its networks, the hosts it knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.worker.runtimes.containers.engine_calls import Json
from services.worker.runtimes.task_spec import TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlacement:
    """`networks`: the first is given at creation, the others are joined before the start; none
    means the engine's default. `alias` is the container's name on the first. `hosts` maps names to
    addresses. `sources` are looked at again before anything is done with the container. `gpus` and
    `privileged` are of the main container alone.
    """

    mounts: tuple[Json, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    alias: str | None = None
    hosts: Mapping[str, str] = field(default_factory=dict)
    gpus: tuple[Json, ...] = ()
    privileged: bool = False


def is_bare(spec: TaskSpec) -> bool:
    """Whether it needs nothing but its container."""
    return not (
        spec.mounts
        or spec.networks
        or spec.gpus
        or spec.privileged
        or spec.pre
        or spec.post
        or spec.sidecars
    )
