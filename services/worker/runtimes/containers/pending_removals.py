"""What an engine would not remove when its task ended: tried again at each look for leftovers.

Other workers leave it alone for as long as this one lives, and that may be for months.
"""

from collections.abc import Awaitable, Callable

import structlog

from services.worker.runtimes.protocol import RuntimeRejected, RuntimeUnavailable

log = structlog.get_logger(__name__)

Remove = Callable[[], Awaitable[object]]
"""False: it is still in use. Raises RuntimeRejected, RuntimeUnavailable."""


class PendingRemovals:
    def __init__(self) -> None:
        self._owed: dict[str, Remove] = {}

    async def remove(self, name: str, remove: Remove) -> None:
        """Now, or else later."""
        try:
            is_gone = await remove() is not False
        except (RuntimeRejected, RuntimeUnavailable) as error:  # the engine is away, or at a loss
            log.warning("not removed yet", name=name, error=str(error))
            is_gone = False
        if is_gone:
            self._owed.pop(name, None)
        else:
            self._owed[name] = remove

    async def remove_again(self) -> None:
        """In the order in which they were first tried: containers before what they use."""
        for name, remove in list(self._owed.items()):
            await self.remove(name, remove)
