"""The transfers of one task that run: a stop ends them at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from conveyor.extensions.runtimes import TransferStopped


class Transfers:
    def __init__(self) -> None:
        self._running = set[asyncio.Timeout]()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What is in here raises TransferStopped at `stop`, wherever it waits."""
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._running.add(scope)
                try:
                    yield
                finally:
                    self._running.discard(scope)
        except TimeoutError as error:
            if scope.expired():
                raise TransferStopped("stopped while files were transferred") from error
            raise

    def stop(self) -> None:
        now = asyncio.get_running_loop().time()
        for scope in self._running:
            scope.reschedule(now)
        self._running.clear()
