"""A task's stages: pre, main and post, one after the other, in an environment they share.

Each stage is an execution of its own, whatever the runtime. The first that fails ends the task;
post runs only when main has succeeded.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from conveyor.extensions.runtimes import (
    STOPPED,
    Archive,
    Outcome,
    Part,
    PartTimedOut,
    RuntimeRejected,
    RuntimeUnavailable,
    TransferStopped,
)
from conveyor.extensions.tasks import Aux
from services.worker.phases import Name, phase
from services.worker.runtimes.transfers import Transfers
from shared.definition.quantities import format_duration
from shared.tracing.current import step


class TaskEnvironment(Protocol):
    """What the stages of one task share: a directory, or volumes and networks."""

    async def prepare(self) -> None:
        """Raises RuntimeRejected or RuntimeUnavailable."""
        ...

    async def bring(self, target: str, archive: Archive) -> None:
        """As `Execution` has it."""
        ...

    async def complete(self) -> None:
        """Called once, when all was brought and before anything starts. Raises as `prepare`."""
        ...

    async def close(self) -> None:
        """Remove it all; called once the stages are closed. Never raises."""
        ...


class MainPart(Part, Protocol):
    def take(self, path: str) -> AbstractAsyncContextManager[Archive]:
        """As `Execution` has it."""
        ...


class StagedExecution:
    def __init__(
        self,
        environment: TaskEnvironment,
        main: MainPart,
        *,
        pre: Sequence[Part] = (),
        post: Sequence[Part] = (),
    ) -> None:
        self._environment = environment
        self._main = main
        self._transfers = Transfers()
        self._stages: tuple[Part, ...] = (*pre, main, *post)
        self._current = self._first = self._stages[0]
        self._is_stopped = False

    async def prepare(self) -> None:
        await self._environment.prepare()
        await self._first.prepare()

    async def bring(self, target: str, archive: Archive) -> None:
        if self._is_stopped:
            raise TransferStopped("stopped before files were brought")
        async with self._transfers.running():
            await self._environment.bring(target, archive)

    async def start(self) -> None:
        if not self._is_stopped:
            async with self._transfers.running():
                await self._environment.complete()
        await self._first.start()

    async def wait(self) -> Outcome:
        result = STOPPED
        for stage in self._stages:
            kind = self._kind_of(stage)
            with step("main" if kind == "run" else kind), phase(kind):
                outcome = await self._complete(stage)
            if not outcome.is_success:
                return outcome
            if stage is self._main:
                result = outcome
        return result

    @contextlib.asynccontextmanager
    async def take(self, path: str) -> AsyncIterator[Archive]:
        async with self._transfers.running(), self._main.take(path) as archive:
            yield archive

    async def terminate(self) -> None:
        self._is_stopped = True
        self._transfers.stop()
        await self._current.terminate()

    async def stop(self) -> None:
        self._is_stopped = True
        self._transfers.stop()
        await self._current.stop()

    async def close(self) -> None:
        if len(self._stages) == 1:
            await self._main.close()
        else:
            await asyncio.gather(*(stage.close() for stage in self._stages))
        await self._environment.close()

    def _kind_of(self, stage: Part) -> Name:
        place, main = self._stages.index(stage), self._stages.index(self._main)
        return "run" if place == main else "pre" if place < main else "post"

    async def _complete(self, stage: Part) -> Outcome:
        if stage is not self._first:
            if self._is_stopped:
                return STOPPED
            self._current = stage
            await stage.prepare()
            await stage.start()
        return await stage.wait()


class AuxExecution:
    """A pre or post: its failures bear its name, and it has a time-out of its own.

    The time-out counts from its start; pulling its image is the task's time alone.
    """

    def __init__(self, aux: Aux, execution: Part) -> None:
        self._aux = aux
        self._execution = execution
        self.terminate, self.stop = execution.terminate, execution.stop
        self.close = execution.close

    async def prepare(self) -> None:
        with naming(self._aux.label):
            await self._execution.prepare()

    async def start(self) -> None:
        with naming(self._aux.label):
            await self._execution.start()

    async def wait(self) -> Outcome:
        with naming(self._aux.label):
            outcome = await outcome_within(
                self._execution, self._aux.timeout_seconds, self._aux.program.grace_seconds
            )
        if outcome is None:
            raise PartTimedOut(f"{self._aux.label}: {timed_out(self._aux)}")
        return replace(outcome, part=self._aux.label)


async def outcome_within(
    execution: Part, seconds: float | None, grace_seconds: float
) -> Outcome | None:
    """How it ended; None when it was stopped because its time was over."""
    waiting = asyncio.create_task(execution.wait())
    try:
        await asyncio.wait([waiting], timeout=seconds)
        if waiting.done():
            return waiting.result()
        if grace_seconds:
            await execution.terminate()
            await asyncio.wait([waiting], timeout=grace_seconds)
        await execution.stop()
        await waiting
        return None
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


def timed_out(aux: Aux) -> str:
    return f"timed out after {format_duration(timedelta(seconds=aux.timeout_seconds or 0))}"


@contextlib.contextmanager
def naming(label: str) -> Iterator[None]:
    """What is raised in here says which part of the task it is about."""
    try:
        yield
    except (RuntimeRejected, RuntimeUnavailable) as error:
        raise type(error)(f"{label}: {error}") from error
