"""(s) Schedules that are due in the same minute: how late their jobs are created, and what a client
notices of it."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import combinations, islice, product, repeat
from statistics import median

import aiohttp
import asyncpg

from bench.run import Run
from bench.services import COORDINATOR, SCHEDULER, Services
from bench.table import Table
from bench.usage import cpu_seconds, difference
from shared.postgres.pool import set_up_connection
from tests.support.services.footprint import POSTGRES, RABBITMQ

COUNT, QUICK_COUNT = 10_000, 1_000
_SPEC = {"name": "minutely", "tasks": [{"name": "t", "run": "true"}]}
_LOOK_SECONDS, _PATIENCE_SECONDS = 0.5, 300.0
_BEFORE = timedelta(seconds=15)
_CALM_SECONDS = 5
_PAUSE_SECONDS = 0.05
_MEASURED = (SCHEDULER, POSTGRES, RABBITMQ)

ADD = """
INSERT INTO schedules (id, state, cron, timezone, overlap, catch_up, spec, created_at, next_at,
                       look_at)
SELECT a.id, 'ACTIVE', a.cron, 'UTC', 'allow', 'one', $3, now(), $4, $4
FROM unnest($1::text[], $2::text[]) AS a (id, cron)
"""
MADE = "SELECT count(*) FROM jobs WHERE schedule_at = $1"
LATE = """
SELECT extract(epoch FROM created_at - schedule_at)::float8 AS late
FROM jobs WHERE schedule_at = $1 ORDER BY 1
"""
CLEAR = "TRUNCATE schedules, schedule_runs, jobs, tasks, outbox, job_events CASCADE"
NOW = "SELECT now()"


async def measure(run: Run) -> Table:
    count = QUICK_COUNT if run.quick else COUNT
    services = Services(run.ground, run.profile)
    database = await asyncpg.connect(run.ground.dsn)
    await set_up_connection(database)
    try:
        coordinator = await services.start(COORDINATOR)
        for _ in range(2):
            await services.start(SCHEDULER)
        api = f"{coordinator.url}/jobs"
        rows = [
            await _row(title, services, database, api, crons, count)
            for title, crons in (("the same", _same), ("different", _different))
        ]
    finally:
        await database.close()
        await services.stop_all()
    return Table(
        f"(s) {count:,} schedules on the same minute, two schedulers",
        (
            "expressions",
            *("jobs", "the last after s", "p50 s", "jobs/s"),
            *(f"CPU ms a job: {name}" for name in _MEASURED),
            *("GET /jobs p50, max ms", "before ms"),
        ),
        rows,
        ("the CPU time of both schedulers; Postgres and RabbitMQ until the last job is created",),
    )


Crons = Callable[[datetime], Iterator[str]]


async def _row(
    title: str, services: Services, database: asyncpg.Connection, api: str, crons: Crons, count: int
) -> tuple[str, ...]:
    minute = _minute(await database.fetchval(NOW) + _BEFORE)
    given = list(islice(crons(minute), count))
    await database.execute(ADD, [uuid.uuid4().hex for _ in given], given, _SPEC, minute)
    calm = await _reading(api, _CALM_SECONDS)
    before = cpu_seconds(services.running)
    loaded: list[float] = []
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while await database.fetchval(MADE, minute) < count:
            loaded += await _reading(api, _LOOK_SECONDS)
    used = difference(cpu_seconds(services.running), before)
    late = [row["late"] for row in await database.fetch(LATE, minute)]
    await database.execute(CLEAR)
    return (
        title,
        f"{len(late):,}",
        f"{late[-1]:.1f}",
        f"{median(late):.1f}",
        f"{len(late) / late[-1]:.0f}",
        *(f"{used.get(name, 0) / len(late) * 1000:.2f}" for name in _MEASURED),
        _milliseconds(loaded),
        _milliseconds(calm),
    )


def _minute(after: datetime) -> datetime:
    return after.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _same(minute: datetime) -> Iterator[str]:
    return repeat(f"{minute.minute} {minute.hour} * * *")


def _different(minute: datetime) -> Iterator[str]:
    """All of them fire at `minute`, but are different days' otherwise."""
    months = _subsets(minute.month, range(1, 13))
    weekdays = list(_subsets(minute.isoweekday() % 7, range(7)))
    for of_year, of_week in product(months, weekdays):
        yield f"{minute.minute} {minute.hour} * {of_year} {of_week}"


def _subsets(needed: int, values: range) -> Iterator[str]:
    others = [value for value in values if value != needed]
    for size in range(len(others) + 1):
        for chosen in combinations(others, size):
            yield ",".join(map(str, sorted((needed, *chosen))))


async def _reading(api: str, seconds: float) -> list[float]:
    """How long requests take that come one after the other, in seconds."""
    took: list[float] = []
    end = time.perf_counter() + seconds
    async with aiohttp.ClientSession() as session:
        while (began := time.perf_counter()) < end:
            async with session.get(api, raise_for_status=True) as response:
                await response.read()
            took.append(time.perf_counter() - began)
            await asyncio.sleep(_PAUSE_SECONDS)
    return took


def _milliseconds(seconds: Sequence[float]) -> str:
    return f"{median(seconds) * 1000:.0f}, {max(seconds) * 1000:.0f}"
