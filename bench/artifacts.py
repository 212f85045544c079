"""(l) An `each` whose children keep a small artifact each, beside one whose children keep none, and
a task that takes them all as one directory; the most of them by signed links, too."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.client import Client, Json
from bench.file_transfer import LINK_KEY
from bench.run import Run
from bench.services import COORDINATOR, SCHEDULER, WORKER, Services
from bench.table import Table
from bench.usage import cpu_seconds, difference, peak_megabytes
from tests.support.services.cluster import Service
from tests.support.services.footprint import POSTGRES

SIZES, QUICK_SIZES = (1_000, 10_000), (100, 1_000)
_DIRECTORY, _LINKS = "directory", "links"
"""How a worker reaches the store, and its queue."""
TAKING = """
SELECT extract(epoch FROM completed_at - started_at)::float8 FROM tasks
WHERE name = 'take' ORDER BY completed_at DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class _Measured:
    """Milliseconds for each child: in all, and of CPU time."""

    each: float
    coordinator: float
    worker: float
    postgres: float

    @property
    def cells(self) -> tuple[str, ...]:
        used = (self.coordinator, self.worker, self.postgres)
        return f"{self.each:.2f}", ", ".join(f"{each:.2f}" for each in used)


@dataclass(frozen=True, slots=True)
class _Ground:
    """Services, of which there is a worker for each queue, and where the store has its objects."""

    client: Client
    coordinator: Service
    workers: Mapping[str, Service]
    database: asyncpg.Connection
    objects: Path


async def measure(run: Run) -> Table:
    store = run.ground.folder / "files"
    own = {"CONVEYOR_FILES_STORE": str(store), "CONVEYOR_FILES_LINK_KEY": LINK_KEY}
    services = Services(run.ground, run.profile)
    database = await asyncpg.connect(run.ground.dsn)
    sizes = QUICK_SIZES if run.quick else SIZES
    try:
        coordinator = await services.start(COORDINATOR, own)
        await services.start(SCHEDULER, own)
        stores = {_DIRECTORY: str(store), _LINKS: coordinator.url}
        workers = {
            queue: await services.start(WORKER, {**own, **_worker(run, queue, address)})
            for queue, address in stores.items()
        }
        async with Client(run.ground, coordinator, services.running) as client:
            ground = _Ground(client, coordinator, workers, database, store / "contents")
            for queue in stores:
                await client.run([_each(100, queue, keeps=True)])
            rows = [await _row(ground, size, _DIRECTORY) for size in sizes]
            rows.append(await _row(ground, sizes[-1], _LINKS))
    finally:
        await database.close()
        await services.stop_all()
    cpu = "CPU ms: coordinator, worker, Postgres"
    return Table(
        "(l) one job, `each` over many items, each child keeps a file of 10 bytes in a directory",
        (
            *("children", "through", "ms a child", cpu, "without: ms a child", cpu, "ratio"),
            *("objects", "all are taken in s", "peak MB: coordinator, worker"),
        ),
        rows,
        ("shell runtime, one worker with 16 slots for each way to the store",),
    )


def _worker(run: Run, queue: str, store: str) -> dict[str, str]:
    return {
        "CONVEYOR_FILES_STORE": store,
        "CONVEYOR_FILES_CACHE_DIR": str(run.ground.folder / f"cache-{queue}"),
        "CONVEYOR_RUNTIME_TYPE": "shell",
        "CONVEYOR_WORKER_QUEUES": f"{queue}:16",
    }


async def _row(ground: _Ground, size: int, queue: str) -> tuple[str, ...]:
    without = await _measured(ground, size, queue, keeps=False)
    before = len(os.listdir(ground.objects))
    kept = await _measured(ground, size, queue, keeps=True)
    objects = len(os.listdir(ground.objects)) - before
    await ground.client.run([_each(size, queue, keeps=True, is_taken=True)])
    taking = await ground.database.fetchval(TAKING)
    peaks = (peak_megabytes(each) for each in (ground.coordinator, ground.workers[queue]))
    return (
        *(f"{size:,}", queue, *kept.cells, *without.cells),
        *(f"{kept.each / without.each:.2f}", f"{objects:,}", f"{taking:.1f}"),
        ", ".join(f"{peak:.0f}" for peak in peaks),
    )


async def _measured(ground: _Ground, size: int, queue: str, *, keeps: bool) -> _Measured:
    services = (ground.coordinator, ground.workers[queue])
    before = cpu_seconds(services)
    seconds = await ground.client.run([_each(size, queue, keeps=keeps)])
    used = difference(cpu_seconds(services), before)
    took = (seconds, used[COORDINATOR], used[WORKER], used.get(POSTGRES, 0.0))
    return _Measured(*(second / size * 1000 for second in took))


def _each(size: int, queue: str, *, keeps: bool, is_taken: bool = False) -> Json:
    # All different: the same content would be fetched once.
    run = f"printf '%05d%05d' {size} $N > out"
    child: Json = {"name": "keep {{ item.index }}", "run": run, "env": {"N": "{{ item.value }}"}}
    if keeps:
        child["artifacts"] = [{"name": "out", "path": "out"}]
    each = {"list": f"{{{{ sequence(0, {size}) }}}}", "task": child}
    tasks: list[Json] = [{"name": "all", "var": "all", "each": each}]
    if is_taken:
        sources = [{"artifact": "all.out", "target": "all"}]
        count = f"test $(ls all | wc -l) = {size + 1}"
        tasks.append({"name": "take", "sources": sources, "run": count})
    return {"name": "bench", "defaults": {"queue": queue}, "tasks": tasks}
