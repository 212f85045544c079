"""(u) What open lists of jobs take: streams of `job,progress` events, once a second."""

import asyncio
import time
from contextlib import AsyncExitStack
from uuid import uuid4

import aiohttp
import asyncpg

from bench.run import Run
from bench.services import COORDINATOR, Services
from bench.table import Table
from bench.usage import cpu_seconds, difference
from shared.postgres.pool import set_up_connection
from tests.support.http.event_streams import add_changes, change
from tests.support.services.cluster import Service

_STREAMS = (0, 1, 100)
_CHANGES_PER_SECOND = 100
_SECONDS, _QUICK_SECONDS = 30, 8
_PATH = "/events?types=job,progress&every=1s"

FILL = """
INSERT INTO jobs (id, state, name, task_count, position, created_at, search)
SELECT 'job' || n, 'RUNNING', 'render clip ' || n, 1, 1, now(), job_search('render', NULL, '{}')
FROM generate_series(0, 999) AS n
"""


async def measure(run: Run) -> Table:
    seconds = _QUICK_SECONDS if run.quick else _SECONDS
    services = Services(run.ground, run.profile)
    database = await asyncpg.connect(run.ground.dsn)
    await set_up_connection(database)
    try:
        coordinator = await services.start(COORDINATOR)
        await database.execute(FILL)
        rows = [await _row(coordinator, database, count, seconds) for count in _STREAMS]
    finally:
        await database.close()
        await services.stop_all()
    return Table(
        f"(u) open lists while {_CHANGES_PER_SECOND} jobs a second change, {seconds} s",
        ("open lists", "coordinator, CPU % of a core", "Postgres, CPU %", "kB/s a list"),
        rows,
        ("aim: 100 lists take under 10 % of a core",),
    )


async def _row(
    coordinator: Service, database: asyncpg.Connection, count: int, seconds: float
) -> tuple[str, ...]:
    async with (
        AsyncExitStack() as stack,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        readers = [
            asyncio.create_task(
                _read(await stack.enter_async_context(session.get(coordinator.url + _PATH)))
            )
            for _ in range(count)
        ]
        await _change(database, 2)  # all have joined
        before = cpu_seconds([coordinator])
        await _change(database, seconds)
        used = difference(cpu_seconds([coordinator]), before)
    read = sum(await asyncio.gather(*readers))
    shares = [f"{used.get(name, 0) / seconds * 100:.1f}" for name in (coordinator.name, "postgres")]
    return str(count), *shares, f"{read / max(count, 1) / (seconds + 2) / 1000:.1f}"


async def _read(response: aiohttp.ClientResponse) -> int:
    """How many bytes came."""
    read = 0
    try:
        async for chunk in response.content.iter_any():
            read += len(chunk)
    except aiohttp.ClientError:  # the measurement is over
        pass
    return read


async def _change(database: asyncpg.Connection, seconds: float) -> None:
    """Each job in turn, evenly."""
    began, written = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        while written < passed * _CHANGES_PER_SECOND:
            written += 1
            await add_changes(database, change(f"job{written % 1000}", uuid4().int % 10**6))
        await asyncio.sleep(0.01)
