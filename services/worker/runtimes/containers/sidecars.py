"""A main container with its sidecars: they start first, it starts when all are ready, they stop
with it."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace

from services.worker.runtimes.containers.execution import ContainerExecution
from services.worker.runtimes.log_lines import LogLines
from services.worker.runtimes.protocol import (
    STOPPED,
    Outcome,
    RuntimeRejected,
    RuntimeUnavailable,
)
from services.worker.runtimes.stages import naming, outcome_within, timed_out
from services.worker.runtimes.task_spec import Sidecar


@dataclass(frozen=True, slots=True)
class RunningSidecar:
    spec: Sidecar
    execution: ContainerExecution
    lines: LogLines

    async def prepare(self) -> None:
        with naming(self.spec.label):
            await self.execution.prepare()

    async def start(self) -> None:
        with naming(self.spec.label):
            await self.execution.start()

    async def wait(self) -> Outcome:
        """Its end, by itself or because its time was over."""
        outcome = await outcome_within(self.execution, self.spec.timeout_seconds)
        await self.lines.end()
        return outcome or replace(STOPPED, reason=timed_out(self.spec))


class WithSidecars:
    """An `Execution`: `start` starts the sidecars, `wait` the main container as well."""

    def __init__(
        self,
        main: ContainerExecution,
        lines: LogLines,
        sidecars: Sequence[RunningSidecar],
        wait_ready: Callable[[RunningSidecar], Coroutine[object, object, None]],
    ) -> None:
        """`lines` is where the main container's output goes.

        `wait_ready` makes a started sidecar known to the main container and returns once it is
        ready. It raises RuntimeRejected when that takes too long.
        """
        self._main = main
        self._lines = lines
        self._sidecars = sidecars
        self._wait_ready = wait_ready
        self._is_stopped = False

    async def prepare(self) -> None:
        for sidecar in self._sidecars:
            await sidecar.prepare()

    async def start(self) -> None:
        for sidecar in self._sidecars:
            await sidecar.start()

    async def wait(self) -> Outcome:
        lives = [asyncio.create_task(each.wait()) for each in self._sidecars]
        try:
            return await self._until_ready(lives) or await self._run_main(lives)
        finally:
            await self._end(lives)

    async def stop(self) -> None:
        self._is_stopped = True
        await self._main.stop()
        for sidecar in self._sidecars:
            await sidecar.execution.stop()

    async def close(self) -> None:
        ours = [self._main, *(each.execution for each in self._sidecars)]
        await asyncio.gather(*(each.close() for each in ours))

    async def _until_ready(self, lives: "Sequence[asyncio.Task[Outcome]]") -> Outcome | None:
        """None when all are ready; else how the first of them ended that should live."""
        if self._is_stopped:
            return STOPPED
        waiting = asyncio.create_task(self._all_ready())
        try:
            await asyncio.wait([waiting, *lives], return_when=asyncio.FIRST_COMPLETED)
            # First of all: a probe of one that has ended fails as well, and says less.
            if (ended := self._ended(lives)) is None:
                waiting.result()
            return ended
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def _all_ready(self) -> None:
        """All at once; the first to fail fails all."""
        each = [asyncio.create_task(self._wait_ready(sidecar)) for sidecar in self._sidecars]
        try:
            await asyncio.gather(*each)
        finally:
            for wait_ready in each:
                wait_ready.cancel()
            await asyncio.gather(*each, return_exceptions=True)

    async def _run_main(self, lives: "Sequence[asyncio.Task[Outcome]]") -> Outcome:
        await self._main.prepare()
        if (ended := self._ended(lives)) is not None:
            return ended
        await self._main.start()
        outcome = await self._main.wait()
        await self._lines.end()
        return outcome

    def _ended(self, lives: "Sequence[asyncio.Task[Outcome]]") -> Outcome | None:
        for sidecar, life in zip(self._sidecars, lives, strict=True):
            if life.done():
                outcome = life.result()
                reason = outcome.reason or "it ended before the task could start"
                return replace(outcome, part=sidecar.spec.label, reason=reason)
        return None

    async def _end(self, lives: "Sequence[asyncio.Task[Outcome]]") -> None:
        """Their logs are whole when this returns."""
        # An engine that can't be reached now must not cost the main container's outcome: whoever
        # closes this, or the reaper, removes them.
        with contextlib.suppress(RuntimeRejected, RuntimeUnavailable):
            await asyncio.gather(*(each.execution.stop() for each in self._sidecars))
            await asyncio.gather(*lives)
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)
