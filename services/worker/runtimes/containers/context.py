"""What every container of a runtime is made with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.worker.runtimes.containers.engine import ContainerEngine
from services.worker.runtimes.containers.images import Images
from services.worker.runtimes.containers.mounts import MountType
from services.worker.runtimes.containers.pending_removals import PendingRemovals
from services.worker.runtimes.settings import RuntimeSettings


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
