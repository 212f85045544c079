"""What every container of a runtime is made with, and what its engine would not remove yet."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from services.worker.runtimes.containers.engine import ContainerEngine
from services.worker.runtimes.containers.images import Images
from services.worker.runtimes.containers.mounts import MountType
from services.worker.runtimes.protocol import RuntimeRejected, RuntimeUnavailable
from services.worker.runtimes.settings import RuntimeSettings

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
