"""(g) Reading jobs over HTTP beside the same rows read and encoded bare."""

import time
from collections.abc import Awaitable, Callable

import aiohttp
import asyncpg
import orjson

from bench.run import Run, spread
from bench.services import COORDINATOR, Services
from bench.table import Table
from services.coordinator.store.one_job import EXECUTION, JOB, JOB_TASKS
from services.coordinator.store.rows import SUMMARY_COLUMNS
from shared.postgres.pool import set_up_connection
from tests.support.services.cluster import Service

SIZES, QUICK_SIZES = (100, 1_000, 10_000), (100, 1_000)
_PAGE = 100
_ROUNDS, _QUICK_ROUNDS = 20, 7

FILL_JOBS = """
INSERT INTO jobs (id, state, name, inputs, task_count, position, created_at, started_at,
                  completed_at, search)
SELECT 'size' || n, 'COMPLETED', 'bench', '{"source": "https://example.com/video.mov"}', n, n,
       now() - make_interval(secs => n), now(), now(), job_search('bench', NULL, '{}')
FROM unnest($1::int[]) AS n
"""
FILL_TASKS = """
WITH listed AS (
    INSERT INTO job_tasks (job_id, position, task)
    SELECT 'size' || $1::int, n, '{"name": "step", "run": "true", "env": {"N": "1"}}'
    FROM generate_series(1, $1) AS n
)
INSERT INTO tasks (id, job_id, position, state, name, queue, priority, retry, definition, node_id,
                   created_at, scheduled_at, started_at, completed_at, result)
SELECT md5($1::text || n), 'size' || $1, n, 'COMPLETED', 'step', 'default', 0, '{}',
       '{"name": "step", "run": "true", "env": {"N": "1"}}', 'node', now(), now(), now(), now(), n
FROM generate_series(1, $1) AS n
"""
ANALYZE = "VACUUM ANALYZE jobs, tasks, job_tasks"
PAGE = f"SELECT {SUMMARY_COLUMNS} FROM jobs ORDER BY created_at DESC, id DESC LIMIT {_PAGE}"

_Read = Callable[[], Awaitable[int]]


async def measure(run: Run) -> Table:
    sizes = QUICK_SIZES if run.quick else SIZES
    services = Services(run.ground, run.profile)
    database = await asyncpg.connect(run.ground.dsn)
    await set_up_connection(database)
    try:
        coordinator = await services.start(COORDINATOR)
        await _fill(database, sizes)
        rounds = _QUICK_ROUNDS if run.quick else _ROUNDS
        rows = [await _row(coordinator, database, size, rounds) for size in sizes]
        rows.append(await _page_row(coordinator, database, rounds))
    finally:
        await database.close()
        await services.stop_all()
    return Table(
        f"(g) reading over HTTP and bare (query and orjson), in turns, {rounds} rounds",
        ("read", "HTTP ms", "bare ms", "HTTP to bare"),
        rows,
        ("HTTP's time is the client's: one request and the whole body, a connection kept open",),
    )


async def _fill(database: asyncpg.Connection, sizes: tuple[int, ...]) -> None:
    await database.execute(FILL_JOBS, [*range(1, _PAGE), *sizes])
    for size in sizes:
        await database.execute(FILL_TASKS, size)
    await database.execute(ANALYZE)


async def _row(
    coordinator: Service, database: asyncpg.Connection, size: int, rounds: int
) -> tuple[str, ...]:
    job_id = f"size{size}"

    async def bare() -> int:
        rows = [
            *await database.fetch(JOB, job_id, None),
            *await database.fetch(JOB_TASKS, job_id, 0, size),
            *await database.fetch(EXECUTION, job_id),
        ]
        return len(orjson.dumps([dict(row) for row in rows], default=str))

    name = f"GET /jobs/ID, {size:,} tasks"
    return await _compared(name, f"{coordinator.url}/jobs/{job_id}", bare, rounds)


async def _page_row(
    coordinator: Service, database: asyncpg.Connection, rounds: int
) -> tuple[str, ...]:
    async def bare() -> int:
        rows = await database.fetch(PAGE)
        return len(orjson.dumps([dict(row) for row in rows], default=str))

    url = f"{coordinator.url}/jobs?size={_PAGE}"
    return await _compared(f"GET /jobs, a page of {_PAGE}", url, bare, rounds)


async def _compared(name: str, url: str, bare: _Read, rounds: int) -> tuple[str, ...]:
    async with aiohttp.ClientSession() as session:

        async def over_http() -> int:
            async with session.get(url) as response:
                response.raise_for_status()
                return len(await response.read())

        for read in (over_http, bare) * 3:
            await read()  # warms up: plans, connections
        times = [(await _timed(over_http), await _timed(bare)) for _ in range(rounds)]
    http, least = zip(*times, strict=True)
    ratios = [mine / its for mine, its in times]
    return name, spread(http), spread(least), spread(ratios, ".2f")


async def _timed(read: _Read) -> float:
    began = time.perf_counter()
    await read()
    return (time.perf_counter() - began) * 1000
