"""What a client does, and when what it asked for was done, from the rows themselves."""

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import aiohttp
import asyncpg

from bench.ground import Resources
from tests.support.services.cluster import Service

Json = dict[str, Any]

_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 1200.0

ANY_ACTIVE = """
SELECT EXISTS (SELECT FROM jobs WHERE state IN ('PENDING', 'SCHEDULED', 'RUNNING'))
"""
FAILURES = "SELECT error FROM jobs WHERE id = ANY($1::text[]) AND state <> 'COMPLETED' LIMIT 1"
LAST_END = "SELECT max(completed_at) FROM jobs WHERE id = ANY($1::text[])"
ENDS = "SELECT id, completed_at FROM jobs WHERE id = ANY($1::text[])"
STARTS = "SELECT started_at FROM tasks WHERE job_id = ANY($1::text[])"
NOT_RUNNING = """
SELECT count(*) FROM tasks WHERE job_id = ANY($1::text[]) AND state <> 'RUNNING'
"""
FIRST_START = "SELECT min(started_at) FROM tasks WHERE job_id = ANY($1::text[])"


class Client:
    """Submits over HTTP with at most `at_once` requests under way. Use as a context manager."""

    def __init__(
        self,
        ground: Resources,
        coordinator: Service,
        needed: Collection[Service],
        *,
        at_once: int = 32,
    ) -> None:
        """`needed` are looked at while waiting: when one of them has ended, so does the wait."""
        self._needed = needed
        self._dsn = ground.dsn
        self._api_url = coordinator.url
        self._slots = asyncio.Semaphore(at_once)

    async def __aenter__(self) -> "Client":
        async with AsyncExitStack() as opened:
            # Not Conveyor's own client: the bench measures the server, on the same processors.
            self._http = await opened.enter_async_context(aiohttp.ClientSession())
            self._database = await asyncpg.connect(self._dsn)
            opened.push_async_callback(self._database.close)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def submit_all(self, jobs: Sequence[Json]) -> list[str]:
        """The ids, in the order of `jobs`. Raises RuntimeError for a refusal."""
        return await asyncio.gather(*(self._submit(job) for job in jobs))

    async def run(self, jobs: Sequence[Json]) -> float:
        """Seconds from the first request to the last job's end."""
        began = datetime.now(UTC)
        ids = await self.submit_all(jobs)
        return (await self.last_end(ids) - began).total_seconds()

    async def run_one(self, job: Json) -> tuple[float, str]:
        """The same, with the id of the job."""
        began = datetime.now(UTC)
        [job_id] = await self.submit_all([job])
        return (await self.last_end([job_id]) - began).total_seconds(), job_id

    async def get(self, path: str) -> Json:
        async with self._http.get(self._api_url + path) as response:
            response.raise_for_status()
            answer: Json = await response.json()
            return answer

    async def last_end(self, ids: Sequence[str]) -> datetime:
        """Wait until no job is active. Raises RuntimeError when a job or a service failed."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while await self._database.fetchval(ANY_ACTIVE):
            if time.monotonic() > deadline:
                raise RuntimeError(f"jobs are still active after {_PATIENCE_SECONDS:g} s")
            for service in self._needed:
                service.raise_if_ended()
            await asyncio.sleep(_LOOK_SECONDS)
        if failures := await self._database.fetch(FAILURES, ids):
            raise RuntimeError(f"a job did not complete: {failures[0]['error']}")
        end: datetime = await self._database.fetchval(LAST_END, ids)
        return end

    async def first_start(self, ids: Sequence[str]) -> datetime:
        start: datetime = await self._database.fetchval(FIRST_START, ids)
        return start

    async def ends(self, ids: Sequence[str]) -> dict[str, datetime]:
        return {row["id"]: row["completed_at"] for row in await self._database.fetch(ENDS, ids)}

    async def starts(self, ids: Sequence[str]) -> list[datetime]:
        """When their tasks were last started."""
        return [row["started_at"] for row in await self._database.fetch(STARTS, ids)]

    async def all_running(self, ids: Sequence[str]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while await self._database.fetchval(NOT_RUNNING, ids):
            if time.monotonic() > deadline:
                raise RuntimeError(f"tasks don't run after {_PATIENCE_SECONDS:g} s")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _submit(self, job: Json) -> str:
        url = f"{self._api_url}/jobs"
        async with self._slots, self._http.post(url, json=job) as response:
            if not response.ok:
                raise RuntimeError(f"{url}: {response.status} {await response.text()}")
            return str((await response.json())["id"])


def shell_job(steps: int = 1) -> Json:
    return {"name": "bench", "tasks": [{"name": "step", "run": "true"}] * steps}


def container_job(image: str) -> Json:
    return {"name": "bench", "tasks": [{"name": "step", "image": image, "cmd": ["true"]}]}
