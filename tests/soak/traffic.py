"""The traffic: so many jobs a second, and customers who watch them in every way there is."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from itertools import count, cycle
from typing import Any

import aiohttp

from tests.chaos.mix import Planned
from tests.soak.mix import Mix, scheduled

_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 120.0
_GLANCE_SECONDS = 0.7
_READS = (
    "/jobs?size=20",
    "/jobs?q=running",
    "/jobs?q=chain",
    "/queues",
    "/nodes",
    "/scheduled-jobs",
    "/dead-letters",
    "/metrics",
)
_FINAL = ("COMPLETED", "FAILED", "CANCELLED")

Json = dict[str, Any]


class Traffic:
    """`ended` counts the jobs by how they ended; `wrong` says what was not as it must be."""

    def __init__(self, mix: Mix, urls: Sequence[str]) -> None:
        self._mix = mix
        self._urls = cycle(urls)
        self._numbers = count(1)
        self._under_way: set[asyncio.Task[None]] = set()
        self.ended: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def run(self, seconds: float, jobs_per_second: float) -> None:
        """Submit at that rate for so long, then wait until all these jobs have ended."""
        async with aiohttp.ClientSession() as session, _schedule(session, next(self._urls)):
            await self._submit_for(session, seconds, jobs_per_second)
            while self._under_way:
                await asyncio.wait(self._under_way)

    async def _submit_for(
        self, session: aiohttp.ClientSession, seconds: float, jobs_per_second: float
    ) -> None:
        """Others read and watch meanwhile."""
        reading = [asyncio.create_task(self._read(session)), asyncio.create_task(self._watch())]
        loop = asyncio.get_running_loop()
        began = loop.time()
        for place in range(int(seconds * jobs_per_second)):
            await asyncio.sleep(began + place / jobs_per_second - loop.time())
            customer = asyncio.create_task(self._safely(self._customer(session)))
            self._under_way.add(customer)
            customer.add_done_callback(self._under_way.discard)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

    async def _safely(self, work: Coroutine[None, None, None]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await work
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding, and the rest goes on
            self.wrong.append(f"{type(error).__name__}: {error}")

    async def _customer(self, session: aiohttp.ClientSession) -> None:
        number = next(self._numbers)
        planned = self._mix.job(number)
        url = next(self._urls)
        headers = {"Idempotency-Key": planned.key} if number % 4 == 0 else {}
        async with session.post(f"{url}/jobs", json=planned.body, headers=headers) as answer:
            told = await answer.json()
            assert answer.status == 200, f"{planned.key}: {told}"
        path = f"{url}/jobs/{told['id']}"
        if planned.is_cancelled:
            await _cancel_running(session, path)
        await _CUSTOMS[number % len(_CUSTOMS)](session, path)
        job = await _until(session, path, _FINAL)
        self.ended[job["state"]] += 1
        self._mix.forget(planned)
        if not _is_right(planned, job):
            self.wrong.append(f"{planned.key} ended {job['state']}: {job.get('error')}")

    async def _read(self, session: aiohttp.ClientSession) -> None:
        """One after the other, all that there is to read."""
        for path in cycle(_READS):
            await self._safely(_get(session, next(self._urls) + path))
            await asyncio.sleep(_LOOK_SECONDS)

    async def _watch(self) -> None:
        """The stream of all events: opened, watched for a while, dropped, opened again."""
        while True:
            async with aiohttp.ClientSession() as session:
                await self._safely(_glance(session, f"{next(self._urls)}/events", 10.0))


async def _only_look(session: aiohttp.ClientSession, path: str) -> None:
    """A customer who asks now and then how the job is."""


async def _follow_events(session: aiohttp.ClientSession, path: str) -> None:
    await _read_to_the_end(session, f"{path}/events")


async def _follow_log(session: aiohttp.ClientSession, path: str) -> None:
    await _read_to_the_end(session, f"{path}/log?follow=true")


async def _drop_events(session: aiohttp.ClientSession, path: str) -> None:
    await _glance(session, f"{path}/events", _GLANCE_SECONDS)


async def _drop_log(session: aiohttp.ClientSession, path: str) -> None:
    await _glance(session, f"{path}/log?follow=true", _GLANCE_SECONDS)


async def _read_log(session: aiohttp.ClientSession, path: str) -> None:
    await _until(session, path, _FINAL)
    await _get(session, f"{path}/log")


_CUSTOMS: Sequence[Callable[[aiohttp.ClientSession, str], Coroutine[None, None, None]]] = (
    _only_look,
    _follow_events,
    _follow_log,
    _drop_events,
    _drop_log,
    _read_log,
)


async def _cancel_running(session: aiohttp.ClientSession, path: str) -> None:
    await _until(session, path, ("RUNNING", *_FINAL))
    async with session.put(f"{path}/cancel") as answer:
        assert answer.status == 200, await answer.text()


async def _until(session: aiohttp.ClientSession, path: str, states: Sequence[str]) -> Json:
    while True:
        async with session.get(path) as answer:
            job: Json = await answer.json()
            assert answer.status == 200, f"{path}: {job}"
        if job["state"] in states:
            return job
        await asyncio.sleep(_LOOK_SECONDS)


async def _get(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(url) as answer:
        assert answer.status == 200, f"{url}: {answer.status}"
        await answer.read()


async def _read_to_the_end(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(url) as answer:
        assert answer.status == 200, f"{url}: {answer.status}"
        async for _ in answer.content.iter_any():
            pass


async def _glance(session: aiohttp.ClientSession, url: str, seconds: float) -> None:
    """Read for a while, then hang up in the middle."""
    try:
        async with asyncio.timeout(seconds):
            await _read_to_the_end(session, url)
    except TimeoutError:  # as meant: leaving the answer half read closes its connection
        pass


@asynccontextmanager
async def _schedule(session: aiohttp.ClientSession, url: str) -> AsyncIterator[None]:
    """A scheduled job, there while the context lasts."""
    async with session.post(f"{url}/scheduled-jobs", json=scheduled()) as answer:
        told = await answer.json()
        assert answer.status == 200, told
    try:
        yield
    finally:
        async with session.delete(f"{url}/scheduled-jobs/{told['id']}") as answer:
            assert answer.status == 200, await answer.text()


def _is_right(planned: Planned, job: Json) -> bool:
    return job["state"] == planned.state and job.get("result") == planned.result
