"""Waits for jobs to become final: one query at a time, however many clients wait."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection

from shared.postgres.errors import DatabaseUnavailable

_SHORTEST_SECONDS = 0.1
_LONGEST_SECONDS = 0.5


FinalOf = Callable[[Collection[str]], Awaitable[set[str]]]
"""Those of the ids whose jobs are final, or gone. May raise DatabaseUnavailable."""


class FinalJobs:
    """Asks for all waiting ids together, every 100 ms at first, up to 500 ms as nothing happens."""

    def __init__(self, final_of: FinalOf) -> None:
        self._final_of = final_of
        self._waiting: dict[str, set[asyncio.Future[bool]]] = defaultdict(set)
        self._poller: asyncio.Task[None] | None = None
        self._pause = _SHORTEST_SECONDS

    async def wait_for(self, job_id: str, timeout_seconds: float) -> bool:
        """Whether the job became final in time."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[job_id].add(done)
        self._pause = _SHORTEST_SECONDS
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            return await asyncio.wait_for(done, timeout_seconds)
        except TimeoutError:  # the answer the caller asked for
            return False
        finally:
            self._forget(job_id, done)

    async def close(self) -> None:
        """Stop asking; who still waits is told now that the job is not final."""
        for waiting in self._waiting.values():
            for done in waiting:
                if not done.done():
                    done.set_result(False)
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)

    def _forget(self, job_id: str, done: asyncio.Future[bool]) -> None:
        self._waiting[job_id].discard(done)
        if not self._waiting[job_id]:
            del self._waiting[job_id]

    async def _poll(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 1.5, _LONGEST_SECONDS)
            for job_id in await self._final():
                for done in self._waiting.get(job_id, ()):
                    if not done.done():
                        done.set_result(True)

    async def _final(self) -> set[str]:
        try:
            return await self._final_of(list(self._waiting))
        except DatabaseUnavailable:  # the clients wait on; their time-outs bound it
            return set()
