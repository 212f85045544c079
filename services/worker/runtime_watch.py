"""Whether the runtime answers: what `/health` says of it, and what slots wait for."""

import asyncio
from collections.abc import Sequence

import structlog

from conveyor.extensions.runtimes import Runtime, RuntimeUnavailable

log = structlog.get_logger(__name__)


class RuntimeWatch:
    """`look` is a round for `loops.every`, `missing` a check for `/health`."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._missing: tuple[str, ...] = (f"{runtime.name}: not asked yet",)
        self._is_up = asyncio.Event()

    async def look(self) -> None:
        try:
            await self.runtime.check()
        except RuntimeUnavailable as error:
            # What this is for: the state is the answer, the error is not the loop's.
            self.note_away(str(error))
            return
        if not self._is_up.is_set():
            log.info("runtime_reached", runtime=self.runtime.name)
        self._missing = ()
        self._is_up.set()

    async def is_healthy(self) -> bool:
        """Whether it answers at this moment."""
        try:
            await self.runtime.check()
        except RuntimeUnavailable:  # that is what was asked
            return False
        return True

    def note_away(self, reason: str) -> None:
        """Somebody met it away; until the next look finds it up, nobody takes a task."""
        if self._is_up.is_set() or not self._missing[0].endswith(reason):
            log.warning("runtime_lost", runtime=self.runtime.name, reason=reason)
        self._missing = (f"{self.runtime.name}: {reason}",)
        self._is_up.clear()

    async def wait_up(self) -> None:
        await self._is_up.wait()

    def missing(self) -> Sequence[str]:
        return self._missing
