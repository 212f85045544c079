"""What every container of a runtime is made with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.worker.runtimes.engine import Engine
from services.worker.runtimes.images import Images
from services.worker.runtimes.mounts import MountType
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.unremoved import Unremoved


@dataclass(frozen=True, slots=True)
class EngineRoom:
    """`init`: whether containers get a small init as process 1. `ends_with_engine`: whether an
    engine that goes down ends its containers first."""

    engine: Engine
    images: Images
    settings: RuntimeSettings
    mount_types: Mapping[str, MountType]
    init: bool
    ends_with_engine: bool
    unremoved: Unremoved = field(default_factory=Unremoved)
