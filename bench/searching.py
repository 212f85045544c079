"""(f) The list of jobs and its search, over a million of them."""

import time
from collections.abc import Mapping
from statistics import quantiles

import aiohttp
import asyncpg

from bench.run import Run
from bench.services import COORDINATOR, Services
from bench.table import Table
from tests.support.services.cluster import Service

JOBS, QUICK_JOBS = 1_000_000, 100_000
_READS = 60

# As time has left them: nearly all are over, each has its words and tags; one in a thousand is
# `rare`, every second is `common`.
FILL = """
INSERT INTO jobs (id, state, name, tags, inputs, task_count, position, created_at, started_at,
                  completed_at, failed_at, error, search)
SELECT md5(n::text), state, name, tags, '{"source": "https://example.com/video.mov"}', 1, 1,
       now() - make_interval(secs => n), now(),
       CASE WHEN state = 'COMPLETED' THEN now() END, CASE WHEN state = 'FAILED' THEN now() END,
       CASE WHEN state = 'FAILED' THEN 'exit code 1' END, job_search(name, NULL, tags)
FROM (SELECT n,
             CASE WHEN n % 50 = 0 THEN 'FAILED' WHEN n % 5000 = 1 THEN 'RUNNING'
                  ELSE 'COMPLETED' END AS state,
             'render ' || CASE WHEN n % 2 = 0 THEN 'common' ELSE 'other' END
                 || CASE WHEN n % 1000 = 0 THEN ' rare' ELSE '' END || ' clip ' || n AS name,
             ARRAY['team' || n % 20, CASE WHEN n % 1000 = 7 THEN 'urgent' ELSE 'usual' END] AS tags
      FROM generate_series($1::int, $2::int) AS n) AS made
"""
ANALYZE = "VACUUM ANALYZE jobs"

_ASKED: Mapping[str, str] = {
    "newest page": "/jobs?size=20",
    "page 500": "/jobs?size=20&page=500",
    "a state of few (RUNNING)": "/jobs?size=20&q=running",
    "a state of many (COMPLETED)": "/jobs?size=20&q=completed",
    "a tag of few": "/jobs?size=20&q=tag:urgent",
    "a tag of many": "/jobs?size=20&q=tag:usual",
    "a rare word": "/jobs?size=20&q=rare",
    "a word of every second job": "/jobs?size=20&q=common",
    "a common word and a tag": "/jobs?size=20&q=common%20tag:team3",
    "a word nobody has": "/jobs?size=20&q=unheardof",
}
_STEP = 100_000


async def measure(run: Run) -> Table:
    count = QUICK_JOBS if run.quick else JOBS
    await fill_jobs(run.ground.dsn, count)
    services = Services(run.ground, run.profile)
    try:
        coordinator = await services.start(COORDINATOR)
        measured = {name: await _milliseconds(coordinator, path) for name, path in _ASKED.items()}
    finally:
        await services.stop_all()
    return Table(
        f"(f) GET /jobs over {count:,} jobs, {_READS} requests each, one after the other",
        ("asked for", "p50 ms", "p95 ms"),
        [(name, *_percentiles(times)) for name, times in measured.items()],
    )


async def fill_jobs(dsn: str, count: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for first in range(1, count + 1, _STEP):
            await connection.execute(FILL, first, min(first + _STEP - 1, count))
        await connection.execute(ANALYZE)
    finally:
        await connection.close()


async def _milliseconds(coordinator: Service, path: str) -> list[float]:
    """Of each request, after one that warms up."""
    times: list[float] = []
    async with aiohttp.ClientSession() as session:
        for _ in range(_READS + 1):
            began = time.perf_counter()
            async with session.get(coordinator.url + path) as response:
                response.raise_for_status()
                await response.read()
            times.append((time.perf_counter() - began) * 1000)
    return times[1:]


def _percentiles(times: list[float]) -> tuple[str, str]:
    cuts = quantiles(times, n=20, method="inclusive")
    return f"{cuts[9]:.1f}", f"{cuts[18]:.1f}"
