"""(t) What schedules that are not due take of an idle second."""

import asyncio

import asyncpg

from bench.run import Run
from bench.services import SCHEDULER, Services
from bench.table import Table
from bench.usage import cpu_seconds, difference
from tests.support.services.footprint import POSTGRES

COUNTS, QUICK_COUNTS = (0, 10_000, 1_000_000), (0, 10_000)
_SECONDS, _QUICK_SECONDS = 60, 15
_SETTLE_SECONDS = 3

ADD = """
INSERT INTO schedules (id, state, cron, timezone, overlap, catch_up, spec, created_at, next_at,
                       look_at)
SELECT md5(n::text), 'ACTIVE', '0 0 * * *', 'UTC', 'allow', 'one', '{}', now(), at, at
FROM generate_series(1, $1::int) AS n, LATERAL (SELECT now() + interval '1 d' + n * interval '1 s')
    AS later (at)
"""
ANALYZE = "VACUUM ANALYZE schedules"
CLEAR = "TRUNCATE schedules CASCADE"


async def measure(run: Run) -> Table:
    seconds = _QUICK_SECONDS if run.quick else _SECONDS
    services = Services(run.ground, run.profile)
    database = await asyncpg.connect(run.ground.dsn)
    try:
        await services.start(SCHEDULER)
        counts = QUICK_COUNTS if run.quick else COUNTS
        rows = [await _row(services, database, count, seconds) for count in counts]
    finally:
        await database.close()
        await services.stop_all()
    return Table(
        f"(t) an idle second, with schedules that are not due, over {seconds} s",
        ("schedules", "scheduler CPU ms", "Postgres CPU ms"),
        rows,
    )


async def _row(
    services: Services, database: asyncpg.Connection, count: int, seconds: float
) -> tuple[str, ...]:
    await database.execute(ADD, count)
    await database.execute(ANALYZE)
    await asyncio.sleep(_SETTLE_SECONDS)
    before = cpu_seconds(services.running)
    await asyncio.sleep(seconds)
    used = difference(cpu_seconds(services.running), before)
    await database.execute(CLEAR)
    milliseconds = (used[name] / seconds * 1000 for name in (SCHEDULER, POSTGRES))
    return (f"{count:,}", *(f"{each:.1f}" for each in milliseconds))
