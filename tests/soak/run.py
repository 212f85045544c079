"""One soak: a rehearsal, a look at rest, the steady rate, and another look at rest."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.receiver import opened_receiver
from tests.flood.submitting import Submitting
from tests.soak.kinds import Sample
from tests.soak.mix import Mix, short
from tests.soak.outcome import Outcome, is_left, lines_of
from tests.soak.system import POSTGRES_SETTINGS, places
from tests.soak.traffic import Traffic
from tests.soak.watch import Watch, opened_watch
from tests.support.engines.images import BUSYBOX
from tests.support.services.service_log import complaints
from tests.support.services.whole_system import WholeSystem, opened_whole_system

_FILLING_JOBS = 24_000  # for two workers, one of which may do more
_FILLERS = 32
_SETTLE_SECONDS = 3.0
_REST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Soak:
    system: WholeSystem
    traffic: Traffic
    watch: Watch

    async def fill(self) -> None:
        """Have so many short tasks run that whatever remembers the last of them is full.

        A worker knows the last 10,000 that it had in hand; a steady rate takes half an hour for it.
        """
        submitting = Submitting(self.system.coordinators, short, _FILLERS)
        await submitting.run(_FILLING_JOBS)
        if submitting.wrong:
            raise RuntimeError(f"{submitting.wrong[0]}")
        while await self.watch.jobs():
            await asyncio.sleep(_SETTLE_SECONDS)

    async def run(
        self, *, rehearsal_seconds: float, seconds: float, jobs_per_second: float, judged: bool
    ) -> Outcome:
        """`judged`: whether the run is long enough to tell what grows."""
        await self.traffic.run(rehearsal_seconds, jobs_per_second)
        before = await self._look_at_rest(None)
        began = time.monotonic()
        async with self._watching():
            await self.traffic.run(seconds, jobs_per_second)
        took = time.monotonic() - began
        after = await self._look_at_rest(before)
        lines = lines_of(self.watch.series, before, after, judged=judged)
        wrong = [*self.traffic.wrong, *self.system.ended, *self._complaints()]
        return Outcome(took, self.traffic.ended, lines, wrong)

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(self.watch.keep())
            yield
            keeping.cancel()

    async def _look_at_rest(self, before: Sample | None) -> Sample:
        """When all is back where it was `before`, or patience has ended; the first time, when
        nothing changes any more."""
        deadline = time.monotonic() + _REST_SECONDS
        sample = await self.watch.look()
        while time.monotonic() < deadline:
            await asyncio.sleep(_SETTLE_SECONDS)
            last, sample = sample, await self.watch.look()
            if not any(is_left(name, (before or sample)[name], last[name]) for name in sample):
                break
        return sample

    def _complaints(self) -> Iterator[str]:
        for who, service in self.system.services.items():
            for line in complaints(service.log):
                yield f"{who}: {line}"


@asynccontextmanager
async def opened_soak(directory: Path, docker_host: str | None) -> AsyncIterator[Soak]:
    """All started. With an engine that has the test images, some tasks run in containers."""
    async with AsyncExitStack() as parts:
        receiver = await parts.enter_async_context(opened_receiver(Random("soak")))
        system = await parts.enter_async_context(
            opened_whole_system(directory, places(docker_host), POSTGRES_SETTINGS)
        )
        marks = directory / "marks"
        marks.mkdir()
        mix = Mix(marks, receiver.url, BUSYBOX if docker_host else None)
        traffic = Traffic(mix, system.coordinators)
        watch = await parts.enter_async_context(opened_watch(system, docker_host))
        yield Soak(system, traffic, watch)
