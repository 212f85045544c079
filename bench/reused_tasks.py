"""(o) `each` over many items, submitted again with one of them changed: only that one runs."""

from dataclasses import dataclass
from math import log

import asyncpg

from bench.client import Client, Json
from bench.run import Run
from bench.services import COORDINATOR, opened_services
from bench.table import Table
from bench.usage import cpu_seconds
from tests.support.services.cluster import Service
from tests.support.services.footprint import POSTGRES

SIZES, QUICK_SIZES = (1_000, 10_000), (100, 1_000)
_SLOTS = {"CONVEYOR_RUNTIME_TYPE": "shell", "CONVEYOR_WORKER_QUEUES": "default:16"}
RAN = """
SELECT count(*) FROM tasks WHERE job_id = $1 AND parent_id IS NOT NULL AND reused_from IS NULL
"""


@dataclass(frozen=True, slots=True)
class _Measured:
    """Of one job: how many of its children ran, and what it took."""

    ran: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class _Pair:
    size: int
    first: _Measured
    again: _Measured

    @property
    def cells(self) -> tuple[str, ...]:
        first, again = self.first, self.again
        each = again.cpu_seconds / self.size * 1000
        return (
            f"{self.size}",
            f"{first.ran}",
            f"{again.ran}",
            f"{first.seconds:.1f}",
            f"{again.seconds:.1f}",
            f"{again.seconds / first.seconds:.2f}",
            f"{each:.2f}",
        )


async def measure(run: Run) -> Table:
    sizes = QUICK_SIZES if run.quick else SIZES
    database = await asyncpg.connect(run.ground.dsn)
    try:
        async with opened_services(run.ground, _SLOTS, run.profile) as services:
            coordinator = services[COORDINATOR]
            async with Client(run.ground, coordinator, services.values()) as client:
                await client.run([_each(100, "0")])
                less, more = [await _pair(client, coordinator, database, size) for size in sizes]
    finally:
        await database.close()
    growth = log(more.size / less.size)
    exponent = log(more.again.seconds / less.again.seconds) / growth
    cpu = log(more.again.cpu_seconds / less.again.cpu_seconds) / growth
    return Table(
        "(o) `each` over many items with `reuse`, again with one changed, one worker with 16 slots",
        ("children", "ran", "ran again", "seconds", "again", "again to first", "CPU ms a child"),
        [less.cells, more.cells],
        (
            "CPU time: of the coordinator and of Postgres, for the second submission",
            f"exponent of growth from {less.size} to {more.size} children, of the second "
            f"submission: time {exponent:.2f}, CPU time {cpu:.2f} (1 is linear)",
        ),
    )


async def _pair(
    client: Client, coordinator: Service, database: asyncpg.Connection, size: int
) -> _Pair:
    jobs = [_each(size, last) for last in ("as it was", "changed")]
    first, again = [await _run(client, coordinator, database, job) for job in jobs]
    return _Pair(size, first, again)


async def _run(
    client: Client, coordinator: Service, database: asyncpg.Connection, job: Json
) -> _Measured:
    before = _cpu(coordinator)
    seconds, job_id = await client.run_one(job)
    used = _cpu(coordinator) - before
    return _Measured(await database.fetchval(RAN, job_id), seconds, used)


def _cpu(coordinator: Service) -> float:
    used = cpu_seconds([coordinator])
    return used[coordinator.name] + used.get(POSTGRES, 0)


def _each(size: int, last: str) -> Json:
    """No other size has the same items."""
    items = [f"{size} {number}" for number in range(size - 1)] + [f"{size} {last}"]
    child = {"run": "true", "env": {"ITEM": "{{ item.value }}"}}
    each = {"list": "{{ inputs.items }}", "task": child}
    return {
        "name": "bench",
        "reuse": {"tasks": True},
        "inputs": {"items": items},
        "tasks": [{"name": "all", "each": each}],
    }
